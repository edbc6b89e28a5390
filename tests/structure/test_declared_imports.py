"""Every third-party module that the package imports belongs to a dependency that pyproject.toml declares."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hitl_orchestrator"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOT_FOR_USERS = {"dev", "docs", "bench"}


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()  # type: ignore[union-attr]


@cache
def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (needs for extra, needs in project["optional-dependencies"].items() if extra not in NOT_FOR_USERS)
    return {name_of(need) for needs in (project["dependencies"], *extras) for need in needs}


@cache
def distributions() -> dict[str, set[str]]:
    return {module: {name_of(each) for each in names} for module, names in packages_distributions().items()}


def imported_by(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def undeclared(source: str) -> set[str]:
    ours = {*sys.stdlib_module_names, "hitl_orchestrator"}
    return {
        name for name in imported_by(source) if name not in ours and not distributions().get(name, set()) & declared()
    }


def test_a_module_imports_declared_dependencies_only() -> None:
    # pytest alone loads the plugin.
    by_pytest = {"testing/plugin.py": {"pytest"}, "testing/policy_files.py": {"pytest"}}
    found = {str(module.relative_to(PACKAGE)): undeclared(module.read_text(encoding="utf-8")) for module in MODULES}
    assert len(found) > 100
    assert {module: names for module, names in found.items() if names} == by_pytest


def test_an_undeclared_import_is_found() -> None:
    assert undeclared("import pytest\nfrom hypothesis import given\nimport pydantic\nimport os") == {
        "pytest",
        "hypothesis",
    }
