"""Render the public values, the errors and the commands as Markdown for the reference pages."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hitl_orchestrator import errors

DOMAIN = Path(errors.__file__).parents[1] / "domain"
VALUES = ("Task", "AgentOutput", "Proposal", "Review", "ReviewRequest", "Reviewer", "Case", "CallKey", "Execution")


def value_tables() -> Iterator[str]:
    """Yield a section for each public value, with its fields as they stand in the source."""
    modules = [ast.parse(path.read_text("utf-8")) for path in DOMAIN.glob("*.py")]
    classes = {node.name: node for module in modules for node in module.body if isinstance(node, ast.ClassDef)}
    for name in VALUES:
        yield f"### {name}\n\n{ast.get_docstring(classes[name])}\n\n| field | type | default |\n|---|---|---|"
        for field in classes[name].body:
            if isinstance(field, ast.AnnAssign):
                kind = ast.unparse(field.annotation).replace("|", "\\|")
                yield f"| `{ast.unparse(field.target)}` | `{kind}` | {default_of(field)} |"
        yield ""


def default_of(field: ast.AnnAssign) -> str:
    """Return the default of a field as one table cell; empty for a required field."""
    default = field.value
    if isinstance(default, ast.Call):  # Field(default=..., ge=0)
        default = next((word.value for word in default.keywords if word.arg and word.arg.startswith("default")), None)
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
