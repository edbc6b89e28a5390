"""`hitl.reviews`: claim, assign, view and label reviews, and measure reviewers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DecisionName, HumanDecision
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRequest
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.orchestrator.arguments import checked_arguments, output_of, review_of, roles_of, task_of
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.review.call_forms import call_form
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.reviews.assignments import WORKING_DAY, Assignments, Skill, Strategy
from hitl_orchestrator.services.reviews.claims import CLAIM_SECONDS

if TYPE_CHECKING:
    from hitl_orchestrator.insights.feedback import Feedback
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Reviews"]


@checked_arguments
class Reviews:
    """Operations on open reviews. Where `reviewer` is left out, the acting reviewer is meant (see `acting_as`)."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def claim(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        reviewer: str | None = None,
        seconds: float = CLAIM_SECONDS,
        take_over: bool = False,
    ) -> ReviewRequest:
        """Reserve the open review of a case. Until the claim expires, by the database clock, no other reviewer decides.

        Claiming again extends the claim. A decision or `release` ends it. `seconds` is in (0, 86,400]. With `take_over`
        the claim of another reviewer ends first, if the reviewer holds a role above all of theirs. A claim also ends
        when its holder may not decide any more or is away.

        Raises:
            CaseNotWaiting, NotAuthorized, ReviewClaimed, ReviewExpired, GraphVersionMismatch: the claim is rejected.
            InvalidInput: the seconds are out of range.
        """
        verb = Verb.TAKE_OVER if take_over else Verb.CLAIM
        services, acting, key = self._gate.to_case(verb, case_id, task_id, reviewer=reviewer)
        return services.claims.claim(key, acting, seconds=seconds, take_over=take_over)

    def next(self, *, reviewer: str | None = None, seconds: float = CLAIM_SECONDS) -> ReviewRequest | None:
        """Claim the most urgent review that the reviewer may decide, and return it; None if there is none.

        Reviews that need the reviewer's own role come before reviews that a lower role may decide as well; then the
        earliest deadline, then the longest wait. Reviews that fail their integrity check are skipped.

        Raises:
            NotAuthorized: the reviewer is unknown, or holds as many claims as allowed.
        """
        services, acting = self._gate.to(Verb.CLAIM, reviewer=reviewer)
        return services.claims.next(acting, seconds=seconds)

    def release(self, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None) -> bool:
        """Release the claim on a case's open review; a delegated review returns to the delegating reviewer.

        Returns False if the reviewer holds no claim. Raises as `claim` does.
        """
        services, acting, key = self._gate.to_case(Verb.RELEASE, case_id, task_id, reviewer=reviewer)
        return services.claims.release(key, acting)

    def delegate(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        to: str,
        reviewer: str | None = None,
        reason: str = "",
        seconds: float = CLAIM_SECONDS,
    ) -> ReviewRequest:
        """Hand a claimed review to another reviewer who may decide it. When they release it, it returns.

        Raises:
            NotAuthorized: the reviewer holds no claim, or the other may not decide the review or has too many claims.
            CaseNotWaiting, ReviewClaimed, ReviewExpired, GraphVersionMismatch: the delegation is rejected.
            InvalidInput: the seconds are not in (0, 86,400].
        """
        services, acting, key = self._gate.to_case(Verb.DELEGATE, case_id, task_id, reviewer=reviewer)
        return services.claims.delegate(key, to, acting, reason=reason, seconds=seconds)

    def assign(
        self,
        *,
        strategy: Strategy | Literal["push", "sticky"] = Strategy.PUSH,
        limit: int = 1000,
        seconds: float = WORKING_DAY,
        skill: Skill = lambda reviewer, task_type: 1.0,
        reviewer: str | None = None,
    ) -> Assignments:
        """Assign at most `limit` unclaimed open reviews to authorized reviewers, the most urgent first, for `seconds`.

        `reviewer`, or the reviewer of `acting_as`, assigns them, and must hold the second role of the escalation chain
        or a higher one.

        `push` chooses the reviewer with the lowest load; `sticky` prefers the reviewer who last decided for the same
        `customer` in the task's metadata. A review whose role has no member goes to the role above; one whose members
        are all absent waits, and the assignment states why.

        Reviews that no reviewer can take are passed over and do not count. The result lists the first `limit` of them,
        and has `more` if the limit was reached before the end of the queue; call again to go on.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role.
            InvalidInput: the strategy is unknown, the limit is not in [1, 100,000], the seconds are not in
                (0, 86,400], or no reviewer is named.
        """
        services, acting = self._gate.to(Verb.ASSIGN, reviewer=reviewer)
        how = member_of(Strategy, strategy, "assign: strategy")
        return services.assignments.assign(how, acting, limit=limit, seconds=seconds, skill=skill)

    def view(self, case_id: str | None = None, *, task_id: str | None = None, reviewer: str | None = None) -> CaseView:
        """Return the case as a reviewer may see it: its open review, or else its last one.

        The first view of a reviewer is recorded, and each view extends their claim. A blind review hides the agent's
        output until the reviewer has committed a label, and always from callers without a reviewer.

        Raises:
            UnknownCase, CaseNotWaiting: no review is open.
            NotAuthorized: the reviewer is unknown.
        """
        services, acting, key = self._gate.to_case(Verb.VIEW, case_id, task_id, reviewer=reviewer)
        return services.views.view(key, acting)

    def label(
        self, case_id: str | None = None, *, task_id: str | None = None, label: str, reviewer: str | None = None
    ) -> CaseView:
        """Commit the reviewer's own label of a blind case, and return the full view. The first label is final.

        Raises:
            NotAuthorized, CaseNotWaiting, GraphVersionMismatch: the label is rejected.
            InvalidInput: the label is empty or cannot be stored.
        """
        services, acting, key = self._gate.to_case(Verb.LABEL, case_id, task_id, reviewer=reviewer)
        return services.views.label(key, label, acting)

    def decide_many(
        self,
        case_ids: Sequence[str],
        decision: Review | HumanDecision | DecisionName,
        *,
        reviewer: str | None = None,
        feedback: str = "",
        reason: str = "",
        reason_code: str | None = None,
    ) -> list[Case]:
        """Approve or reject several cases at once: low risk, sent by one rule, never escalated. Each is decided alone.

        All are checked before the first is written. If another reviewer decides one of them meanwhile, the decisions
        before it remain recorded.

        Raises:
            InvalidInput: some cases need a decision of their own, with every reason.
            NotAuthorized and others: as `decide`.
        """
        review = review_of(decision, human_feedback=feedback, reason=reason, reason_code=reason_code)
        services, acting = self._gate.to(Verb.DECIDE, reviewer=reviewer)
        named = [CaseKey.of(case_id, None, acting.namespace) for case_id in case_ids]
        keys = [services.authorization.check_case(Verb.DECIDE, acting, key) for key in named]
        return [self._gate.shown(case) for case in services.decisions.decide_many(keys, review, acting)]

    def add_gold_case(
        self,
        task: Task | Mapping[str, Any],
        output: AgentOutput | Mapping[str, Any],
        expected: HumanDecision | DecisionName,
        *,
        reviewer: str | None = None,
        arguments_schema: Mapping[str, Any] | None = None,
        takes_response: bool = False,
    ) -> Case:
        """Queue a gold case, whose right decision is known, to measure reviewers. It is never executed.

        `reviewer`, or the reviewer of `acting_as`, must hold the second role of the escalation chain or a higher one.
        `arguments_schema` and `takes_response` are those with which `ask` submits the calls of its type: without them
        an edit that a real call refuses is taken, which tells reviewers that the case is none.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role.
            InvalidInput: the policy would approve it without a reviewer, the task id is taken, or no reviewer is named;
                or as `submit`.
        """
        services, acting = self._gate.to(Verb.PLANT, reviewer=reviewer)
        given, right = task_of(task), member_of(HumanDecision, expected, "add_gold_case: expected")
        form = None
        if arguments_schema is not None:
            form = call_form(arguments_schema, takes_response=takes_response, where="add_gold_case")
        return services.quality.add_gold_case(given, output_of(output, given), right, form, acting)

    def add_second_review(
        self,
        case_id: str | None = None,
        *,
        task_id: str | None = None,
        new_task_id: str,
        reviewer: str | None = None,
    ) -> Case:
        """Ask other reviewers about a decided case, under a new task id. The copy is never executed.

        Raises:
            InvalidInput: no reviewer decided the case, or no reviewer is named.
            NotAuthorized: as `add_gold_case`.
        """
        services, acting, key = self._gate.to_case(Verb.PLANT, case_id, task_id, reviewer=reviewer)
        return services.quality.add_second_review(key, new_task_id, acting)

    def feedback(self) -> "Iterator[Feedback]":
        """Yield what agents can learn from each case that a reviewer decided.

        A principal that is not local gets that of its own cases and domains.
        """
        services, acting = self._gate.to(Verb.READ_RECORDS)
        return services.audit.feedback(services.authorization.filter_of(Verb.READ_RECORDS, acting))

    def roles(self) -> tuple[str, ...]:
        """Return all roles: those of the escalation chain, the lowest first, then other roles that reviewers hold."""
        return roles_of(self._gate.to(Verb.READ_PEOPLE).services.people)

    def people(self) -> tuple[Reviewer, ...]:
        """Return all reviewers."""
        return tuple(self._gate.to(Verb.READ_PEOPLE).services.people)

    def person(self, reviewer: str) -> Reviewer:
        """Return one reviewer. Raises `NotAuthorized` if the id is unknown."""
        return self._gate.to(Verb.READ_PEOPLE).services.people.named(reviewer)
