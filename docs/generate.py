"""Writes what the docs take from the code: commands, floors, the life of a review, the picture of the flow, and a map.

`python docs/generate.py` writes, `python docs/generate.py --check` only says what is out of date (exit code 1).
"""

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from picture import flow

from hitl_orchestrator.cli.app import app
from hitl_orchestrator.policies import read_policy
from hitl_orchestrator.policies.analysis.decision_map import policy_map, svg
from hitl_orchestrator.review.lifecycle import drawing

HERE = Path(__file__).parent
ROOT, PACKAGE = HERE.parent, HERE.parent / "hitl_orchestrator"
CLI, ARCHITECTURE, PICTURE = HERE / "cli.md", HERE / "architecture.md", HERE / "img" / "flow.svg"
MAP = HERE / "img" / "policy_map.svg"
LIFECYCLE = HERE / "lifecycle.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def main(arguments: list[str]) -> int:
    """Write what is out of date, or with `--check` name it."""
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stdout.write(f"{path.name} is out of date; run: python docs/generate.py\n")
        else:
            path.write_text(wanted()[path], "utf-8")
    return 1 if stale and "--check" in arguments else 0


def wanted() -> dict[Path, str]:
    """Return every generated file as it should be."""
    commands = reference(typer.main.get_command(app), "hitl")
    life = ("```mermaid", drawing(), "```", "")
    pages = {CLI: commands, ARCHITECTURE: floors(), LIFECYCLE: life}
    return {page: between(page, lines) for page, lines in pages.items()} | {PICTURE: flow(), MAP: canonical_map()}


def canonical_map() -> str:
    """Return the map of the policy that is used where no other is given, as `hitl policy check` draws it."""
    path = PACKAGE / "data" / "routing_policy.json"
    return svg(policy_map(read_policy(path.read_text("utf-8"), path.name)))


def between(page: Path, lines: Iterable[str]) -> str:
    """Return a page with these lines between its marks."""
    before, rest = page.read_text("utf-8").split(BEGIN)
    behind = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n{END}{behind}"


def floors() -> Iterator[str]:
    """Yield the floors of the house from the top, as the import-linter contract has them, with what is on each."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = settings["contracts"][0]["layers"]
    yield "| floor | module | what it is |"
    yield "|---|---|---|"
    for number, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        for room in layer.replace(":", "|").split("|"):
            for module in modules(room.strip()):
                name = module.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__")
                yield f"| {number} | `{name}` | {sentence(module)} |"
    yield ""


def modules(room: str) -> Iterator[Path]:
    """Yield the modules of a room that say what they are; the package itself comes first."""
    if (alone := PACKAGE / f"{room}.py").exists():
        yield alone
        return
    yield from (PACKAGE / room).glob("__init__.py")
    yield from sorted(one for one in (PACKAGE / room).glob("*.py") if one.stem not in {"__init__", "__main__"})


def sentence(module: Path) -> str:
    """Return the first sentence of a module's docstring."""
    told = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    return " ".join(told.partition("\n\n")[0].split()).replace("|", "\\|")


def reference(command: Any, name: str) -> Iterator[str]:
    """Yield the section of a command, and those of the commands below it. Groups only hold others."""
    below = getattr(command, "commands", {})
    if not below:
        yield from _section(command, name)
    for word, one in below.items():
        yield from reference(one, f"{name} {word}")


def _section(command: Any, name: str) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    words = [f"{one.metavar}{'...' if one.nargs < 0 else ''}" for one in arguments]
    words += [f"{one.opts[0]} {one.metavar}" for one in options if one.required]
    yield f"### {name}\n"
    yield f"{command.help}\n"
    yield f"    {' '.join((name, *words))} [OPTIONS]\n"
    yield "| option | what it says |"
    yield "|---|---|"
    for one in arguments:
        yield f"| `{one.metavar}` | {_help(one)} |"
    for one in options:
        yield f"| `{', '.join(one.opts)}{'' if one.is_flag else f' {one.metavar}'}` | {_help(one)} |"
    yield ""


def _help(one: Any) -> str:
    needed = " Required." if one.required and one.param_type_name == "option" else ""
    silent = one.required or getattr(one, "is_flag", False) or one.default is None
    default = "" if silent else f" Default: {one.default}."
    return f"{one.help.replace('|', chr(92) + '|')}{needed}{default}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
