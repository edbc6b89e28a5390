"""Who may change the policy, and the case in which a second person agrees to a change that asks for less."""

from collections.abc import Sequence

from pydantic import ValidationError

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, UnknownCase
from hitl_orchestrator.policies.language.model import Policy, default_role, policy_hash, policy_of
from hitl_orchestrator.policies.lifecycle.change_request import POLICY_DOMAIN, change_output, change_task, where_looser
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Proposal
from hitl_orchestrator.policies.lifecycle.in_force import recorded_policy
from hitl_orchestrator.review.authority import role_to_decide_in
from hitl_orchestrator.services.cases.intake import check_submission
from hitl_orchestrator.services.cases.spot_checks import SpotCheckingOrchestrator
from hitl_orchestrator.services.reviews.rejected_attempts import who_acts

Asked = tuple[Task, AgentOutput]
CHANGE_IT = "change the policy"
_MOST_NAMED = 5


class ProposingOrchestrator(SpotCheckingOrchestrator):
    """An orchestrator that puts changes of its policy before a second person."""

    def _who_governs(self, reviewer_id: str) -> Reviewer:
        """Return somebody who may change the policy. Raises `NotAuthorized` where they may not."""
        try:
            reviewer = self.people.named(reviewer_id)
        except NotAuthorized as exc:
            raise NotAuthorized(reviewer_id, exc.why, CHANGE_IT) from None
        if not self._may_govern(reviewer):
            takes = f"it takes {self._needed!r} or a role above it, in the domain {POLICY_DOMAIN!r} or in all ('*')"
            where = "all domains" if "*" in reviewer.domains else ", ".join(reviewer.domains)
            held = f"they hold {', '.join(reviewer.roles)} in {where}"
            raise NotAuthorized(reviewer_id, f"{takes}; {held}; {self._whom_to_ask()}", CHANGE_IT)
        return reviewer

    def _whom_to_ask(self) -> str:
        able = [one.reviewer_id for one in self.people if self._may_govern(one)]
        named = ", ".join(able[:_MOST_NAMED])
        if len(able) > _MOST_NAMED:
            return f"ask one of {named} or {len(able) - _MOST_NAMED} more"
        return f"ask {named}" if able else "nobody in the reviewers file may, so add somebody"

    def _may_govern(self, reviewer: Reviewer) -> bool:
        try:
            role_to_decide_in(reviewer, self._needed, POLICY_DOMAIN, self.people.chain, None)
        except NotAuthorized:
            return False
        return True

    @property
    def _needed(self) -> str:
        """The role that it takes: the second of the chain."""
        return str(default_role(Action.ESCALATE, self.people.chain))

    def _check_somebody_else(self, who: Reviewer) -> None:
        """Pass a change to which somebody else could agree."""
        for other in self.people:
            if other.human != who.human and self._may_govern(other):
                return
        why = f"it is looser than the one that rules, and nobody else holds {self._needed!r} or a role above it"
        remedy = "who could agree to it; add a second person to the reviewers"
        raise NotAuthorized(who.reviewer_id, f"{why}, {remedy}", CHANGE_IT)

    def _acting(self, who: Reviewer, channel: str) -> Actor:
        try:
            return who_acts(who, channel)
        except ValidationError as exc:
            told = f"channel: {exc.errors()[0]['msg']}; name the door through which this comes, such as 'library'"
            raise InvalidInput([told]) from exc

    def _open_change(self, proposal: Proposal, channel: str = "library", asked: Asked | None = None) -> Case:
        """Return the case in which a change waits; open it where there is none yet, or a crash came before.

        What is `asked` is the same to the letter each time, so that opening it again is the same case.
        """
        known = self._case_of(proposal)
        if known is not None:
            return known
        if asked is None:
            base, policy = (recorded_policy(one, self.ledger.policy) for one in (proposal.base, proposal.policy_hash))
            asked = self._asked_about(proposal, (base, policy), self._looser(base, policy))
        task, output = asked
        submission = self._submission(task, output, submitted_by=proposal.by, own=True)
        return self._submit(submission.model_copy(update={"case_id": proposal.case_id}), channel=channel)

    def _asked_about(self, proposal: Proposal, between: tuple[Policy, Policy], looser: Sequence[str]) -> Asked:
        """Return what a second person is asked about a change. Raises `InvalidInput` where nobody can be asked that."""
        how = {"change": proposal.change.value, "reason": proposal.reason, "share": proposal.share}
        task = change_task(proposal.case_id, between, proposal.at, how)
        output = change_output(task, between[1], proposal.change, looser)
        check_submission(task, output, self._clock())
        return task, output

    def _case_of(self, proposal: Proposal) -> Case | None:
        try:
            return self._case(proposal.case_id)
        except UnknownCase:
            return None

    def _keep(self, base: Policy) -> None:
        """Record what a change is held against, where nothing was recorded yet: its case may be opened elsewhere."""
        if policy_hash(base) not in self._names():
            self._put_policy_in_force(self._clock())

    def _ruling(self, life: PolicyHistory) -> Policy:
        """Return the policy that rules: the active one, else the one that the store was used with last, or opened."""
        if life.active is not None:
            return self.rulebook.policy(life.active).policy
        recorded = self.ledger.current_policy()
        return self.rulebook.active.policy if recorded is None else policy_of(recorded)

    def _names(self) -> list[str]:
        """Return the hashes of all versions that the store keeps."""
        with self.ledger.snapshot() as books:
            return [row.policy_hash for row in books.policies()]

    def _looser(self, base: Policy, policy: Policy) -> tuple[str, ...]:
        return where_looser(base, policy, self.people.chain)
