"""The ledger's entries within a transaction: appended to the chain, and their texts stored separately."""

from collections.abc import Iterable, Iterator
from typing import Any

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


def events_in(rows: Iterable[tuple[Any, ...]]) -> Iterator[Event]:
    """Yield the events of rows from `ENTRIES`, with all texts restored."""
    for entry, digest, key, body in rows:
        event = event_of(entry, digest)
        yield event.model_copy(update={"body": restored(event.kind, event.body, contents_of(key, body))})


def record_in(entry: str, key: str | None, body: str | None) -> AuditRecord:
    """Return the audit record of a final entry, with all texts restored."""
    return record_of(entry, lambda stored: restored(EventKind.FINISHED, stored, contents_of(key, body)))


def _head_of(row: Any) -> Head:
    return Head(0, GENESIS) if row is None or row["seq"] is None else Head(row["seq"], row["digest"])
