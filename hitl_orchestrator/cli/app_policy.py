"""The commands about a policy file alone, as they are typed: what one says to editors, and what a change changes."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, Reviewers, session_of

comparing = typer.Typer(rich_markup_mode=None)


@comparing.command("diff")
def _diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A routing policy: JSON or YAML.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy that is to take its place.")],
    *,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Tell which cases another policy would answer otherwise, and whether more strictly.

    Not lines of text are compared, but answers: every region of cases, each with an example. Exit code 1 where any
    answer becomes looser.
    """
    from hitl_orchestrator.cli.commands.policy import diff as doing  # noqa: PLC0415

    doing.diff(session_of(context, reviewers=reviewers, as_json=as_json), old, new)


@comparing.command("schema")
def _schema(context: typer.Context) -> None:
    """Print the JSON Schema of policy files, which editors use to complete and to underline as one types."""
    from hitl_orchestrator.cli.commands.policy import diff as doing  # noqa: PLC0415

    doing.schema(session_of(context))
