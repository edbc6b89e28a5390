"""What each kind of entry says. Both stores write the same words, so they are put together here. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import (
    POLICY_CHANGE,
    ActorKind,
    CaseStage,
    DecisionSource,
    EventKind,
    HumanDecision,
    OnTimeout,
    ReviewStatus,
)
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import digest
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
    """Return the refusal of a task whose id is that of a case: whoever asks for one would get the other."""
    return InvalidInput([f"task {task_id!r}: task_id: this is the id of a case; give the task another one"])


def answer_digest(answer: Review) -> str:
    """Return what two answers must share to be the same answer: who says what about which text."""
    kept = {"human_decision", "reviewer_id", "human_feedback", "reason", "modified_output", "confidence_assessment"}
    return digest(answer.model_dump(mode="json", include=kept))


def next_attempt(submission: Submission, known: str, attempt: int, intake: Mapping[str, Any]) -> Submission:
    """Return a submission that takes the place of the latest attempt, whose `intake` is given.

    Raises:
        TaskConflict: that one measures reviewers or changes the policy, and nobody takes its place.
    """
    if intake.get("quality_check") is not None or intake["task"]["task_type"] == POLICY_CHANGE:
        raise TaskConflict(submission.task.task_id, known, stays=True)
    return submission.model_copy(update={"attempt": attempt + 1, "supersedes": known})


def policy_recorded(policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> Draft:
    """Write down the policy itself, so that the ledger explains what it decided."""
    said = {"policy_id": policy_id, "policy_hash": policy_hash, "policy": body}
    return Draft(None, EventKind.POLICY_RECORDED, at, SYSTEM, said)


def submitted(submission: Submission, actor: Actor) -> Draft:
    """Write down all that came in."""
    body = submission.model_dump(mode="json", exclude={"case_id"})
    return Draft(submission.case_id, EventKind.SUBMITTED, submission.received_at, actor, body)


def routed(case_id: str, routing: Routing, at: datetime, shadow: ShadowAnswer | None = None) -> Draft:
    """Write down the facts and the decision of the policy, and what a watched one would have said."""
    if shadow is not None:
        routing = routing.model_copy(update={"decision": routing.decision.model_copy(update={"shadow": shadow})})
    return Draft(case_id, EventKind.ROUTED, at, SYSTEM, routing.model_dump(mode="json"))


def review_opened(row: StoredReview) -> Draft:
    """Write down who is asked, until when, and the digest of what they are shown."""
    body: dict[str, Any] = {"review_id": row.review_id, "role": row.role, "level": row.level, "digest": row.digest}
    if row.due_at is not None:
        body["due_at"] = instant_text(row.due_at)
    return Draft(row.case_id, EventKind.REVIEW_OPENED, row.opened_at, SYSTEM, body)


def time_to_answer(shown: ReviewSnapshot) -> timedelta | None:
    """Return how long a review is to stay open; None where no time is set."""
    return None if shown.on_timeout is None else shown.answer_within or shown.routing.decision.respond_within


def reminder_before(shown: ReviewSnapshot) -> timedelta | None:
    """Return how long before it is due those who may answer are reminded; None where they are not."""
    return None if shown.on_timeout is None else shown.routing.decision.requirements.remind_before


def row_opened(shown: ReviewSnapshot, at: datetime, due_at: datetime | None = None) -> StoredReview:
    """Return the row of a review that is just opened, and due at a time of the store's clock."""
    ends = shown.on_timeout in (OnTimeout.ESCALATE, OnTimeout.REJECT)
    return StoredReview(
        review_id=shown.review_id,
        case_id=shown.case_id,
        level=shown.level,
        role=shown.role,
        domain=shown.task.domain,
        status=ReviewStatus.OPEN,
        version=1,
        digest=shown.digest,
        shown=shown,
        opened_at=at,
        due_at=due_at,
        expires_at=due_at if ends else None,
    )


def row_answered(review: StoredReview, verdict: RecordedDecision) -> StoredReview:
    """Return the row that an open review becomes by this verdict."""
    changed = {"status": status_after(verdict), "version": review.version + 1, "verdict": verdict}
    changed |= {"claimed_by": None, "claimed_until": None, "delegated_by": None}
    return review.model_copy(update=changed)


