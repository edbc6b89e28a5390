"""`hitl executions`: list the executions of approved calls."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, command, option
from hitl_orchestrator.cli.output.render import answer, note

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "executions", STORE, panel="Report")
def executions(
    session: "Session",
    status: Annotated[
        str | None, option("STATUS", "Only these: started, finished, failed or unknown.", "--status")
    ] = None,
    limit: Annotated[int, option("N", "Maximum number of executions.", min=1)] = 200,
    after: Annotated[str | None, option("CASE", "Only executions after that of this case, for the next page.")] = None,
) -> None:
    """List the executions of approved calls, in the order in which they started.

    Each approved call of an agent that asked is carried out at most once. The end of one whose process died is unknown,
    and a reviewer is asked whether it happened.
    """
    from hitl_orchestrator.cli.views import executions as view

    with session.open() as hitl:
        page = hitl.executions.list(status, limit=limit, after=after)
    answer(session.as_json, [each.model_dump(mode="json") for each in page], lambda: view.executions(page, session))
    if page.more and session.as_json:
        note(view.more_follow(page))
