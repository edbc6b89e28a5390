"""What reviewers do to a review beside deciding it, and what others do: hold, give on, look at, take back, remind."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import ActorKind, Authentication, DecisionSource, EventKind, HumanDecision
from hitl_orchestrator.domain.review import RecordedDecision, Review, Reviewer, StoredReview
from hitl_orchestrator.errors import NotAuthorized
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.ports.claims import Limit
from hitl_orchestrator.review.working_time import after_working_time
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.rejected_attempts import who_acts


class Looked(NamedTuple):
    """When somebody first looked at a review, and what they said of it before they saw the agent's answer."""

    at: datetime | None
    label: str


class ReviewClaims(ReviewAccess):
    """The part of the desk at which people work together."""

    def claim(
        self, row: StoredReview, reviewer_id: str, seconds: float, channel: str, case: Case | None = None
    ) -> StoredReview:
        """Keep a review for somebody who may decide it.

        Raises:
            NotAuthorized, ReviewClaimed, ReviewExpired, ReviewAlreadyDecided, ReviewWithdrawn: it is not theirs.
        """
        row = self._proven(row)
        reviewer = self._people.named(reviewer_id)
        self.rights(row, case).role_for(reviewer)
        actor, now = who_acts(reviewer, channel), self._clock()
        return self._ledger.claim(row, reviewer_id, actor, now, seconds, limit=self._limit(reviewer))

    def assign(self, row: StoredReview, reviewer: Reviewer, seconds: float) -> StoredReview:
        """Keep a review for somebody who may decide it, without their doing. Raises as `claim`."""
        row = self._proven(row)
        self.rights(row).role_for(reviewer)
        who, now = reviewer.reviewer_id, self._clock()
        return self._ledger.claim(row, who, SYSTEM, now, seconds, limit=self._limit(reviewer))

    def release(self, row: StoredReview, reviewer_id: str, channel: str) -> bool:
        """Let go of a review that somebody has claimed; False where they had not. Raises `NotAuthorized`."""
        reviewer = self._people.named(reviewer_id)
        return self._ledger.unclaim(row, reviewer_id, who_acts(reviewer, channel), self._clock())

    def delegate(
        self, row: StoredReview, between: tuple[str, str], *, reason: str, seconds: float, channel: str
    ) -> StoredReview:
        """Give a review that one holds to another who may decide it.

        Raises:
            NotAuthorized: they do not hold it, or the other may not decide it.
            ReviewClaimed, ReviewExpired, ReviewAlreadyDecided, ReviewWithdrawn: it is not theirs to give.
        """
        row = self._proven(row)
        reviewer, other = (self._people.named(name) for name in between)
        rights = self.rights(row)
        rights.role_for(reviewer)
        rights.role_for(other)
        if reviewer.reviewer_id == other.reviewer_id:
            raise NotAuthorized(other.reviewer_id, "they hold it already; name somebody else")
        actor, now, limit = who_acts(reviewer, channel), self._clock(), self._limit(other)
        return self._ledger.delegate(row, *between, actor, now, seconds=seconds, reason=reason, limit=limit)

    def look(self, row: StoredReview, reviewer: Reviewer, seconds: float, channel: str) -> None:
        """Take note that somebody looks at a review, and let their claim of it live on."""
        self._ledger.view(row, who_acts(reviewer, channel), self._clock())
        if row.claimed_by == reviewer.reviewer_id:
            self._ledger.renew(row, reviewer.reviewer_id, seconds)

    def label(self, row: StoredReview, reviewer: Reviewer, label: str, channel: str) -> str:
        """Commit what somebody says of a case before they see the agent's answer; return what stands, the first."""
        self.rights(row).role_for(reviewer)
        return self._ledger.label(row, who_acts(reviewer, channel), self._clock(), label)

    def cancel(self, row: StoredReview, case: Case, by: str, *, reason: str, channel: str) -> StoredReview:
        """Take a case back that one has submitted, whoever holds its review.

        Raises:
            NotAuthorized: somebody else submitted it, or nobody knows who did.
            ReviewAlreadyDecided, ReviewExpired: somebody was first.
        """
        submitter = case.submission.submitted_by
        if submitter is None:
            why = "nobody is recorded as who submitted it, and only they may cancel it; a reviewer may reject it"
            raise NotAuthorized(by, why)
        if self._people.human(submitter) != self._people.human(by):
            raise NotAuthorized(by, f"only {submitter!r}, who submitted it, may cancel it; a reviewer may reject it")
        actor = Actor(kind=ActorKind.HUMAN, id=by, authenticated=Authentication.STATED, channel=channel)
        return self._withdraw(row, (DecisionSource.SUBMITTER, by), actor, reason)

    def supersede(self, row: StoredReview) -> StoredReview:
        """Take a case back that a newer attempt has followed. Raises as `cancel`, where somebody was first."""
        reason = "a newer attempt at the task took its place"
        return self._withdraw(row, (DecisionSource.RESUBMISSION, None), SYSTEM, reason)

    def _withdraw(
        self, row: StoredReview, how: tuple[DecisionSource, str | None], actor: Actor, reason: str
    ) -> StoredReview:
        row = self._proven(row)
        (source, by), now = how, self._clock()
        said = Review(
            human_decision=HumanDecision.REJECT,
            reviewer_id=by,
            reason=reason,
            review_id=row.review_id,
            task_id=row.shown.task.task_id,
            human_role=row.role,
            timestamp=now,
            shown_digest=row.digest,
        )
        verdict = RecordedDecision(review=said, decided_at=now, role=row.role, channel=actor.channel, source=source)
        return self._ledger.withdraw(row, verdict, actor)

    def remind(self, row: StoredReview) -> Sequence[str] | None:
        """Write down who is reminded of a review: whoever holds it, else all who may decide it; None if done before."""
        held = row.claimed_by is not None and row.claimed_until is not None and row.claimed_until > self._ledger.now()
        to = [str(row.claimed_by)] if held else [one.reviewer_id for one in self.rights(row).able()]
        return to if self._ledger.remind(row, to, self._clock()) else None

    def return_lapsed(self, row: StoredReview) -> bool:
        """Take a claim that has lapsed from a review; say whether there was one."""
        return self._ledger.return_lapsed(row, self._clock())

    def looked_at(self, row: StoredReview, reviewer: Reviewer, told: Iterable[Event]) -> Looked:
        """Return when somebody first looked at a review, by entries of its case, and the label that they committed.

        Entries that come with a review name the label by its digest, so that it is looked up where there is one.
        """
        theirs = [one for one in told if _is_about(one, row, reviewer)]
        at = next((one.at for one in theirs if one.kind is EventKind.VIEWED), None)
        if all(one.kind is not EventKind.LABELED for one in theirs):
            return Looked(at, "")
        said = (one for one in self._ledger.events(row.case_id) if _is_about(one, row, reviewer))
        return Looked(at, next(str(one.body["label"]) for one in said if one.kind is EventKind.LABELED))

    def _limit(self, reviewer: Reviewer) -> Limit:
        return Limit(self._people.accounts_of(reviewer.reviewer_id), reviewer.max_open_claims)

    def _answer_within(self, decision: RoutingDecision) -> timedelta | None:
        """Return how long an answer may take on the clock, where the rule counts in working time."""
        calendar, within = self._people.calendar, decision.respond_within
        if within is None or calendar is None or not decision.asking.business_hours:
            return None
        now = self._ledger.now()
        return after_working_time(calendar, now, within) - now


def _is_about(event: Event, row: StoredReview, reviewer: Reviewer) -> bool:
    return event.actor.id == reviewer.reviewer_id and event.body.get("review_id") == row.review_id
