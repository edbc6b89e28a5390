"""The options that several commands share, and the decorator that registers a command with them."""

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar

import typer

from hitl_orchestrator.cli.given import GlobalOptions

Command = TypeVar("Command", bound=Callable[..., None])

Store = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Store URL. Default: HITL_STORE, else sqlite:///hitl.db.")
]
Policy = Annotated[
    str | None,
    typer.Option("--policy", metavar="FILE", help="Routing policy. Default: HITL_POLICY, else the store's active one."),
]
Reviewers = Annotated[
    str | None,
    typer.Option(
        "--reviewers", metavar="FILE", help="Reviewers file. Default: HITL_REVIEWERS, else one reviewer per role."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHARED: dict[str, Any] = {"store": Store, "policy": Policy, "reviewers": Reviewers}

CaseId = Annotated[str, typer.Argument(metavar="ID", help="Case id or task id.")]
Reviewer = Annotated[str, typer.Option("--reviewer", metavar="ID", help="Your id in the reviewers file.")]
ReasonCode = Annotated[
    str | None, typer.Option("--reason-code", metavar="CODE", help="One of the reason codes of the policy.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, stored in the ledger.")]
Out = Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write to this file.")]

STORE, STORE_AND_PEOPLE, ALL = ("store",), ("store", "reviewers"), tuple(SHARED)


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
        run.__doc__ = function.__doc__
        group.command(name, rich_help_panel=panel, hidden=hidden)(run)
        return function

    return register


def show_help(context: typer.Context) -> None:
    """Print the help of a group that is called without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)


def _session(before: GlobalOptions, typed: GlobalOptions) -> Any:
    """Return the session. Options typed after the command's name win over those typed before it."""
    from hitl_orchestrator.cli.session import start  # noqa: PLC0415 - `--help` must not load the store

    return start(
        GlobalOptions(
            before.store if typed.store is None else typed.store,
            before.policy if typed.policy is None else typed.policy,
            before.reviewers if typed.reviewers is None else typed.reviewers,
            before.as_json or typed.as_json,
        )
    )
