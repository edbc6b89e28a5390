"""Builders of ledger entries and review rows, and the reasons for rejecting an answer."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import (
    OWN_QUESTIONS,
    ActorKind,
    CaseStage,
    DecisionSource,
    EventKind,
    OnTimeout,
    QualityCheckKind,
    ReviewStatus,
)
from hitl_orchestrator.domain.lifecycle import ANSWERED
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import digest, text_digest
from hitl_orchestrator.errors import (
    InvalidInput,
    KeyReused,
    NotAuthorized,
    RequestRejected,
    ReviewAlreadyDecided,
    ReviewClaimed,
    ReviewEscalated,
    ReviewExpired,
    ReviewWithdrawn,
    StaleReview,
    TaskConflict,
)
from hitl_orchestrator.ledger.events.chain import Draft, instant_text

TIMEOUT = Actor(kind=ActorKind.SYSTEM, id="orchestrator", channel="timeout")
SYSTEM = Actor(kind=ActorKind.SYSTEM, id="orchestrator", channel="graph")


def named_like_a_case(task_id: str) -> InvalidInput:
    """Return the error for a task whose id is the id of a case, which would make lookups ambiguous."""
    return InvalidInput([f"task {task_id!r}: task_id: this is the id of a case; use another task id"])


_ANSWER = (
    "human_decision",
    "reviewer_id",
    "human_feedback",
    "reason",
    "reason_code",
    "modified_output",
    "confidence_assessment",
)
# The review fills these in where an answer leaves them out.
_FILLED_IN = ("review_id", "task_id", "human_role", "shown_digest")


def answer_digest(answer: Review) -> str:
    """Return the digest that equal answers share: decision, reviewer, reasons, texts, output and assessment."""
    return digest(answer.model_dump(mode="json", include=set(_ANSWER)))


def _differences(recorded: Review, answer: Review) -> list[str]:
    """Return the fields in which an answer differs from a recorded one. A digest may be shortened."""
    one, other = (each.model_dump(mode="json", include={*_ANSWER, *_FILLED_IN}) for each in (recorded, answer))
    stated = [name for name in _FILLED_IN if other[name] is not None]
    if other["shown_digest"] is not None:
        one["shown_digest"] = str(one["shown_digest"])[: len(other["shown_digest"])]
    return [name for name in (*_ANSWER, *stated) if digest(one[name]) != digest(other[name])]


def next_attempt(submission: Submission, latest: Submission, *, redacted: bool) -> Submission:
    """Return a submission that supersedes the latest attempt, whose texts may be redacted.

    Who was barred from an earlier attempt stays barred. A case that was planted is superseded like any other: to refuse
    it would tell which one it is.

    Raises:
        TaskConflict: the latest attempt is a spot check or a change of policy or people, which cannot be superseded.
    """
    is_spot_check = latest.quality_check is not None and latest.quality_check.kind is QualityCheckKind.SPOT_CHECK
    if is_spot_check or latest.task.task_type in OWN_QUESTIONS:
        raise TaskConflict(submission.task.task_id, latest.case_id, stays=True)
    earlier = latest.as_earlier(redacted=redacted)
    changed = {"attempt": latest.attempt + 1, "supersedes": latest.case_id, "earlier": earlier}
    return submission.model_copy(update=changed)


def submitted(submission: Submission, actor: Actor) -> Draft:
    """Record a submission."""
    body = submission.model_dump(mode="json", exclude={"case_id"})
    return Draft(submission.case_id, EventKind.SUBMITTED, submission.received_at, actor, body)


def routed(case_id: str, routing: Routing, at: datetime, shadow: ShadowAnswer | None = None) -> Draft:
    """Record the facts and the decision of the policy, and the answer of a shadow policy."""
    if shadow is not None:
        routing = routing.model_copy(update={"decision": routing.decision.model_copy(update={"shadow": shadow})})
    return Draft(case_id, EventKind.ROUTED, at, SYSTEM, routing.model_dump(mode="json"))


def review_opened(row: StoredReview) -> Draft:
    """Record the opening of a review: role, level, times and the digest of its snapshot."""
    body: dict[str, Any] = {"review_id": row.review_id, "role": row.role, "level": row.level, "digest": row.digest}
    body["queued_at"] = instant_text(row.queued_at or row.opened_at)
    if row.due_at is not None:
        body["due_at"] = instant_text(row.due_at)
    return Draft(row.case_id, EventKind.REVIEW_OPENED, row.opened_at, SYSTEM, body)


def time_to_answer(shown: ReviewSnapshot) -> timedelta | None:
    """Return the time to answer a review; None if it has no deadline."""
    return None if shown.on_timeout is None else shown.answer_within or shown.routing.decision.respond_within


def reminder_before(shown: ReviewSnapshot) -> timedelta | None:
    """Return the time between a reminder and the deadline; None if there is no reminder."""
    return None if shown.on_timeout is None else shown.routing.decision.requirements.remind_before


def row_opened(shown: ReviewSnapshot, at: datetime, queued_at: datetime, text: str) -> StoredReview:
    """Return the row of a new review, whose deadline counts from `queued_at`, the time of the store's clock.

    `text` is the canonical JSON of what it shows.
    """
    expires, within = shown.on_timeout in (OnTimeout.ESCALATE, OnTimeout.REJECT), time_to_answer(shown)
    due_at = None if within is None else queued_at + within
    return StoredReview(
        review_id=shown.review_id,
        case_id=shown.case_id,
        level=shown.level,
        role=shown.role,
        domain=shown.task.domain,
        status=ReviewStatus.OPEN,
        version=1,
        digest=text_digest(text),
        shown=shown,
        opened_at=at,
        queued_at=queued_at,
        due_at=due_at,
        expires_at=due_at if expires else None,
    )


def row_answered(review: StoredReview, verdict: RecordedDecision) -> StoredReview:
    """Return the row of an open review after this verdict."""
    changed = {"status": status_after(verdict), "version": review.version + 1, "verdict": verdict}
    changed |= {"claimed_by": None, "claimed_since": None, "claimed_until": None, "delegated_by": None}
    return review.model_copy(update=changed)


def answered(review: StoredReview, verdict: RecordedDecision, actor: Actor) -> Draft:
    """Record the verdict of a review, whose row after it is `review`."""
    fields = {"review_id": review.review_id, "digest": review.digest, "seal": review.seal}
    body = {**fields, "verdict": verdict.model_dump(mode="json")}
    return Draft(review.case_id, _EVENTS[status_after(verdict)], verdict.decided_at, actor, body)


def claimed(row: StoredReview, actor: Actor, at: datetime) -> Draft:
    """Record a claim; `for` names the reviewer if another actor claimed for them."""
    body = {"review_id": row.review_id, "until": _until(row)}
    body |= {"for": row.claimed_by} if actor.id != row.claimed_by else {}
    return Draft(row.case_id, EventKind.CLAIMED, at, actor, body)


def delegated(row: StoredReview, actor: Actor, at: datetime, reason: str) -> Draft:
    """Record the transfer of a claim."""
    body = {"review_id": row.review_id, "to": row.claimed_by, "until": _until(row), "reason": reason}
    return Draft(row.case_id, EventKind.DELEGATED, at, actor, body)


def released(
    row: StoredReview, actor: Actor, at: datetime, back_to: str | None = None, because: str | None = None
) -> Draft:
    """Record that a claim was released or has lapsed, and the owner to whom it returned; or why it was taken back."""
    optional = {"back_to": back_to, "because": because}
    body = {"review_id": row.review_id} | {name: value for name, value in optional.items() if value is not None}
    return Draft(row.case_id, EventKind.RELEASED, at, actor, body)


def reminded(row: StoredReview, to: Sequence[str], at: datetime) -> Draft:
    """Record the reviewers who received a reminder of a deadline."""
    return Draft(row.case_id, EventKind.REMINDED, at, SYSTEM, {"review_id": row.review_id, "to": list(to)})


def viewed(row: StoredReview, actor: Actor, at: datetime) -> Draft:
    """Record the first view of a review by an account."""
    return Draft(row.case_id, EventKind.VIEWED, at, actor, {"review_id": row.review_id, "digest": row.digest})


def labeled(row: StoredReview, actor: Actor, at: datetime, label: str) -> Draft:
    """Record the label that a blind reviewer entered before seeing the agent's answer."""
    return Draft(row.case_id, EventKind.LABELED, at, actor, {"review_id": row.review_id, "label": label})


