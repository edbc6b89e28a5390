"""Write the parts of the documentation that come from the code.

`python docs/generate.py` writes them, `python docs/generate.py --check` lists the files that are out of date and exits
with 1 if there are any.
"""

import ast
import inspect
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from pictures import architecture, flow, review_states

import hitl_orchestrator
from hitl_orchestrator import errors
from hitl_orchestrator.cli.app import app
from hitl_orchestrator.policies import policy_map, read_policy
from hitl_orchestrator.review.lifecycle import MOVES, State

HERE = Path(__file__).parent
ROOT, PACKAGE = HERE.parent, HERE.parent / "hitl_orchestrator"
VALUES = ("Task", "AgentOutput", "Proposal", "Review", "ReviewRequest", "Reviewer", "Case")
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def main(arguments: list[str]) -> int:
    """Write the files that are out of date; with `--check`, only list them."""
    files = generated_files()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stdout.write(f"{path.name} is out of date; run: python docs/generate.py\n")
        else:
            path.write_text(files[path], "utf-8")
    return 1 if stale and "--check" in arguments else 0


def generated_files() -> dict[Path, str]:
    """Return the content of every file that has a generated part."""
    policy = PACKAGE / "data" / "routing_policy.json"
    endings = {
        verb.value: end.value for (state, verb), end in MOVES.items() if state is State.OPEN and end not in _OPEN
    }
    pages = {
        HERE / "reference" / "cli.md": command_panels(typer.main.get_command(app)),
        HERE / "reference" / "errors.md": error_table(),
        HERE / "reference" / "python-api.md": value_tables(),
    }
    pictures = {
        "flow": flow(),
        "architecture": architecture(layers()),
        "review_states": review_states(endings),
        "policy_map": policy_map(read_policy(policy.read_text("utf-8"), policy.name))._repr_svg_(),
    }
    return {page: with_lines(page, lines) for page, lines in pages.items()} | {
        HERE / "img" / f"{name}.svg": svg for name, svg in pictures.items()
    }


_OPEN = {State.OPEN, State.CLAIMED}


def with_lines(page: Path, lines: Iterable[str]) -> str:
    """Return a page with these lines between its two marks."""
    before, rest = page.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n{END}{after}"


def layers() -> list[list[str]]:
    """Return the layers of the import-linter contract, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(contract for contract in settings["contracts"] if contract["type"] == "layers")
    return [[name.strip() for name in layer.replace(":", "|").split("|")] for layer in contract["layers"]]


def value_tables() -> Iterator[str]:
    """Yield a section for each public value, with its fields as they stand in the source."""
    for name in VALUES:
        value = getattr(hitl_orchestrator, name)
        [body] = [node.body for node in ast.parse(inspect.getsource(value)).body if isinstance(node, ast.ClassDef)]
        yield f"### {name}\n\n{inspect.getdoc(value)}\n\n| field | type | default |\n|---|---|---|"
        for field in body:
            if isinstance(field, ast.AnnAssign):
                kind = ast.unparse(field.annotation).replace("|", "\\|")
                yield f"| `{ast.unparse(field.target)}` | `{kind}` | {default_of(field)} |"
        yield ""


def default_of(field: ast.AnnAssign) -> str:
    """Return the default of a field as one table cell; empty for a required field."""
    default = field.value
    if isinstance(default, ast.Call):  # Field(default=..., ge=0)
        default = next((word.value for word in default.keywords if word.arg == "default"), None)
    return f"`{ast.unparse(default)}`" if default else ""


def error_table() -> Iterator[str]:
    """Yield one row per public error, in the order of the tree."""
    yield "| error | is a | HTTP status | exit code | meaning |\n|---|---|---|---|---|"
    for error in subclasses(errors.HitlError):
        code = 1 if issubclass(error, errors.RequestRejected) else 2
        names = f"`{error.__name__}` | `{error.__base__.__name__}`"
        yield f"| {names} | {error.http_status} | {code} | {summary(error)} |"
    yield ""


def subclasses(error: type) -> Iterator[type]:
    """Yield an error of `errors` and the errors below it, depth first."""
    yield error
    for below in error.__subclasses__():
        if below.__module__ == errors.__name__ or getattr(errors, below.__name__, None) is below:
            yield from subclasses(below)


def summary(documented: type) -> str:
    """Return the first paragraph of a docstring as one table cell."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split()).replace("|", "\\|")


def command_panels(group: Any) -> Iterator[str]:
    """Yield the sections of all commands, below a heading for each panel of `hitl --help`."""
    panels: dict[str, list[str]] = {}
    for word, command in group.commands.items():
        if not command.hidden:
            panels.setdefault(str(command.rich_help_panel), []).extend(command_sections(command, f"hitl {word}"))
    for panel, lines in panels.items():
        yield f"## {panel}\n"
        yield from lines


def command_sections(command: Any, name: str) -> Iterator[str]:
    """Yield the section of a command, or those of the commands in a group."""
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from command_sections(below, f"{name} {word}")
    if not hasattr(command, "commands"):
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        words = [f"{param.metavar}{'...' if param.nargs < 0 else ''}" for param in arguments]
        words += [f"{param.opts[0]} {param.metavar}" for param in options if param.required]
        yield f"### {name}\n"
        yield f"{command.help}\n"
        yield f"    {' '.join((name, *words))} [OPTIONS]\n"
        yield "| option | meaning |"
        yield "|---|---|"
        yield from (f"| `{param.metavar}` | {option_help(param)} |" for param in arguments)
        for param in options:
            value = "" if param.is_flag else f" {param.metavar}"
            yield f"| `{', '.join(param.opts)}{value}` | {option_help(param)} |"
        yield ""


def option_help(param: Any) -> str:
    """Return the help of an option with its default."""
    required = " Required." if param.required and param.param_type_name == "option" else ""
    has_default = not (param.required or getattr(param, "is_flag", False) or param.default is None)
    default = f" Default: {param.default}." if has_default else ""
    return f"{param.help.replace('|', chr(92) + '|')}{required}{default}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
