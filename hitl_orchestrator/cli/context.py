"""The options that several commands share, each said once."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

Store = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="Where the cases are. Default: HITL_STORE, else sqlite:///hitl.db."),
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Routing policy. Default: HITL_POLICY, else the store's current one.",
    ),
]
Reviewers = Annotated[
    str | None,
    typer.Option("--reviewers", metavar="FILE", help="Who may decide. Default: HITL_REVIEWERS, else a seat per role."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
CaseId = Annotated[str, typer.Argument(metavar="ID", help="The id of a case or of its task.")]


class GlobalOptions(NamedTuple):
    """The shared options as they stood before the command's name."""

    store: str | None = None
    policy: str | None = None
    reviewers: str | None = None
    as_json: bool = False


NO_OPTIONS = GlobalOptions()


def help_alone(context: typer.Context) -> None:
    """Show the help of a group that is called without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def session_of(
    context: typer.Context,
    store: str | None = None,
    policy: str | None = None,
    reviewers: str | None = None,
    as_json: bool = False,
) -> "Session":
    """Return the session; what stands behind the command's name counts more than what stands before it."""
    from hitl_orchestrator.cli.session import start  # noqa: PLC0415

    before: GlobalOptions = context.obj
    return start(
        GlobalOptions(
            store=before.store if store is None else store,
            policy=before.policy if policy is None else policy,
            reviewers=before.reviewers if reviewers is None else reviewers,
            as_json=before.as_json or as_json,
        )
    )
