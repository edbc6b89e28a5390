"""Statements on ledger entries, contents and payloads."""

from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, update

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.database.tables import contents, events, payloads
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
    query = select(events.c.entry, events.c.digest, contents.c.key, contents.c.body).select_from(joined)
    return (query if kind is None else query.where(events.c.kind == literal_of(kind))).order_by(events.c.seq)


ENTRIES = _with_contents()
ENTRIES_OF_CASE = ENTRIES.where(_OF_CASE)
RECORDS = _with_contents(EventKind.FINISHED)
ALARMS_OF_CASE = _with_contents(EventKind.ALARM).where(_OF_CASE)
RECORD_OF_CASE = RECORDS.where(_OF_CASE)

_CONTENTS_OF_CASE = contents.c.case_id == bindparam("wanted_case")
ADD_CONTENTS = insert(contents)
CONTENTS = select(contents.c.key, contents.c.body).where(_CONTENTS_OF_CASE)
UPDATE_CONTENTS = update(contents).where(_CONTENTS_OF_CASE).values(body=bindparam("body"))
DELETE_CONTENTS = delete(contents).where(_CONTENTS_OF_CASE)

ADD_PAYLOAD = insert(payloads)
PAYLOAD = select(payloads.c.body).where(payloads.c.digest == bindparam("wanted_digest")).limit(1)
PAYLOAD_OF_CASE = PAYLOAD.where(payloads.c.case_id == bindparam("wanted_case"))
DELETE_PAYLOADS = delete(payloads).where(payloads.c.case_id == bindparam("wanted_case"))
