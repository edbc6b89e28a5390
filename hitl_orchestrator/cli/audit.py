"""`hitl audit`: read the ledger."""

from hitl_orchestrator.cli import views
from hitl_orchestrator.cli.answer import answer
from hitl_orchestrator.cli.session import Session


def list_records(session: Session) -> None:
    """List how every finished case ended."""
    with session.open() as hitl:
        found = list(hitl.records())
    answer(session.as_json, [record.model_dump(mode="json") for record in found], lambda: views.records(found))


def show_entries(session: Session, given_id: str) -> None:
    """Show every entry about one case."""
    with session.open() as hitl:
        found = hitl.history(given_id)
    answer(
        session.as_json,
        [event.model_dump(mode="json") for event in found],
        lambda: [views.entries(found), *views.flagged_entries(found)],
    )
