"""Comparison of sealed rows with the ledger: a row that was rolled back to an earlier state together with its seal."""

from collections.abc import Iterable, Sequence
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.lifecycle import ANSWERED
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import LedgerDamaged, TamperedReview
from hitl_orchestrator.ledger.events.chain import Head, HeadRow
from hitl_orchestrator.ledger.keys.mac import Seals

NO_HEAD_ROW = "its head row, in table ledger_head, is missing"
_ANSWERS = tuple(EventKind(status.value) for status in ANSWERED)


def check_recorded(row: StoredReview, events: Iterable[Event]) -> None:
    """Compare a review row with the ledger: opened once, and answered once or not at all.

    Raises:
        TamperedReview: the row and the ledger differ.
    """
    about = [event for event in events if event.body.get("review_id") == row.review_id]
    opened = [event.body["digest"] for event in about if event.kind is EventKind.REVIEW_OPENED]
    answered = [event.body.get("seal") for event in about if event.kind in _ANSWERS]
    if opened != [row.digest]:
        raise TamperedReview(row.review_id, "the ledger records another opening of it")
    if row.verdict is None and answered:
        raise TamperedReview(row.review_id, "the ledger records an answer to it, and the row has none")
    if row.verdict is not None and answered != [row.seal]:
        raise TamperedReview(row.review_id, "the ledger records another answer to it, or none")


def recorded_with(row: StoredReview, events: Iterable[Event]) -> int | None:
    """Return the number of the entry with which a review row was written: of its opening, or else its answer."""
    kinds = (EventKind.REVIEW_OPENED,) if row.verdict is None else _ANSWERS
    about = (event for event in events if event.kind in kinds and event.body.get("review_id") == row.review_id)
    return next((event.seq for event in about), None)


def check_end(row: HeadRow | None, end: Head, ledger_id: str | None, seals: Seals | None) -> None:
    """Compare the head row with the last entry of the ledger. Without `seals` its own seal is not verified.

    Raises:
        LedgerDamaged: the row is missing or altered, is that of another ledger, or states another end.
        UnknownLedgerKey: it was sealed with a key that is not configured.
    """
    if row is None:
        raise LedgerDamaged(NO_HEAD_ROW)
    if row.ledger_id != ledger_id:
        raise LedgerDamaged(f"its head row is of ledger {row.ledger_id!r}, and this is ledger {ledger_id!r}")
    if seals is not None:
        seals.check_head(row)
    if not isinstance(row.seq, int):
        raise LedgerDamaged(f"its head row has the invalid number {row.seq!r}")
    if row.seq > end.seq:
        last = f"table events ends with entry {end.seq}, and the head row states {row.seq} entries"
        raise LedgerDamaged(f"entry {end.seq + 1} is missing: {last}: the end was truncated")
    if row.seq < end.seq:
        after = f"the head row states {row.seq} entries"
        raise LedgerDamaged(f"entry {row.seq + 1} was added without the head row, which is sealed: {after}")
    if row.digest != end.digest:
        raise LedgerDamaged(f"entry {end.seq} is not the one of the head row: the end was rewritten")


def seals_after(seals: Seals, is_start: bool, rows: Sequence[Any], events: Sequence[Event]) -> Seals:
    """Return the seals after the changes of the key among governing entries, each verified.

    At the start of the ledger its first key is the one that the first change retires, or else that of the head row.
    """
    changes = [
        (event, row["mac"])
        for row, event in zip(rows, events, strict=False)
        if event.kind is EventKind.KEY_CHANGED and (is_start or event.seq >= seals.periods[-1].since)
    ]
    if is_start and rows:
        seals = seals.beginning_with(changes[0][1] if changes else rows[0]["head_mac"])
    for event, seal in changes:
        seals = seals.changed_by(event, seal)
    return seals
