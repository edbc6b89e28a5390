"""`hitl audit redact`: erase what was said in a case, and keep the proof of how it went."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.formatting import count, moment
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.ledger.events.redaction import Redaction


def redact(session: Session, given_id: str, reason: str, reviewer_id: str | None) -> None:
    """Erase what was said in one case."""
    with session.open() as hitl:
        known = hitl.cases.get(task_id=given_id).redacted
        done = hitl.acting_as(channel="cli").cases.redact(task_id=given_id, reason=reason, reviewer=reviewer_id)
    answer(session.as_json, done.model_dump(mode="json"), lambda: _told(done, known=known))


def _told(done: Redaction, *, known: bool) -> Iterator[Block]:
    who = done.actor.id or "somebody who gave no name"
    values = count(done.destroyed, "value")
    if known:
        yield Line(f"Case {done.case_id} was redacted at {moment(done.at)} by {who}; nothing was changed.")
        return
    yield Line(f"Case {done.case_id} is redacted: {values} destroyed, and the key of their digests.")
    yield Line("Its entries, decisions, times and names stay, and 'hitl audit verify' holds them as before.", indent=2)
    yield Line("Not reached: back-ups, exports, proofs made before, and what others have read.", indent=2)
