"""Statements on ledger entries, contents and payloads."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.database.tables import contents, events, ledger_head, outcomes, payloads
from hitl_orchestrator.ledger.events.chain import GOVERNING, HeadRow
from hitl_orchestrator.ledger.store.statements.literals import literal_of, literals_of

_OF_CASE = events.c.case_id == bindparam("wanted_case")

# The head row of a new ledger, and the one row that all appends update.
_ROW: ColumnElement[int] = literal_column("1")
FOUND = insert(ledger_head)
HEAD_ROW = select(*[ledger_head.c[name] for name in HeadRow._fields]).where(ledger_head.c.row_id == _ROW)
MOVE_HEAD = (
    update(ledger_head)
    .where(ledger_head.c.row_id == _ROW)
    .values({name: bindparam(f"new_{name}") for name in ("seq", "digest", "governed", "latest", "mac")})
)

# The last entry and the head row, whose columns are one text: at the end of a ledger, an entry is appended.
_BLANK: ColumnElement[str] = literal_column("' '", String)
_SEQ = cast(ledger_head.c.seq, String)
_HEAD_TEXT = ledger_head.c.ledger_id + _BLANK + _SEQ + _BLANK + ledger_head.c.digest
_HEAD_TEXT = _HEAD_TEXT + _BLANK + ledger_head.c.governed + _BLANK + ledger_head.c.latest + _BLANK + ledger_head.c.mac
_NEWEST = select(events.c.seq, events.c.digest).order_by(events.c.seq.desc()).limit(1).subquery()
END = (
    select(_NEWEST.c.seq).scalar_subquery().label("seq"),
    select(_NEWEST.c.digest).scalar_subquery().label("digest"),
    HEAD_ROW.with_only_columns(_HEAD_TEXT).scalar_subquery().label("head"),
)
HEAD = select(*END)

# The end, and the contents of the case whose entries are appended.
_CONTENTS_OF_CASE = contents.c.case_id == bindparam("wanted_case")
_CONTENTS_AT_END = (
    select(contents.c.key).where(_CONTENTS_OF_CASE).scalar_subquery().label("key"),
    select(contents.c.body).where(_CONTENTS_OF_CASE).scalar_subquery().label("body"),
)
END_AND_CONTENTS = (*END, *_CONTENTS_AT_END)
HEAD_AND_CONTENTS = select(*END_AND_CONTENTS)

# The primary key rejects a second entry with the same number.
APPEND = insert(events)

# The columns of an entry whose seal is verified when it is read.
SEALED = events.c.seq, events.c.entry, events.c.digest, events.c.mac
EVENTS = select(*SEALED).order_by(events.c.seq)

# The head row, and the governing entries after a number: one row without an entry if there is none.
GOVERNING_AFTER = (
    select(*SEALED, *[ledger_head.c[name].label(f"head_{name}") for name in HeadRow._fields])
    .select_from(
        ledger_head.outerjoin(
            events, and_(events.c.seq > bindparam("after"), events.c.kind.in_(literals_of(GOVERNING)))
        )
    )
    .where(ledger_head.c.row_id == _ROW)
    .order_by(events.c.seq)
)
# Each with the seal of the head row, which names the key that seals the ledger now.
EVENTS_OF_CASE = EVENTS.where(_OF_CASE).add_columns(
    HEAD_ROW.with_only_columns(ledger_head.c.mac).scalar_subquery().label("head_mac")
)
REDACTION_OF_CASE = EVENTS.where(_OF_CASE).where(events.c.kind == literal_of(EventKind.REDACTED))


def _with_contents(kind: EventKind | None = None) -> Select[Any]:
    """Return the statement for entries in order, each with the contents of its case."""
    joined = events.outerjoin(contents, contents.c.case_id == events.c.case_id)
    row = events.c.seq, events.c.case_id, events.c.entry, events.c.digest, events.c.mac, contents.c.key, contents.c.body
    query = select(*row).select_from(joined)
    return (query if kind is None else query.where(events.c.kind == literal_of(kind))).order_by(events.c.seq)


ENTRIES = _with_contents()
ENTRIES_OF_CASE = ENTRIES.where(_OF_CASE)
RECORDS = _with_contents(EventKind.FINISHED)
RECORDS_AFTER = RECORDS.where(events.c.seq > bindparam("after"))
FINISHED_SEQ = select(events.c.seq).where(_OF_CASE, events.c.kind == literal_of(EventKind.FINISHED))
ALARMS_OF_CASE = _with_contents(EventKind.ALARM).where(_OF_CASE)
RECORD_OF_CASE = RECORDS.where(_OF_CASE)
# Final entries, each with the columns of its outcome that an export adds, and with the entry of its routing.
_ROUTED = events.alias("routed")
RECORDS_WITH_OUTCOME = (
    RECORDS.add_columns(outcomes.c.case_id, outcomes.c.task_timestamp, outcomes.c.metadata_digest, _ROUTED.c.entry)
    .join(outcomes, outcomes.c.case_id == events.c.case_id, isouter=True)
    .join(
        _ROUTED,
        (_ROUTED.c.case_id == events.c.case_id) & (_ROUTED.c.kind == literal_of(EventKind.ROUTED)),
        isouter=True,
    )
)

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
