"""Rows of a SQL store, read as what they hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.review import RecordedDecision, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import IncompatibleRecord
from hitl_orchestrator.ledger.events.builders import reminder_before
from hitl_orchestrator.ledger.events.chain import time_of, time_text
from hitl_orchestrator.ledger.keys.mac import RowAuthenticator


@contextmanager
def as_stored(case_id: str, graph_version: str | None = None) -> Iterator[None]:
    """Say of which case it is that a row has a form which this code does not read."""
    try:
        yield
    except ValidationError as exc:
        why = f"{exc.title} has {exc.error_count()} problems, the first: {exc.errors()[0]['msg']}"
        raise IncompatibleRecord(case_id, graph_version, why) from exc
    except (ValueError, TypeError) as exc:
        raise IncompatibleRecord(case_id, graph_version, str(exc)) from exc


_TO_FIND_IT_BY = (
    "answer_key",
    "remind_at",
    "task_type",
    "risk_level",
    "confidence",
    "answer",
    "answered_by",
    "answered_at",
    "affinity",
)


def found_by(row: StoredReview, seals: RowAuthenticator) -> dict[str, Any]:
    """Return the columns by which an open review is found. A customer is named under the key of the seals."""
    shown, before = row.shown, reminder_before(row.shown)
    customer = customer_of(shown.task)
    return {
        "remind_at": time_text(None if before is None or row.due_at is None else row.due_at - before),
        "task_type": shown.task.task_type,
        "risk_level": shown.routing.risk_level.value,
        "confidence": shown.routing.score.confidence,
        "affinity": None if customer is None else seals.name_of(customer),
        "answer": None,
        "answered_by": None,
        "answered_at": None,
    }


def found_by_answer(verdict: RecordedDecision) -> dict[str, str | None]:
    """Return the columns by which an answered review is found."""
    answer, at = verdict.review, time_text(verdict.decided_at)
    return {"answer": answer.human_decision.value, "answered_by": answer.reviewer_id, "answered_at": at}


def customer_of(task: Task) -> str | None:
    """Return whose case it is, where the task's metadata names a customer."""
    named = task.metadata.get("customer")
    return str(named) if isinstance(named, (str, int)) and not isinstance(named, bool) else None


def review_of(row: Any) -> StoredReview:
    """Read a row of the reviews. Raises `IncompatibleRecord` where it cannot be read."""
    with as_stored(str(row["case_id"])):
        return as_review(row)


def as_review(row: Any) -> StoredReview:
    """Read a row of the reviews, within `as_stored`."""
    fields = dict(row)
    for name in _TO_FIND_IT_BY:
        fields.pop(name)
    fields |= {name: time_of(fields[name]) for name in ("due_at", "expires_at")}
    fields["claimed_until"] = fields["claimed_until"] and time_of(fields["claimed_until"])
    fields["shown"] = ReviewSnapshot.model_validate_json(fields["shown"])
    fields["verdict"] = fields["verdict"] and RecordedDecision.model_validate_json(fields["verdict"])
    return StoredReview.model_validate(fields)
