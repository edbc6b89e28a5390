"""`hitl feedback` and `hitl insights`: measurements of agents and of reviewers."""

from typing import TYPE_CHECKING

import typer

from hitl_orchestrator.cli.context import STORE, command
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()
REPORT = "Report"


@command(group, "feedback", STORE, panel=REPORT)
def feedback(session: "Session") -> None:
    """List the feedback for agents, one line per reviewed case."""
    from hitl_orchestrator.cli.views import insights as view

    with session.open() as hitl:
        rows = list(hitl.reviews.feedback())
    answer(session.as_json, [row.model_dump(mode="json") for row in rows], lambda: view.feedback(rows))


@command(group, "insights", ("store", "reviewers"), panel=REPORT)
def insights(session: "Session") -> None:
    """Report how carefully each reviewer decides.

    Reading time compared with the amount of text, accuracy on gold cases, and agreement with other reviewers. Replayed
    reviews are not counted: they are records, not work in this store. Needs the extra lab.
    """
    from hitl_orchestrator.cli.views import insights as view
    from hitl_orchestrator.insights import measure_reviewers

    with session.open() as hitl:
        frame = hitl.insights.frame()
    rows = measure_reviewers(frame)
    replayed = frame.filter(frame["replayed"] & frame["human_decision"].is_not_null()).height
    answer(session.as_json, [row.model_dump(mode="json") for row in rows], lambda: view.reviewers(rows, replayed))
