"""`hitl feedback`: what agents can learn from reviewed cases."""

from typing import TYPE_CHECKING

import typer

from hitl_orchestrator.cli.context import STORE, command
from hitl_orchestrator.cli.output.data import print_json_list
from hitl_orchestrator.cli.output.render import draw

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "feedback", STORE, panel="Report")
def feedback(session: "Session") -> None:
    """List the feedback for agents, one line per reviewed case."""
    from hitl_orchestrator.cli.views.reporting import reviewers as view

    with session.open() as hitl:
        found = hitl.reviews.feedback()
        if session.as_json:
            print_json_list(row.model_dump(mode="json") for row in found)
        else:
            rows = list(found)
            draw(lambda: view.feedback(rows))
