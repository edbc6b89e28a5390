"""The lifecycle of cases and reviews: which transition leads from which state to which. All others are refused.

The statements of the store, the verification of the ledger, the documentation and the tests read these tables.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from hitl_orchestrator.domain.enums import CaseStage, EventKind, ReviewStatus
from hitl_orchestrator.domain.review import StoredReview

SETTLED = (ReviewStatus.DECIDED, ReviewStatus.EXPIRED, ReviewStatus.CANCELED, ReviewStatus.SUPERSEDED)
"""The statuses of a review whose answer decides its case."""

ANSWERED = (*SETTLED, ReviewStatus.VOTED, ReviewStatus.ESCALATED)
"""The statuses of a review that takes no more answers. A vote or an escalation opens the next review of the case."""

RUNNABLE = (CaseStage.RECEIVED, CaseStage.DECIDED)
"""The stages at which a worker may lease a case and run its graph."""


class StageMove(NamedTuple):
    """The stages at which an entry of one kind may be written, and the stage of the case after it."""

    before: frozenset[CaseStage | None]
    after: CaseStage


def _move(after: CaseStage, *before: CaseStage | None) -> StageMove:
    return StageMove(frozenset(before), after)


STAGE_MOVES: Mapping[str, StageMove] = MappingProxyType(
    {
        EventKind.SUBMITTED: _move(CaseStage.RECEIVED, None),
        EventKind.ROUTED: _move(CaseStage.RECEIVED, CaseStage.RECEIVED),
        EventKind.REVIEW_OPENED: _move(CaseStage.WAITING, CaseStage.RECEIVED, CaseStage.WAITING),
        **{EventKind(status.value): _move(CaseStage.DECIDED, CaseStage.WAITING) for status in SETTLED},
        EventKind.RESUMED: _move(CaseStage.DECIDED, CaseStage.DECIDED),
        EventKind.FINISHED: _move(CaseStage.FINISHED, *RUNNABLE),
        **dict.fromkeys(
            (
                EventKind.EXECUTION_STARTED,
                EventKind.EXECUTION_FINISHED,
                EventKind.EXECUTION_FAILED,
                EventKind.EXECUTION_UNKNOWN,
                EventKind.REDACTED,
            ),
            _move(CaseStage.FINISHED, CaseStage.FINISHED),
        ),
    }
)
"""The stages of a case by the kind of ledger entry. An entry of another kind requires no stage and changes none.

A second review is opened only after the first one was answered by a vote or an escalation.
"""


class ReviewState(StrEnum):
    """The state of a review: its status, where an open review with a live claim is `claimed`."""

    OPEN = "open"
    CLAIMED = "claimed"
    DECIDED = "decided"
    VOTED = "voted"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"


class ReviewVerb(StrEnum):
    """An operation on a review, by a reviewer, the submitter, the deadline or a newer attempt at the task."""

    CLAIM = "claim"
    RELEASE = "release"
    DELEGATE = "delegate"
    LAPSE = "lapse"
    DECIDE = "decide"
    VOTE = "vote"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"


_LIVE = (ReviewState.OPEN, ReviewState.CLAIMED)
_ENDS = {
    ReviewVerb.DECIDE: ReviewState.DECIDED,
    ReviewVerb.VOTE: ReviewState.VOTED,
    ReviewVerb.ESCALATE: ReviewState.ESCALATED,
    ReviewVerb.EXPIRE: ReviewState.EXPIRED,
    ReviewVerb.CANCEL: ReviewState.CANCELED,
    ReviewVerb.SUPERSEDE: ReviewState.SUPERSEDED,
}

REVIEW_MOVES: Mapping[tuple[ReviewState, ReviewVerb], ReviewState] = MappingProxyType(
    {
        (ReviewState.OPEN, ReviewVerb.CLAIM): ReviewState.CLAIMED,
        (ReviewState.CLAIMED, ReviewVerb.CLAIM): ReviewState.CLAIMED,
        (ReviewState.CLAIMED, ReviewVerb.DELEGATE): ReviewState.CLAIMED,
        (ReviewState.CLAIMED, ReviewVerb.RELEASE): ReviewState.OPEN,
        (ReviewState.CLAIMED, ReviewVerb.LAPSE): ReviewState.OPEN,
        **{(state, verb): end for state in _LIVE for verb, end in _ENDS.items()},
    }
)
"""Every transition of a review. An answered review is never opened again."""


def state_of(review: StoredReview, now: datetime) -> ReviewState:
    """Return the state of a review at a time of the store's clock. A lapsed claim does not count."""
    if review.status is not ReviewStatus.OPEN:
        return ReviewState(review.status.value)
    return ReviewState.OPEN if review.holder(now) is None else ReviewState.CLAIMED
