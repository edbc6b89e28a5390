"""`hitl.reviews`: claim, assign, view and label reviews, and measure reviewers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.insights.feedback import Feedback
from hitl_orchestrator.namespaces.acting import Acting, one_id, review_of
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.services.reviews.assignments import Assignment, Skill, Strategy
from hitl_orchestrator.services.reviews.claims import CLAIM_SECONDS, WORKING_DAY

if TYPE_CHECKING:
    from hitl_orchestrator.services.policy.admin import GoverningOrchestrator

__all__ = ["Reviews"]


class Reviews:
    """Operations on open reviews. Where `reviewer` is left out, the acting reviewer is meant (see `acting_as`)."""

    def __init__(self, services: "GoverningOrchestrator", acting: Acting) -> None:
        self._services, self._acting = services, acting

    def claim(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        reviewer: str | None = None,
        seconds: float = CLAIM_SECONDS,
    ) -> StoredReview:
        """Reserve the open review of a case. Until the claim expires, by the database clock, no other reviewer decides.

        Claiming again extends the claim. A decision or `release` ends it. `seconds` is in (0, 86,400].

        Raises:
            CaseNotWaiting, NotAuthorized, ReviewClaimed, ReviewExpired, GraphVersionMismatch: the claim is rejected.
            InvalidInput: the seconds are out of range.
        """
        who = self._acting.reviewer_or(reviewer)
        return self._services.claim(one_id(case_id, task_id), who, seconds=seconds, channel=self._acting.channel)

    def next(self, *, reviewer: str | None = None, seconds: float = CLAIM_SECONDS) -> StoredReview | None:
        """Claim the most urgent review that the reviewer may decide, and return it; None if there is none.

        Reviews that need the reviewer's own role come before reviews that a lower role may decide as well; then the
        earliest deadline, then the longest wait. Reviews that fail their integrity check are skipped.

        Raises:
            NotAuthorized: the reviewer is unknown, or holds as many claims as allowed.
        """
        who = self._acting.reviewer_or(reviewer)
        return self._services.next_for(who, seconds=seconds, channel=self._acting.channel)

    def release(self, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None) -> bool:
        """Release the claim on a case's open review; a delegated review returns to the delegating reviewer.

        Returns False if the reviewer holds no claim. Raises as `claim` does.
        """
        who = self._acting.reviewer_or(reviewer)
        return self._services.release(one_id(case_id, task_id), who, channel=self._acting.channel)

    def delegate(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        to: str,
        reviewer: str | None = None,
        reason: str = "",
        seconds: float = CLAIM_SECONDS,
    ) -> StoredReview:
        """Hand a claimed review to another reviewer who may decide it. When they release it, it returns.

        Raises:
            NotAuthorized: the reviewer holds no claim, or the other may not decide the review or has too many claims.
            CaseNotWaiting, ReviewClaimed, ReviewExpired, GraphVersionMismatch: the delegation is rejected.
            InvalidInput: the seconds are not in (0, 86,400].
        """
        who, named = self._acting.reviewer_or(reviewer), one_id(case_id, task_id)
        return self._services.delegate(named, who, to, reason=reason, seconds=seconds, channel=self._acting.channel)

    def assign(
        self,
        *,
        strategy: Strategy | str = Strategy.PUSH,
        limit: int = 1000,
        seconds: float = WORKING_DAY,
        skill: Skill = lambda reviewer, task_type: 1.0,
    ) -> list[Assignment]:
        """Assign unclaimed open reviews to authorized reviewers, the most urgent first, for `seconds` each.

        `push` chooses the reviewer with the lowest load; `sticky` prefers the reviewer who last decided for the same
        `customer` in the task's metadata. A review whose role has no member goes to the role above; one whose members
        are all absent waits, and the assignment states why.

        Raises:
            InvalidInput: the strategy is unknown, or the seconds are not in (0, 86,400].
        """
        return self._services.assign(strategy=strategy, limit=limit, seconds=seconds, skill=skill)

    def view(self, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None) -> CaseView:
        """Return the case as a reviewer may see it: its open review, or else its last one.

        The first view of a reviewer is recorded, and each view extends their claim. A blind review hides the agent's
        output until the reviewer has committed a label, and always from callers without a reviewer.

        Raises:
            UnknownCase, CaseNotWaiting: there is no review to view.
            NotAuthorized: the reviewer is unknown.
        """
        who = self._acting.optional(reviewer)
        return self._services.view(one_id(case_id, task_id), who, channel=self._acting.channel)

    def label(
        self, case_id: str | None = None, *, task_id: str | None = None, label: str, reviewer: str | None = None
    ) -> CaseView:
        """Commit the reviewer's own label of a blind case, and return the full view. The first label stands.

        Raises:
            NotAuthorized, CaseNotWaiting, GraphVersionMismatch: the label is rejected.
            InvalidInput: the label is empty or cannot be stored.
        """
        who = self._acting.reviewer_or(reviewer)
        return self._services.label(one_id(case_id, task_id), who, label, channel=self._acting.channel)

    def decide_many(
        self,
        case_ids: Sequence[str],
        decision: Review | HumanDecision | str,
        *,
        reviewer: str | None = None,
        feedback: str = "",
        reason: str = "",
        reason_code: str | None = None,
    ) -> list[Case]:
        """Approve or reject several cases at once: low risk, sent by one rule, never escalated. Each is decided alone.

        All are checked before the first is written. If another reviewer decides one of them meanwhile, the decisions
        before it stand.

        Raises:
            InvalidInput: some cases need a decision of their own, with every reason.
            NotAuthorized and others: as `decide`.
        """
        review = review_of(decision, human_feedback=feedback, reason=reason, reason_code=reason_code)
        who = self._acting.optional(reviewer)
        return self._services.decide_many(case_ids, review, by=who, channel=self._acting.channel)

    def add_gold_case(self, task: Task, output: AgentOutput, expected: HumanDecision) -> Case:
        """Queue a gold case, whose right decision is known, to measure reviewers. It is never executed.

        Raises:
            InvalidInput: the policy would approve it without a reviewer, or the task id is taken; or as `submit`.
        """
        return self._services.add_gold_case(task, output, expected, channel=self._acting.channel)

    def add_second_review(self, case_id: str | None = None, *, task_id: str | None = None, new_task_id: str) -> Case:
        """Ask other reviewers about a decided case, under a new task id. The copy is never executed.

        Raises:
            InvalidInput: no reviewer decided the case.
        """
        named = one_id(case_id, task_id)
        return self._services.add_second_review(named, new_task_id, channel=self._acting.channel)

    def feedback(self) -> Iterator[Feedback]:
        """Yield what agents can learn from each case that a reviewer decided."""
        return self._services.feedback()
