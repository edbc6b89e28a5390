"""The SQL texts that a process runs are those of the definitions."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from hitl_orchestrator.ledger.database.statement import Statement, all_of
from hitl_orchestrator.ledger.store import sql

ROOT = Path(__file__).parents[2]


def test_the_texts_are_those_of_the_definitions():
    check = [sys.executable, str(ROOT / "tools" / "statements.py"), "--check"]

    done = subprocess.run(check, check=False, capture_output=True, text=True, timeout=120)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_template_takes_parts_of_both_databases():
    conditions = all_of([Statement("a", "a = :a OR b", "a = %(a)s OR b"), Statement("c", "c = :c", "c = %(c)s")])
    template = Statement("t", "SELECT 1 WHERE {conditions}", "SELECT 2 WHERE {conditions}")

    filled = template.filled(conditions=conditions)

    assert (filled.sqlite, filled.postgres) == (
        "SELECT 1 WHERE (a = :a OR b) AND (c = :c)",
        "SELECT 2 WHERE (a = %(a)s OR b) AND (c = %(c)s)",
    )


MODULES = sorted(path.stem for path in Path(sql.__path__[0]).glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_every_text_is_used(module):
    """A text that nothing runs would be a definition without a use."""
    names = [name for name in vars(import_module(f"{sql.__name__}.{module}")) if name.isupper()]
    code = "\n".join(
        path.read_text("utf-8")
        for folder in ("store", "database", "verification")
        for path in (ROOT / "hitl_orchestrator" / "ledger" / folder).rglob("*.py")
        if not {"sql", "statements"} & set(path.parts)
    )

    assert [name for name in names if name not in code] == []
