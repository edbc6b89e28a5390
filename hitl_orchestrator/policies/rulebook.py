"""The policies in force: the one a case came in under, and the active one. The stricter of the two decides."""

from collections.abc import Callable
from typing import Any

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.engine import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.schema import Policy


class Rulebook:
    """The active policy, and every earlier one that a case still holds on to."""

    def __init__(self, active: Policy, roles: RoleChain, read: Callable[[str], dict[str, Any]]) -> None:
        """`read` returns the recorded body of a policy by its hash."""
        self.active = compile_policy(active, roles)
        self._roles, self._read = roles, read
        self._compiled: dict[str, CompiledPolicy] = {self.active.hash: self.active}

    def decide(self, policy_hash: str, facts: Facts) -> RoutingDecision:
        """Return what the case's own policy says, or what the active one says where that is stricter."""
        own = self.policy(policy_hash).decide(facts)
        return own if policy_hash == self.active.hash else self.stricter(own, self.active.decide(facts))

    def policy(self, policy_hash: str) -> CompiledPolicy:
        """Return a policy by its hash. Raises `KeyError` where it was never recorded."""
        if policy_hash not in self._compiled:
            recorded = Policy.model_validate(self._read(policy_hash))
            self._compiled[policy_hash] = compile_policy(recorded, self._roles)
        return self._compiled[policy_hash]

    def stricter(self, one: RoutingDecision, other: RoutingDecision) -> RoutingDecision:
        """Return whichever asks for more: the stricter action, or of two alike the higher role; `one` on a tie."""
        return other if self._demand(other) > self._demand(one) else one

    def _demand(self, decision: RoutingDecision) -> tuple[int, int]:
        role = decision.assigned_human_role
        rank = self._roles.roles.index(role) if role in self._roles.roles else -1
        return decision.action.strictness, rank
