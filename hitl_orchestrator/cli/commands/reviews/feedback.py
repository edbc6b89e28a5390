"""`hitl feedback`: what agents can learn from reviewed cases."""

from typing import TYPE_CHECKING

import typer

from hitl_orchestrator.cli.context import STORE, command
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "feedback", STORE, panel="Report")
def feedback(session: "Session") -> None:
    """List the feedback for agents, one line per reviewed case."""
    from hitl_orchestrator.cli.views.reporting import reviewers as view

    with session.open() as hitl:
        rows = list(hitl.reviews.feedback())
    answer(session.as_json, [row.model_dump(mode="json") for row in rows], lambda: view.feedback(rows))
