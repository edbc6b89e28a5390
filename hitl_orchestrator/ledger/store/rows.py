"""Parsing of stored rows, reading past unreadable ones, and the search columns of reviews."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from hitl_orchestrator.domain.review import RecordedDecision, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.errors import HitlError, IncompatibleRecord, LedgerDamaged, TamperedReview
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.events.builders import reminder_before
from hitl_orchestrator.ledger.events.chain import time_of, time_text
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.claims import OnUnreadable

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Parsed = TypeVar("_Parsed")


@contextmanager
def as_stored(case_id: str, graph_version: str | None = None, row: str = "") -> Iterator[None]:
    """Raise `IncompatibleRecord`, naming the case and the `row`, if a row cannot be parsed."""
    named = f"{row}: " if row else ""
    try:
        yield
    except ValidationError as exc:
        why = f"{exc.title}: {exc.errors()[0]['msg']}"
        raise IncompatibleRecord(case_id, graph_version, named + why) from exc
    except (ValueError, TypeError, ArithmeticError, RecursionError) as exc:
        raise IncompatibleRecord(case_id, graph_version, named + str(exc)) from exc


def readable(
    rows: Iterable[_Item], parsed: Callable[[_Item], _Parsed], on_unreadable: OnUnreadable | None = None
) -> Iterator[_Parsed]:
    """Yield the parsed rows, and pass the error of each unreadable one to `on_unreadable`, or else to the log."""
    report = on_unreadable or log_unreadable
    for row in rows:
        try:
            result = parsed(row)
        except (IncompatibleRecord, LedgerDamaged, TamperedReview) as exc:
            report(exc)
        else:
            yield result


def log_unreadable(exc: HitlError) -> None:
    """Log a warning about a row that was left out of a list."""
    _log.warning("left out: %s", exc, extra={"case_id": getattr(exc, "case_id", None), "event": "unreadable"})


def reviews_in(
    transaction: StoreTransaction,
    statement: Statement,
    most: int,
    on_unreadable: OnUnreadable | None = None,
    **values: Any,
) -> list[StoredReview]:
    """Return the first `most` readable reviews of a statement: unreadable ones take no place among them."""
    limit = most
    while True:
        rows, unreadable = list(transaction.run(statement, most=limit, **values)), list[HitlError]()
        reviews = list(readable(rows, review_of, unreadable.append))
        if len(reviews) >= most or len(rows) < limit:
            for exc in unreadable:
                (on_unreadable or log_unreadable)(exc)
            return reviews[:most]
        limit *= 2


_ANSWER_COLUMNS = ("answer", "answered_by", "answered_at")
_SEARCH_COLUMNS = (
    "place",
    "answer_key",
    "remind_at",
    "task_type",
    "risk_level",
    "policy_hash",
    "confidence",
    "replayed",
    "needed_role",
    "needed_under",
    "needed_seal",
    "claim_seal",
    "affinity",
    *_ANSWER_COLUMNS,
)


def search_columns(review: StoredReview, seals: Seals) -> dict[str, Any]:
    """Return the search columns of an open review. The customer is stored as a keyed digest."""
    shown, before = review.shown, reminder_before(review.shown)
    customer = customer_of(shown.task)
    return {
        "remind_at": time_text(None if before is None or review.due_at is None else review.due_at - before),
        "task_type": shown.task.task_type,
        "risk_level": shown.routing.risk_level.value,
        "policy_hash": shown.routing.decision.policy_hash,
        "confidence": shown.routing.score.confidence,
        "replayed": int(shown.replayed),
        "needed_role": review.role,
        "needed_under": shown.routing.decision.policy_hash,
        "needed_seal": None,
        "claim_seal": None,
        "affinity": None if customer is None else seals.name_of(customer),
        **dict.fromkeys(_ANSWER_COLUMNS),
    }


def answer_columns(verdict: RecordedDecision) -> dict[str, str | None]:
    """Return the search columns of an answered review."""
    answer, at = verdict.review, time_text(verdict.decided_at)
    return {"answer": answer.human_decision.value, "answered_by": answer.reviewer_id, "answered_at": at}


def customer_of(task: Task) -> str | None:
    """Return the customer that the metadata of a task names, if any."""
    return customer_in(task.metadata)


def customer_in(metadata: Mapping[str, Any]) -> str | None:
    """Return the customer that the metadata of a task names, if any."""
    customer = metadata.get("customer")
    return str(customer) if isinstance(customer, (str, int)) and not isinstance(customer, bool) else None


def review_of(row: Any) -> StoredReview:
    """Parse a row of `reviews`. Raises `IncompatibleRecord`."""
    with as_stored(str(row["case_id"]), row=f"row {row['review_id']!r} of table reviews"):
        return as_review(row)


def _claim_times(fields: dict[str, Any]) -> dict[str, datetime | None]:
    """Return the times of a claim; none where one is unreadable, which ends the claim and harms nothing else."""
    names = "claimed_since", "claimed_until"
    try:
        return {name: fields[name] and time_of(fields[name]) for name in names}
    except (ValueError, TypeError, OverflowError):
        return dict.fromkeys(names)


def as_review(row: Any) -> StoredReview:
    """Parse a row of `reviews`, within `as_stored`."""
    fields = {name: value for name, value in dict(row).items() if name not in _SEARCH_COLUMNS}
    fields |= {name: time_of(fields[name]) for name in ("due_at", "expires_at")}
    fields |= _claim_times(fields)
    fields["shown"] = ReviewSnapshot.model_validate(read_canonical(fields["shown"]))
    fields["verdict"] = fields["verdict"] and RecordedDecision.model_validate(read_canonical(fields["verdict"]))
    return StoredReview.model_validate(fields)
