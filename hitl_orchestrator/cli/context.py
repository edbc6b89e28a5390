"""The options that several commands share, and the decorator that registers a command with them."""

import sys
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from hitl_orchestrator.cli.global_options import GlobalOptions
from hitl_orchestrator.errors import InvalidInput

Command = TypeVar("Command", bound=Callable[..., None])


def option(metavar: str | None, text: str, *names: str, **settings: Any) -> Any:
    """Describe an option of a command, a flag if `metavar` is None. By default it is named after its parameter."""
    return typer.Option(*names, metavar=metavar, help=text, **settings)


def argument(metavar: str, text: str, **settings: Any) -> Any:
    """Describe an argument of a command."""
    return typer.Argument(metavar=metavar, help=text, **settings)


Store = Annotated[str | None, option("URL", "Store URL. Default: HITL_STORE, else sqlite:///hitl.db.", "--store")]
Policy = Annotated[
    str | None,
    option("FILE", "Routing policy of a new store. Default: HITL_POLICY.", "--policy"),
]
Reviewers = Annotated[
    str | None,
    option("FILE", "Reviewers file of a new store. Default: HITL_REVIEWERS.", "--reviewers"),
]
AsJson = Annotated[bool, option(None, "Print JSON.", "--json")]
SHARED: dict[str, Any] = {"store": Store, "policy": Policy, "reviewers": Reviewers}

CaseId = Annotated[str, argument("ID", "Case id, its first 8 or more characters, or task id.")]
Reviewer = Annotated[str, option("ID", "Your id as a reviewer.", "--reviewer")]
ReasonCode = Annotated[str | None, option("CODE", "One of the reason codes of the policy.", "--reason-code")]
Reason = Annotated[str, option("TEXT", "Reason, stored in the ledger.", "--reason")]
Yes = Annotated[bool, option(None, "Do not ask for confirmation.", "--yes")]
Out = Annotated[str | None, option("FILE", "Write to this new file, readable by you only.", "--out")]
Force = Annotated[bool, option(None, "Replace an existing file.", "--force")]

App = Annotated[
    str | None,
    option("MODULE:NAME", "The orchestrator of your application, with its classifier and resumers.", "--app"),
]

NO_CONFIRMATION = "--yes is needed without a terminal; at a terminal the command asks for confirmation"

STORE, STORE_AND_PEOPLE, ALL = ("store",), ("store", "reviewers"), tuple(SHARED)


class _Flags:
    """Shows flags by their names alone, those of Typer too; Typer writes the type of their value, `<bool>`, beside."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, `--help` among them."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc] # of the class beside this one
        for each in parameters:
            if isinstance(each, TyperOption) and each.is_flag:
                each.metavar = ""
        return parameters


class _Command(_Flags, TyperCommand):
    """A command."""


class Group(_Flags, TyperGroup):
    """A group of commands."""


def command(
    group: typer.Typer, name: str, shared: tuple[str, ...] = ALL, *, panel: str | None = None, hidden: bool = False
) -> Callable[[Command], Command]:
    """Register a function as a command with `--json` and the `shared` options.

    The function receives a `Session` first. Its other parameters are its own arguments and options.
    """

    def register(function: Command) -> Command:
        def run(context: typer.Context, **values: Any) -> None:
            typed = GlobalOptions(as_json=values.pop("as_json"), **{option: values.pop(option) for option in shared})
            function(_session(context.obj, typed), **values)

        own = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in signature(function).parameters.values()][1:]
        options = [Parameter(each, Parameter.KEYWORD_ONLY, default=None, annotation=SHARED[each]) for each in shared]
        as_json = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
        first = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [first, *own, *options, as_json]
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # typer reads both
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = _paragraphs(function.__doc__ or "")
        group.command(name, cls=_Command, rich_help_panel=panel, hidden=hidden)(run)
        return function

    return register


def may_ask(session: Any, *, yes: bool) -> None:
    """Raise `InvalidInput` if a command that asks for confirmation can neither ask nor was confirmed by `--yes`."""
    if not yes and (session.as_json or sys.stdin is None or not sys.stdin.isatty()):
        raise InvalidInput([NO_CONFIRMATION])


def _paragraphs(docstring: str) -> str:
    """Return a docstring whose paragraphs are one line each, so that the help wraps them by the width of the screen."""
    return "\n\n".join(" ".join(part.split()) for part in docstring.split("\n\n"))


def show_help(context: typer.Context) -> None:
    """Print the help of a group that is called without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)


def _session(before: GlobalOptions, typed: GlobalOptions) -> Any:
    """Return the session. Options typed after the command's name win over those typed before it."""
    from hitl_orchestrator.cli.session import start  # noqa: PLC0415 - `--help` must not load the store

    return start(
        GlobalOptions(
            _stripped(before.store if typed.store is None else typed.store),
            _stripped(before.policy if typed.policy is None else typed.policy),
            _stripped(before.reviewers if typed.reviewers is None else typed.reviewers),
            before.as_json or typed.as_json,
        )
    )


def _stripped(value: str | None) -> str | None:
    """Return an option without the blanks around it."""
    return None if value is None else value.strip()
