"""The ledger's entries within a transaction: appended to the chain, and their texts stored separately."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, link, record_of
from hitl_orchestrator.ledger.events.contents import Contents, marked, restored
from hitl_orchestrator.ledger.store.statements import events as statements
from hitl_orchestrator.ledger.store.statements.cases import ADD_CASE


def append(transaction: StoreTransaction, *drafts: Draft, end: Any = None) -> int:
    """Append entries about one case, or about none, and return the number of the first.

    `end` is a row of this transaction with the end of the ledger and the contents of the case, if it has read one.

    Raises:
        InvalidInput: an entry would not read back as it was given; nothing of the transaction is stored.
    """
    case_id = drafts[0].case_id
    row = end or transaction.first(statements.HEAD_AND_CONTENTS, wanted_case=case_id)
    contents = None if row is None else contents_of(row["key"], row["body"])
    size = 0 if contents is None else len(contents)
    linked = link(_head_of(row), [marked(_readable(draft), contents) for draft in drafts])
    transaction.run_each(statements.APPEND, [entry._asdict() for entry in linked])
    if contents is not None and len(contents) > size:
        transaction.run(statements.UPDATE_CONTENTS, wanted_case=case_id, body=contents.body)
    return linked[0].seq


def add_case(
    transaction: StoreTransaction, intake: Draft, contents: Contents, columns: dict[str, Any], *, end: Any
) -> None:
    """Append the first entry of a case, with its rows. The schema decides which of several submissions is the first."""
    (entry,) = link(_head_of(end), [intake])
    transaction.run(statements.APPEND, **entry._asdict())
    transaction.run(ADD_CASE, case_id=intake.case_id, submitted_seq=entry.seq, **columns)
    transaction.run(statements.ADD_CONTENTS, case_id=intake.case_id, key=contents.key, body=contents.body)


def _readable(draft: Draft) -> Draft:
    """Return a draft whose audit record reads back from its JSON. Raises `InvalidInput` for another."""
    if draft.kind is EventKind.FINISHED:
        parse(AuditRecord, draft.body, f"the outcome of case {draft.case_id!r} cannot be stored")
    return draft


def head(transaction: StoreTransaction) -> Head:
    """Return the last entry's number and digest."""
    return _head_of(transaction.first(statements.HEAD))


def contents_of(key: str | None, body: str | None) -> Contents | None:
    """Return the contents of a case, None once erased. Raises `LedgerDamaged` for an invalid key."""
    try:
        return None if key is None else Contents(key, body or "")
    except (ValueError, TypeError, AttributeError) as exc:
        raise LedgerDamaged("the key of a case's contents is invalid") from exc


class EntryRow(NamedTuple):
    """A row from `ENTRIES`: an entry, its search columns, and the contents of its case."""

    seq: int
    case_id: str | None
    entry: str
    digest: str
    key: str | None
    body: str | None


def event_in(row: EntryRow) -> Event:
    """Return the event of a row, with all texts restored. Raises `LedgerDamaged`, naming the row."""
    with _named(row):
        event = event_of(row.entry, row.digest)
        if event.case_id != row.case_id:
            raise LedgerDamaged(f"it is about case {event.case_id!r}")
        return event.model_copy(update={"body": restored(event.kind, event.body, contents_of(row.key, row.body))})


def record_in(row: EntryRow) -> AuditRecord:
    """Return the audit record of a final entry, with all texts restored. Raises `LedgerDamaged`, naming the row."""
    with _named(row):
        contents = contents_of(row.key, row.body)
        record = record_of(row.entry, lambda stored: restored(EventKind.FINISHED, stored, contents))
        if record.case_id != row.case_id:
            raise LedgerDamaged(f"its record is about case {record.case_id!r}")
        return record


@contextmanager
def _named(row: EntryRow) -> Iterator[None]:
    try:
        yield
    except LedgerDamaged as exc:
        raise LedgerDamaged(f"entry {row.seq!r} of case {row.case_id!r} in table events: {exc.problem}") from exc


def _head_of(row: Any) -> Head:
    return Head(0, GENESIS) if row is None or row["seq"] is None else Head(row["seq"], row["digest"])
