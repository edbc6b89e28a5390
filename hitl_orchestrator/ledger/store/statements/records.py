"""Statements on audit records, filtered by the columns of their outcomes."""

from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select

from hitl_orchestrator.ledger.database.tables import contents, events, outcomes
from hitl_orchestrator.ledger.store.statements.literals import mark

_VOTED = outcomes.c.votes.like(bindparam("wanted_votes"), escape="\\")
_DECIDED: ColumnElement[str] = bindparam("wanted_decision")

# A condition for each field of `RecordFilter`.
CONDITIONS: dict[str, ColumnElement[bool]] = {
    "since": outcomes.c.timestamp >= bindparam("wanted_since"),
    "until": outcomes.c.timestamp < bindparam("wanted_until"),
    "reviewer": or_(outcomes.c.reviewer_id == bindparam("wanted_reviewer"), _VOTED),
    "domain": outcomes.c.domain == bindparam("wanted_domain"),
    "decision": or_(outcomes.c.final_decision == _DECIDED, outcomes.c.human_decision == _DECIDED),
    "rule": outcomes.c.rule_id == bindparam("wanted_rule"),
}
_ROW = events.c.seq, events.c.case_id, events.c.entry, events.c.digest, events.c.mac, contents.c.key, contents.c.body

# The final entries of the cases under some conditions, in order.
RECORDS_MATCHING = (
    select(*_ROW)
    .select_from(
        outcomes.join(events, events.c.seq == outcomes.c.finished_seq).outerjoin(
            contents, contents.c.case_id == events.c.case_id
        )
    )
    .where(
        outcomes.c.finished_seq > bindparam("after"),
        events.c.kind == literal_column("'finished'"),
        mark("conditions"),
    )
    .order_by(outcomes.c.finished_seq)
)