def answered(review: StoredReview, verdict: RecordedDecision, actor: Actor) -> Draft:
    """Write down what became of a review, by the row that it led to: decided, passed up, or expired."""
    kept = {"review_id": review.review_id, "digest": review.digest, "seal": review.seal}
    body = {**kept, "verdict": verdict.model_dump(mode="json")}
    return Draft(review.case_id, _EVENTS[status_after(verdict)], verdict.decided_at, actor, body)


def claimed(row: StoredReview, actor: Actor, at: datetime) -> Draft:
    """Write down who is at a review, and until when; `for` names them where somebody else saw to it."""
    said = {"review_id": row.review_id, "until": _until(row)}
    said |= {"for": row.claimed_by} if actor.id != row.claimed_by else {}
    return Draft(row.case_id, EventKind.CLAIMED, at, actor, said)


def delegated(row: StoredReview, actor: Actor, at: datetime, reason: str) -> Draft:
    """Write down who gave a review to whom, until when and why."""
    said = {"review_id": row.review_id, "to": row.claimed_by, "until": _until(row), "reason": reason}
    return Draft(row.case_id, EventKind.DELEGATED, at, actor, said)


def released(row: StoredReview, actor: Actor, at: datetime, back_to: str | None = None) -> Draft:
    """Write down that somebody let go of a review, or that their claim has lapsed, and to whom it went back."""
    said = {"review_id": row.review_id} | ({} if back_to is None else {"back_to": back_to})
    return Draft(row.case_id, EventKind.RELEASED, at, actor, said)


def reminded(row: StoredReview, to: Sequence[str], at: datetime) -> Draft:
    """Write down who was reminded that a review will be due."""
    return Draft(row.case_id, EventKind.REMINDED, at, SYSTEM, {"review_id": row.review_id, "to": list(to)})


def viewed(row: StoredReview, actor: Actor, at: datetime) -> Draft:
    """Write down that somebody looked at a review for the first time."""
    return Draft(row.case_id, EventKind.VIEWED, at, actor, {"review_id": row.review_id, "digest": row.digest})


def labeled(row: StoredReview, actor: Actor, at: datetime, label: str) -> Draft:
    """Write down what somebody said of a case before they saw the agent's answer."""
    return Draft(row.case_id, EventKind.LABELED, at, actor, {"review_id": row.review_id, "label": label})


def is_by(event: Event, said: Draft) -> bool:
    """Whether an entry tells already what another would: of the same kind, review and account."""
    same_review = event.body.get("review_id") == said.body["review_id"]
    return event.kind is said.kind and same_review and event.actor.id == said.actor.id


def _until(row: StoredReview) -> str | None:
    return None if row.claimed_until is None else instant_text(row.claimed_until)


def refused(attempt: RefusedAttempt, actor: Actor, at: datetime) -> Draft:
    """Write down who tried what, and why it was refused."""
    return Draft(attempt.case_id, EventKind.REFUSED, at, actor, attempt.model_dump(mode="json", exclude={"case_id"}))


def resumed(case_id: str, review_id: str, at: datetime) -> Draft:
    """Write down that the case ran on with a person's answer."""
    return Draft(case_id, EventKind.RESUMED, at, SYSTEM, {"review_id": review_id})


def finished(record: AuditRecord, at: datetime) -> Draft:
    """Write down how the case ended. The body is the audit record itself."""
    return Draft(record.case_id, EventKind.FINISHED, at, SYSTEM, record.model_dump(mode="json"))


def alarm(case_id: str, cause: str, at: datetime) -> Draft:
    """Write down that something was found which no code of ours wrote."""
    return Draft(case_id, EventKind.ALARM, at, SYSTEM, {"cause": cause})


def status_after(verdict: RecordedDecision) -> ReviewStatus:
    """Return what an open review becomes by this verdict."""
    if verdict.review.human_decision is HumanDecision.ESCALATE:
        return ReviewStatus.ESCALATED
    if not verdict.settles:
        return ReviewStatus.VOTED
    return _WITHOUT_A_PERSON.get(verdict.source, ReviewStatus.DECIDED)


_WITHOUT_A_PERSON = {
    DecisionSource.TIMEOUT: ReviewStatus.EXPIRED,
    DecisionSource.SUBMITTER: ReviewStatus.CANCELED,
    DecisionSource.RESUBMISSION: ReviewStatus.SUPERSEDED,
}
_EVENTS: dict[ReviewStatus, EventKind] = {
    status: EventKind(status.value) for status in ReviewStatus if status is not ReviewStatus.OPEN
}


