"""Where a policy is looser than another, and the case in which a second person approves that."""

from collections.abc import Sequence

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Facts, RoutingDecision, Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel, Signal
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.change_request import change_output, change_task, where_looser
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Proposal
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry, recorded_policy
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.governance.change_cases import ChangeCases, Question
from hitl_orchestrator.services.policy_sync import PolicySync

__all__ = ["PolicyApproval"]


class PolicyApproval:
    """Compares policies, and submits looser ones to a second person."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        registry: PolicyRegistry,
        policies: PolicySync,
        cases: ChangeCases,
    ) -> None:
        self._ledger, self._people, self._registry = ledger, people, registry
        self._policies, self._cases = policies, cases

    def open(self, proposal: Proposal, channel: str = "library", question: Question | None = None) -> Case:
        """Return the case of a proposed change; submit it where a crash has prevented that."""

        def ask() -> Question:
            if question is not None:
                return question
            base, policy = (
                recorded_policy(each, self._ledger.policy) for each in (proposal.base, proposal.policy_hash)
            )
            return self.question(proposal, (base, policy), self.where_looser(base, policy, self._policies.policies))

        return self._cases.open(proposal, ask, channel)

    def question(self, proposal: Proposal, between: tuple[Policy, Policy], looser: Sequence[str]) -> Question:
        """Return the task and the proposal for the second person. Raises `InvalidInput` if they cannot be submitted."""
        task = change_task(proposal, between)
        return self._cases.checked((task, change_output(task, between, proposal.change, looser, proposal.review)))

    def decision(self, question: Question, history: PolicyHistory) -> RoutingDecision:
        """Return how the case of a proposed change is routed, as far as its own facts decide that."""
        task, output = question
        return self._registry.decide(
            str(history.active), Facts.of(task, RiskLevel.HIGH, output, _score(), task.timestamp)
        )

    def current(self, history: PolicyHistory) -> Policy:
        """Return the active policy."""
        return self._registry.policy(str(history.active)).policy

    def versions(self) -> list[str]:
        """Return the hashes of all policies that the store keeps."""
        with self._ledger.snapshot() as snapshot:
            return [row.policy_hash for row in snapshot.policies()]

    def where_looser(self, base: Policy, policy: Policy, history: PolicyHistory) -> tuple[str, ...]:
        """Return the regions where a policy is looser than another, one sentence with an example each.

        Roles are compared in the escalation chain of today, and in that under which the active policy was compared.
        """
        before = self._policies.version(str(history.compared_under))
        chains = dict.fromkeys((self._people.chain, before.chain))
        return tuple(dict.fromkeys(sentence for chain in chains for sentence in where_looser(base, policy, chain)))


def _score() -> Score:
    """Return the score of every proposed change: it states no confidence, and its risk is high."""
    return Score(confidence=None, source=ConfidenceSource.MISSING, signals=(Signal.LOW_CONFIDENCE, Signal.RISKY))
