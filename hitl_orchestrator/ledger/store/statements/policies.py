"""Statements on policies and the entries about them."""

from sqlalchemy import bindparam, insert, select, update

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.database.tables import events, policies
from hitl_orchestrator.ledger.store.statements.events import SEALED
from hitl_orchestrator.ledger.store.statements.literals import literal_of

ENTRY_AT = select(*SEALED).where(events.c.seq == bindparam("at"))
ROUTINGS = (
    select(*SEALED)
    .where(events.c.seq > bindparam("after"), events.c.kind == literal_of(EventKind.ROUTED))
    .order_by(events.c.seq)
)

_THIS = policies.c.policy_hash == bindparam("wanted_hash")
POLICY = select(policies.c.body, policies.c.recorded_seq).where(_THIS)
ADD_POLICY = insert(policies)
RECORD_AGAIN = update(policies).where(_THIS).values(recorded_seq=bindparam("latest_seq"))
