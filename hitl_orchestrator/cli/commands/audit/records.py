"""`hitl audit`: read the ledger."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import audit_record as record
from hitl_orchestrator.cli.views import policy_history as policy_story
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.errors import InvalidInput


def list_records(session: Session) -> None:
    """List how every finished case ended."""
    with session.open() as hitl:
        found = list(hitl.audit.records())
    answer(session.as_json, [one.model_dump(mode="json") for one in found], lambda: views.records(found))


def show_entries(session: Session, given_id: str | None, *, policies: bool) -> None:
    """Show every entry about one case, or those about policies.

    Raises:
        InvalidInput: neither is asked for, or both are.
    """
    if policies == (given_id is not None):
        raise InvalidInput(["audit show: give the id of a case or of its task, or --policies alone"])
    outcome = None
    if given_id is None:
        # They can be read whatever has become of the policies and people that the store is used with.
        with session.ledger() as ledger:
            found = list(ledger.policy_events())
    else:
        with session.open() as hitl:
            found, outcome = hitl.cases.history(task_id=given_id), hitl.cases.get(task_id=given_id).record
    answer(session.as_json, [event.model_dump(mode="json") for event in found], lambda: _told(found, outcome))


def _told(found: Sequence[Event], outcome: AuditRecord | None) -> Iterator[Block]:
    if not found:
        yield Line("No policy was brought in, activated or watched by a command yet.")
        return
    yield views.entries(found)
    yield from policy_story.told(found)
    if outcome is not None:
        yield from record.table(outcome)
    yield from views.flagged_entries(found)