def answer_key(answer: Review) -> str | None:
    """Return what an answer is known by, where its giver named it: people may choose the same name."""
    key = answer.idempotency_key
    return None if key is None else f"{answer.reviewer_id}/{key}"


def receipt(row: StoredReview, case_id: str, answer: Review) -> StoredReview:
    """Return the review that was answered under the key of this answer, if it is the same answer to the same case.

    Raises:
        KeyReused: it is not.
    """
    given = None if row.verdict is None else row.verdict.review
    about = answer.review_id in (None, row.review_id)
    if given is None or row.case_id != case_id or not about or answer_digest(given) != answer_digest(answer):
        raise KeyReused(str(answer.idempotency_key), row.review_id)
    return row


def check_open(row: StoredReview, who: str | None, now: datetime) -> None:
    """Pass a review without a verdict that may be answered or claimed by somebody at this time of the store's clock.

    Raises:
        ReviewExpired, ReviewClaimed: it may not.
    """
    if row.expires_at is not None and row.expires_at <= now:
        raise ReviewExpired(row.review_id, row.expires_at)
    if row.claimed_by not in (None, who) and row.claimed_until is not None and row.claimed_until > now:
        raise ReviewClaimed(row.review_id, str(row.claimed_by), row.claimed_until)


def why_not_claimed(row: StoredReview, who: str, now: datetime) -> RequestRejected:
    """Return why somebody may not claim a review."""
    if row.verdict is not None:
        return _ended(row.review_id, row.verdict)
    try:
        check_open(row, who, now)
    except RequestRejected as refusal:
        return refusal
    return StaleReview(row.review_id, row.digest, row.digest)


def why_not_delegated(row: StoredReview, who: str, now: datetime) -> RequestRejected:
    """Return why somebody may not give a review on."""
    if row.verdict is not None:
        return _ended(row.review_id, row.verdict)
    try:
        check_open(row, who, now)
    except RequestRejected as refusal:
        return refusal
    return NotAuthorized(who, "they do not hold this review; claim it first, and then delegate it")


def too_many_claims(who: str, held: int) -> NotAuthorized:
    """Return the refusal of one claim more than a person may hold."""
    why = f"they hold {held} reviews already, as many as they may; decide or release one of them first"
    return NotAuthorized(who, why)


def standing_answer(row: StoredReview, tried: StoredReview, verdict: RecordedDecision, now: datetime) -> StoredReview:
    """Return the receipt when this very answer stands already; otherwise say why the answer is refused."""
    if row.verdict is None and (row.version, row.digest) == (tried.version, tried.digest):
        check_open(row, verdict.review.reviewer_id, now)
    if row.verdict is None:
        raise StaleReview(row.review_id, tried.digest, row.digest)
    if answer_digest(row.verdict.review) == answer_digest(verdict.review):
        return row
    raise _ended(row.review_id, row.verdict)


def _ended(review_id: str, stands: RecordedDecision) -> RequestRejected:
    if stands.source is DecisionSource.TIMEOUT:
        return ReviewExpired(review_id, stands.decided_at)
    return _already_decided(review_id, stands)


def check_not_redacted(row: StoredReview, told: Iterable[Event]) -> None:
    """Pass a review whose contents are there. Of an erased one only who decided what is left, and that this stands.

    Raises:
        ReviewAlreadyDecided: they were erased.
    """
    if row.verdict is not None and any(event.kind is EventKind.REDACTED for event in told):
        raise _already_decided(row.review_id, row.verdict)


def _already_decided(review_id: str, stands: RecordedDecision) -> RequestRejected:
    who = stands.review.reviewer_id or stands.role
    if stands.source in _WITHOUT_A_PERSON:
        by = stands.review.reviewer_id or "a newer attempt at its task"
        return ReviewWithdrawn(review_id, _WITHOUT_A_PERSON[stands.source].value, by, stands.decided_at)
    if not stands.settles:
        return ReviewEscalated(review_id, who, stands.decided_at)
    return ReviewAlreadyDecided(review_id, who, stands.review.human_decision.value, stands.decided_at)


def stage_before_finish(record: AuditRecord) -> CaseStage:
    """Return the stage from which alone this outcome may be reached: only an agent's needs no decision before."""
    return CaseStage.RECEIVED if record.decision_source is DecisionSource.AGENT else CaseStage.DECIDED
