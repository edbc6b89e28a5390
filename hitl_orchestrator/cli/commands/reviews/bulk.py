"""`hitl bulk`: one answer to several cases, listed one by one before anybody says yes."""

import sys
from collections.abc import Mapping, Sequence

import typer

from hitl_orchestrator.cli.commands.reviews.inbox import read_answer
from hitl_orchestrator.cli.output.console import draw
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import assignments as team
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.errors import CaseNotWaiting, InvalidInput

ASKS = "--yes is needed where nobody can be asked; without it the cases are only decided after a yes at a terminal"


def bulk(
    session: Session, given_ids: Sequence[str], said: Mapping[str, str | None], reviewer: str, *, yes: bool
) -> None:
    """List the cases, ask, and decide them all.

    Raises:
        InvalidInput: nobody can be asked, or the cases may not be decided together.
    """
    given = read_answer({**said, "reviewer_id": reviewer}, None)
    can_ask = sys.stdin.isatty() and not session.as_json
    if not yes and not can_ask:
        raise InvalidInput([ASKS])
    with session.open() as hitl:
        cases = [hitl.cases.get(task_id=given_id) for given_id in given_ids]
        rows = [case.open_review for case in cases]
        for case in cases:
            if case.open_review is None:
                raise CaseNotWaiting(case.case_id, case.status)
        if not session.as_json:
            draw(team.together([row for row in rows if row], given.human_decision))
        if not yes and not typer.confirm(f"{given.human_decision} {count(len(cases), 'case')}?"):
            raise typer.Exit(NO)
        done = hitl.acting_as(channel="cli").reviews.decide_many(
            [case.case_id for case in cases], given, reviewer=reviewer
        )
    answer(session.as_json, [views.case_summary(case) for case in done], lambda: team.decided(done))