def is_same_entry(event: Event, draft: Draft) -> bool:
    """Whether an entry has the kind, review and account of a draft."""
    same_review = event.body.get("review_id") == draft.body["review_id"]
    return event.kind is draft.kind and same_review and event.actor.id == draft.actor.id


def _until(row: StoredReview) -> str | None:
    return None if row.claimed_until is None else instant_text(row.claimed_until)


def refused(attempt: RefusedAttempt, actor: Actor, at: datetime) -> Draft:
    """Record a rejected attempt and its cause."""
    return Draft(attempt.case_id, EventKind.REFUSED, at, actor, attempt.model_dump(mode="json", exclude={"case_id"}))


def resumed(case_id: str, review_id: str, at: datetime) -> Draft:
    """Record that the graph resumed with a reviewer's answer."""
    return Draft(case_id, EventKind.RESUMED, at, SYSTEM, {"review_id": review_id})


def finished(record: AuditRecord, at: datetime) -> Draft:
    """Record the outcome of a case. The body is its audit record."""
    return Draft(record.case_id, EventKind.FINISHED, at, SYSTEM, record.model_dump(mode="json"))


def alarm(case_id: str, cause: str, at: datetime) -> Draft:
    """Record an integrity error."""
    return Draft(case_id, EventKind.ALARM, at, SYSTEM, {"cause": cause})


def status_after(verdict: RecordedDecision) -> ReviewStatus:
    """Return the status of a review after this decision."""
    if verdict.review.human_decision.spec.escalates:
        return ReviewStatus.ESCALATED
    if not verdict.settles:
        return ReviewStatus.VOTED
    return _WITHOUT_REVIEWER.get(verdict.source, ReviewStatus.DECIDED)


