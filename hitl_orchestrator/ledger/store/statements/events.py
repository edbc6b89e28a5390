"""Statements on ledger entries, contents and payloads."""

from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, update

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.database.tables import contents, events, outcomes, payloads
from hitl_orchestrator.ledger.store.statements.literals import literal_of

_OF_CASE = events.c.case_id == bindparam("wanted_case")

HEAD = select(events.c.seq, events.c.digest).order_by(events.c.seq.desc()).limit(1)

# The head, and the contents of the case whose entries are appended.
HEAD_AND_CONTENTS = (
    select(events.c.seq, events.c.digest, contents.c.key, contents.c.body)
    .select_from(events.outerjoin(contents, contents.c.case_id == bindparam("wanted_case")))
    .order_by(events.c.seq.desc())
    .limit(1)
)

# The primary key rejects a second entry with the same number.
APPEND = insert(events)

EVENTS = select(events.c.seq, events.c.entry, events.c.digest).order_by(events.c.seq)
EVENTS_OF_CASE = EVENTS.where(_OF_CASE)
REDACTION_OF_CASE = EVENTS_OF_CASE.where(events.c.kind == literal_of(EventKind.REDACTED))


def _with_contents(kind: EventKind | None = None) -> Select[Any]:
    """Return the statement for entries in order, each with the contents of its case."""
    joined = events.outerjoin(contents, contents.c.case_id == events.c.case_id)
    row = events.c.seq, events.c.case_id, events.c.entry, events.c.digest, contents.c.key, contents.c.body
    query = select(*row).select_from(joined)
    return (query if kind is None else query.where(events.c.kind == literal_of(kind))).order_by(events.c.seq)


ENTRIES = _with_contents()
ENTRIES_OF_CASE = ENTRIES.where(_OF_CASE)
RECORDS = _with_contents(EventKind.FINISHED)
ALARMS_OF_CASE = _with_contents(EventKind.ALARM).where(_OF_CASE)
RECORD_OF_CASE = RECORDS.where(_OF_CASE)
# Final entries, each with the columns of its outcome that an export adds.
RECORDS_WITH_OUTCOME = RECORDS.add_columns(
    outcomes.c.case_id, outcomes.c.task_timestamp, outcomes.c.metadata_digest
).join(outcomes, outcomes.c.case_id == events.c.case_id, isouter=True)

_CONTENTS_OF_CASE = contents.c.case_id == bindparam("wanted_case")
ADD_CONTENTS = insert(contents)
CONTENTS = select(contents.c.key, contents.c.body).where(_CONTENTS_OF_CASE)
UPDATE_CONTENTS = update(contents).where(_CONTENTS_OF_CASE).values(body=bindparam("body"))
DELETE_CONTENTS = delete(contents).where(_CONTENTS_OF_CASE)

ADD_PAYLOAD = insert(payloads)
PAYLOADS = select(payloads.c.body).where(payloads.c.digest == bindparam("wanted_digest"))
_PAYLOAD_OF_CASE = payloads.c.digest == bindparam("wanted_digest"), payloads.c.case_id == bindparam("wanted_case")
PAYLOAD_OF_CASE = select(payloads.c.body).where(*_PAYLOAD_OF_CASE)
REPAIR_PAYLOAD = update(payloads).where(*_PAYLOAD_OF_CASE).values(body=bindparam("body"))
DELETE_PAYLOADS = delete(payloads).where(payloads.c.case_id == bindparam("wanted_case"))
