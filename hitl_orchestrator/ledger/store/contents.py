"""What was said in a case, as the SQL store keeps it: written with the entry that names it, and erased as a whole."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, null, select, update

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import LedgerDamaged, UnknownCase
from hitl_orchestrator.ledger.database.ports import Transaction
from hitl_orchestrator.ledger.database.tables import contents, events, payloads, reviews
from hitl_orchestrator.ledger.events import redaction as doing
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, link, record_of
from hitl_orchestrator.ledger.events.contents import Contents, marked, restored
from hitl_orchestrator.ledger.events.redaction import Redaction, ReviewTexts
from hitl_orchestrator.ledger.store import statements

# Where the ledger ends, and what was said so far in the case that it is to go on with.
_HEAD_AND_CONTENTS = (
    select(events.c.seq, events.c.digest, contents.c.key, contents.c.body)
    .select_from(events.outerjoin(contents, contents.c.case_id == bindparam("wanted_case")))
    .order_by(events.c.seq.desc())
    .limit(1)
)
ADD_CONTENTS = insert(contents)
_OF_CASE = select(contents.c.key, contents.c.body).where(contents.c.case_id == bindparam("wanted_case"))
_GROW = update(contents).where(contents.c.case_id == bindparam("wanted_case")).values(body=bindparam("body"))


def _said(kind: EventKind | None) -> Select[Any]:
    """Return the statement for entries in order, each with the contents of its case."""
    of_case = events.outerjoin(contents, contents.c.case_id == events.c.case_id)
    wanted = select(events.c.entry, events.c.digest, contents.c.key, contents.c.body).select_from(of_case)
    return (wanted if kind is None else wanted.where(events.c.kind == statements.word_of(kind))).order_by(events.c.seq)


# Entries with what was said.
SAID = _said(None)
SAID_IN_CASE = SAID.where(events.c.case_id == bindparam("wanted_case"))
OUTCOMES = _said(EventKind.FINISHED)
OUTCOME = OUTCOMES.where(events.c.case_id == bindparam("wanted_case"))

# What redacting a case changes.
_REDACTION = select(events.c.entry, events.c.digest).where(
    events.c.case_id == bindparam("wanted_case"), events.c.kind == statements.word_of(EventKind.REDACTED)
)
_ERASE_REVIEW = (
    update(reviews)
    .where(reviews.c.review_id == bindparam("wanted_review"))
    .values(shown=bindparam("shown"), verdict=bindparam("verdict"), affinity=null())
)
_ERASE_CONTENTS = delete(contents).where(contents.c.case_id == bindparam("wanted_case"))
_ERASE_PAYLOADS = delete(payloads).where(payloads.c.case_id == bindparam("wanted_case"))


def contents_of(row: Any) -> Contents | None:
    """Return the contents that a row holds; None where they were erased. Raises `LedgerDamaged` where they are none."""
    try:
        return None if row is None or row["key"] is None else Contents(row["key"], row["body"])
    except (ValueError, TypeError, AttributeError) as exc:
        raise LedgerDamaged("the key of what was said in a case is none") from exc


def append(conn: Transaction, *drafts: Draft) -> int:
    """Append entries about one case, or about none, behind the head, and return the number of the first."""
    row = conn.first(_HEAD_AND_CONTENTS, wanted_case=drafts[0].case_id)
    known = contents_of(row)
    before = 0 if known is None else len(known)
    linked = link(_head_in(row), [marked(draft, known) for draft in drafts])
    conn.run_each(statements.APPEND, [entry._asdict() for entry in linked])
    if known is not None and len(known) > before:
        conn.run(_GROW, wanted_case=drafts[0].case_id, body=known.body)
    return linked[0].seq


def take_in(conn: Transaction, intake: Draft, fresh: Contents, case: dict[str, Any]) -> None:
    """Append the first entry of a case, whose contents are `fresh`, with its row. The schema decides who is first."""
    (entry,) = link(head(conn), [intake])
    conn.run(statements.APPEND, **entry._asdict())
    conn.run(statements.ADD_CASE, case_id=intake.case_id, submitted_seq=entry.seq, **case)
    conn.run(ADD_CONTENTS, case_id=intake.case_id, key=fresh.key, body=fresh.body)


def head(conn: Transaction) -> Head:
    """Return where the ledger ends."""
    return _head_in(conn.first(statements.HEAD))


def events_in(rows: Iterator[Any]) -> Iterator[Event]:
    """Yield the events of rows with all that was said in its place."""
    for row in rows:
        event = event_of(row["entry"], row["digest"])
        yield event.model_copy(update={"body": restored(event.kind, event.body, contents_of(row))})


def record_in(row: Any) -> AuditRecord:
    """Return the outcome that a row tells of."""
    return record_of(row["entry"], lambda body: restored(EventKind.FINISHED, body, contents_of(row)))


def redaction_of(conn: Transaction, case_id: str) -> Redaction | None:
    """Return the receipt of a redaction, None where there was none."""
    row = conn.first(_REDACTION, wanted_case=case_id)
    return None if row is None else doing.receipt_of(event_of(row["entry"], row["digest"]))


def redact(conn: Transaction, wanted: Redaction) -> Redaction:
    """Erase the contents of a case with their key, once, and return the receipt. One transaction, or nothing."""
    case_id = wanted.case_id
    known = redaction_of(conn, case_id)
    if known is not None:
        return known
    found = conn.first(statements.STAGE, wanted_case=case_id)
    if found is None:
        raise UnknownCase(case_id)
    doing.check_finished(case_id, found["stage"])
    said = contents_of(conn.first(_OF_CASE, wanted_case=case_id))
    if said is None:
        raise LedgerDamaged(f"what was said in case {case_id!r} is missing, and no entry tells that it was erased")
    done = wanted.model_copy(update={"destroyed": len(said)})
    left: dict[str, ReviewTexts] = {}
    for row in list(conn.run(statements.REVIEWS_OF_CASE, wanted_case=case_id)):
        texts = left[row["review_id"]] = doing.erased_texts(ReviewTexts(row["shown"], row["verdict"]))
        conn.run(_ERASE_REVIEW, wanted_review=row["review_id"], **texts._asdict())
    append(conn, doing.redacted(done, left))
    conn.run(_ERASE_CONTENTS, wanted_case=case_id)
    conn.run(_ERASE_PAYLOADS, wanted_case=case_id)
    return done


def _head_in(row: Any) -> Head:
    return Head(0, GENESIS) if row is None else Head(row["seq"], row["digest"])
