"""Who may change the policy, and the case in which a second person approves a looser one."""

from collections.abc import Sequence

from pydantic import ValidationError

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, UnknownCase
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy, default_role, policy_hash
from hitl_orchestrator.policies.lifecycle.change_request import POLICY_DOMAIN, change_output, change_task, where_looser
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Proposal
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry, readable_policy, recorded_policy
from hitl_orchestrator.review.decision_checks import role_to_decide_in
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.intake import check_submission
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of

__all__ = ["PolicyApproval", "Question"]

Question = tuple[Task, AgentOutput]
"""The task of a policy change, and the proposal in it."""

_CHANGE = "change the policy"
_MAX_NAMED = 5


class PolicyApproval:
    """Authorizes policy changes, and submits looser ones to a second person."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        registry: PolicyRegistry,
        policies: PolicySync,
        reader: CaseReader,
        submission: CaseSubmission,
        clock: Clock,
    ) -> None:
        self._ledger, self._people, self._registry = ledger, people, registry
        self._policies, self._reader, self._submission = policies, reader, submission
        self._clock = clock

    def authorized(self, reviewer_id: str) -> Reviewer:
        """Return a reviewer who may change the policy. Raises `NotAuthorized`."""
        try:
            reviewer = self._people.named(reviewer_id)
        except NotAuthorized as exc:
            raise NotAuthorized(reviewer_id, exc.why, _CHANGE) from None
        if not self._may_change(reviewer):
            takes = f"it takes {self._needed!r} or a role above it, in the domain {POLICY_DOMAIN!r} or in all ('*')"
            where = "all domains" if "*" in reviewer.domains else ", ".join(reviewer.domains)
            held = f"they hold {', '.join(reviewer.roles)} in {where}"
            raise NotAuthorized(reviewer_id, f"{takes}; {held}; {self._remedy()}", _CHANGE)
        return reviewer

    def check_second_person(self, author: Reviewer) -> None:
        """Raise `NotAuthorized` if there is no second person who could approve a change by this author."""
        for other in self._people:
            if other.human != author.human and self._may_change(other):
                return
        why = f"it is looser than the active policy, and no second person holds {self._needed!r} or a role above it"
        remedy = "who could approve it; add a second person to the reviewers"
        raise NotAuthorized(author.reviewer_id, f"{why}, {remedy}", _CHANGE)

    def actor(self, reviewer: Reviewer, acting: Acting) -> Actor:
        """Return the actor of a policy change. Raises `InvalidInput` for a channel that cannot be stored."""
        try:
            return actor_of(reviewer, acting)
        except ValidationError as exc:
            problem = f"channel: {exc.errors()[0]['msg']}; name the channel of the request, such as 'library'"
            raise InvalidInput([problem]) from exc

    def open(self, proposal: Proposal, channel: str = "library", question: Question | None = None) -> Case:
        """Return the case of a proposed change; submit it where a crash has prevented that.

        The `question` is identical each time, so that submitting it again is the same case.
        """
        case = self.case_of(proposal)
        if case is not None:
            return case
        if question is None:
            base, policy = (
                recorded_policy(each, self._ledger.policy) for each in (proposal.base, proposal.policy_hash)
            )
            question = self.question(proposal, (base, policy), self.where_looser(base, policy))
        task, output = question
        intake = Intake(task, output, submitted_by=proposal.by, by_system=True, case_id=proposal.case_id)
        return self._submission.submit(intake, Acting(channel=channel))

    def question(self, proposal: Proposal, between: tuple[Policy, Policy], looser: Sequence[str]) -> Question:
        """Return the task and the proposal for the second person. Raises `InvalidInput` if they cannot be submitted."""
        how = {"change": proposal.change.value, "reason": proposal.reason, "share": proposal.share}
        task = change_task(proposal.case_id, between, proposal.at, how)
        output = change_output(task, between[1], proposal.change, looser)
        check_submission(task, output, self._clock())
        return task, output

    def case_of(self, proposal: Proposal) -> Case | None:
        """Return the case of a proposed change; None where it was not submitted yet."""
        try:
            return self._reader.case(proposal.case_id)
        except UnknownCase:
            return None

    def record_base(self, base: Policy) -> None:
        """Record the policy that a change is compared with: another process may have to submit its case."""
        if policy_hash(base) not in self.versions():
            self._policies.record_if_new()

    def current(self, history: PolicyHistory) -> Policy:
        """Return the active policy, or else the one that the store was last used with, or opened with."""
        if history.active is not None:
            return self._registry.policy(history.active).policy
        recorded = self._ledger.current_policy()
        return self._registry.active.policy if recorded is None else readable_policy(recorded)

    def versions(self) -> list[str]:
        """Return the hashes of all policies that the store keeps."""
        with self._ledger.snapshot() as snapshot:
            return [row.policy_hash for row in snapshot.policies()]

    def where_looser(self, base: Policy, policy: Policy) -> tuple[str, ...]:
        """Return the regions where a policy is looser than another, one sentence with an example each."""
        return where_looser(base, policy, self._people.chain)

    def _remedy(self) -> str:
        able = [each.reviewer_id for each in self._people if self._may_change(each)]
        named = ", ".join(able[:_MAX_NAMED])
        if len(able) > _MAX_NAMED:
            return f"ask one of {named} or {len(able) - _MAX_NAMED} more"
        return f"ask {named}" if able else "no reviewer in the reviewers file may, so add one"

    def _may_change(self, reviewer: Reviewer) -> bool:
        try:
            role_to_decide_in(reviewer, self._needed, POLICY_DOMAIN, self._people.chain, None)
        except NotAuthorized:
            return False
        return True

    @property
    def _needed(self) -> str:
        """The role that may change the policy: the second of the chain."""
        return str(default_role(Action.ESCALATE, self._people.chain))
