"""`hitl audit`: read the ledger."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli import record, views
from hitl_orchestrator.cli.answer import answer
from hitl_orchestrator.cli.blocks import Block
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.audit import AuditRecord, Event


def list_records(session: Session) -> None:
    """List how every finished case ended."""
    with session.open() as hitl:
        found = list(hitl.records())
    answer(session.as_json, [one.model_dump(mode="json") for one in found], lambda: views.records(found))


def show_entries(session: Session, given_id: str) -> None:
    """Show every entry about one case."""
    with session.open() as hitl:
        found, outcome = hitl.history(given_id), hitl.show(given_id).record
    answer(session.as_json, [event.model_dump(mode="json") for event in found], lambda: _told(found, outcome))


def _told(found: Sequence[Event], outcome: AuditRecord | None) -> Iterator[Block]:
    yield views.entries(found)
    if outcome is not None:
        yield from record.table(outcome)
    yield from views.flagged_entries(found)
