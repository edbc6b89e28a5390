"""`hitl executions`: list the executions of approved calls."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, command, option
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.errors import HitlError

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.orchestrator import Orchestrator

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
        calls = {} if session.as_json else {each.case_id: _call_of(hitl, each.case_id) for each in page}
    data = [each.model_dump(mode="json") for each in page]
    answer(session.as_json, data, lambda: view.executions(page, calls, session))
    if page.more and session.as_json:
        note(view.more_follow(page))


def _call_of(hitl: "Orchestrator", case_id: str) -> str:
    """Return the approved call of a case; empty where its texts were erased, or it cannot be read."""
    from hitl_orchestrator.cli.views.content import call_of
    from hitl_orchestrator.domain.execution import shown_call

    with suppress(HitlError):
        proposal = call_of(hitl.cases.get(case_id))
        return "" if proposal is None else shown_call(proposal) or ""
    return ""