_WITHOUT_REVIEWER = {
    DecisionSource.TIMEOUT: ReviewStatus.EXPIRED,
    DecisionSource.SUBMITTER: ReviewStatus.CANCELED,
    DecisionSource.RESUBMISSION: ReviewStatus.SUPERSEDED,
}
_EVENTS: dict[ReviewStatus, EventKind] = {status: EventKind(status.value) for status in ANSWERED}


def answer_key(answer: Review) -> str | None:
    """Return the stored idempotency key of an answer, which is scoped to its reviewer; None if it has none."""
    key = answer.idempotency_key
    return None if key is None else f"{answer.reviewer_id}/{key}"


def receipt(row: StoredReview, case_id: str, answer: Review) -> StoredReview:
    """Return the review that was answered with the key of this answer, if it is the same answer to the same case.

    Every field that the answer states counts, but its time: a program may state that of each attempt.

    Raises:
        KeyReused: the key belongs to another answer.
    """
    differing = [] if row.case_id == case_id else ["case_id"]
    differing += [] if row.verdict is None else _differences(row.verdict.review, answer)
    if row.verdict is None or differing:
        raise KeyReused(str(answer.idempotency_key), row.review_id, differing)
    return row


def check_open(row: StoredReview, who: str | None, now: datetime) -> None:
    """Raise unless `who` may claim or answer an open review at this time of the store's clock.

    Raises:
        ReviewExpired, ReviewClaimed: its deadline has passed, or another reviewer holds it.
    """
    if row.expires_at is not None and row.expires_at <= now:
        raise ReviewExpired(row.review_id, row.expires_at)
    if row.holder(now) not in (None, who) and row.claimed_until is not None:
        raise ReviewClaimed(row.review_id, str(row.claimed_by), row.claimed_until)


def why_not_claimed(row: StoredReview, who: str, now: datetime) -> RequestRejected:
    """Return the reason why a reviewer cannot claim a review."""
    return _why_closed(row, who, now) or StaleReview(row.review_id, row.digest, row.digest)


def why_not_delegated(row: StoredReview, who: str, now: datetime) -> RequestRejected:
    """Return the reason why a reviewer cannot delegate a review."""
    why = "they do not hold this review; claim it first, and then delegate it"
    return _why_closed(row, who, now) or NotAuthorized(who, why)


def _why_closed(row: StoredReview, who: str, now: datetime) -> RequestRejected | None:
    if row.verdict is not None:
        return _ended(row.review_id, row.verdict)
    try:
        check_open(row, who, now)
    except RequestRejected as rejection:
        return rejection
    return None


def too_many_claims(who: str, held: int) -> NotAuthorized:
    """Return the error for a claim beyond the limit."""
    why = f"they hold {held} reviews, which is the limit; decide or release one of them first"
    return NotAuthorized(who, why)


def recorded_answer(
    row: StoredReview, attempted: StoredReview, verdict: RecordedDecision, now: datetime
) -> StoredReview:
    """Return the row if it records this very answer, else raise the reason why the answer is rejected."""
    if row.verdict is None and (row.version, row.digest) == (attempted.version, attempted.digest):
        check_open(row, verdict.review.reviewer_id, now)
    if row.verdict is None:
        raise StaleReview(row.review_id, attempted.digest, row.digest)
    if answer_digest(row.verdict.review) == answer_digest(verdict.review):
        return row
    raise _ended(row.review_id, row.verdict)


def _ended(review_id: str, verdict: RecordedDecision) -> RequestRejected:
    if verdict.source is DecisionSource.TIMEOUT:
        return ReviewExpired(review_id, verdict.decided_at)
    return _already_decided(review_id, verdict)


def check_not_redacted(row: StoredReview, events: Iterable[Event]) -> None:
    """Raise if the texts of a review were erased, which leaves only its decision.

    Raises:
        ReviewAlreadyDecided: the case was redacted.
    """
    if row.verdict is not None and any(event.kind is EventKind.REDACTED for event in events):
        raise _already_decided(row.review_id, row.verdict)


def _already_decided(review_id: str, verdict: RecordedDecision) -> RequestRejected:
    who = verdict.review.reviewer_id or verdict.role
    if verdict.source in _WITHOUT_REVIEWER:
        by = verdict.review.reviewer_id or "a newer attempt at its task"
        return ReviewWithdrawn(review_id, _WITHOUT_REVIEWER[verdict.source].value, by, verdict.decided_at)
    if not verdict.settles:
        return ReviewEscalated(review_id, who, verdict.decided_at)
    return ReviewAlreadyDecided(review_id, who, verdict.review.human_decision.value, verdict.decided_at)


def stage_before_finish(record: AuditRecord) -> CaseStage:
    """Return the stage that must precede this outcome: only an agent's outcome requires no decision."""
    return CaseStage.RECEIVED if record.decision_source is DecisionSource.AGENT else CaseStage.DECIDED
