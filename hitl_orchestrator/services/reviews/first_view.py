"""When a reviewer first opened a review, and the own label that they committed before they saw the proposal."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.ledger.ports.ledger import Ledger

__all__ = ["FirstView", "first_view"]


class FirstView(NamedTuple):
    """The time of the first view, None if there was none, and the own label, empty if there is none."""

    at: datetime | None = None
    label: str = ""


def first_view(ledger: Ledger, row: StoredReview, reviewer: Reviewer, events: Iterable[Event]) -> FirstView:
    """Return the first view of a review by a reviewer, from the events of its case.

    Events that come with a verified review hold only the digest of the label, so the label itself is read separately.
    """
    own = [event for event in events if _concerns(event, row, reviewer)]
    at = next((event.at for event in own if event.kind is EventKind.VIEWED), None)
    if all(event.kind is not EventKind.LABELED for event in own):
        return FirstView(at)
    labels = (
        event
        for event in ledger.events(row.case_id)
        if event.kind is EventKind.LABELED and _concerns(event, row, reviewer)
    )
    return FirstView(at, next(str(event.body["label"]) for event in labels))


def _concerns(event: Event, row: StoredReview, reviewer: Reviewer) -> bool:
    return event.actor.id == reviewer.reviewer_id and event.body.get("review_id") == row.review_id
