"""The policies in force: the one a case came in under, and the active one. The stricter of the two decides."""

from collections.abc import Callable
from typing import Any

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import PolicyAltered
from hitl_orchestrator.policies.engine import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.schema import Policy, policy_hash, policy_of
from hitl_orchestrator.policies.strictest import asked_together, demand

Read = Callable[[str], dict[str, Any]]
"""Returns the recorded body of a policy by its hash; raises `KeyError` where there is none."""


class Rulebook:
    """The active policy, and every earlier one that a case still holds on to."""

    def __init__(self, active: Policy, roles: RoleChain, read: Read) -> None:
        self.active = compile_policy(active, roles)
        self._roles, self._read = roles, read
        self._compiled: dict[str, CompiledPolicy] = {self.active.hash: self.active}

    def decide(self, policy_hash: str, facts: Facts) -> RoutingDecision:
        """Return what the case's own policy says, or what the active one says where that is stricter."""
        own = self.policy(policy_hash).decide(facts)
        return own if policy_hash == self.active.hash else self.stricter(own, self.active.decide(facts))

    def policy(self, policy_hash: str) -> CompiledPolicy:
        """Return a policy by its hash. Raises `PolicyAltered` where what is recorded is not it."""
        if policy_hash not in self._compiled:
            self._compiled[policy_hash] = compile_policy(recorded_policy(policy_hash, self._read), self._roles)
        return self._compiled[policy_hash]

    def stricter(self, one: RoutingDecision, other: RoutingDecision) -> RoutingDecision:
        """Return whichever asks for more: the stricter action, the higher role, more approvals; `one` on a tie.

        It also asks for what the other one wants of the people who are asked: a change of policy takes nothing away.
        """
        roles = self._roles
        more, less = (other, one) if demand(other, roles) > demand(one, roles) else (one, other)
        asking = asked_together(more, less, roles)
        if asking == more.asking:
            return more
        reason = f"{more.reason}; {less.rule_id} of policy {less.policy_hash[:12]} asks for more of who decides"
        return more.model_copy(update={"asking": asking, "reason": reason})


def recorded_policy(wanted_hash: str, read: Read) -> Policy:
    """Return a recorded policy that still is the one of its hash.

    Raises:
        PolicyAltered: it is gone, or its row was changed.
    """
    try:
        recorded = policy_of(read(wanted_hash))
    except KeyError:
        raise PolicyAltered(wanted_hash, "it is gone") from None
    except (ValueError, TypeError) as exc:
        raise PolicyAltered(wanted_hash, "what stands there is no policy") from exc
    found = policy_hash(recorded)
    if found != wanted_hash:
        raise PolicyAltered(wanted_hash, f"what stands there is the policy {found[:12]!r}")
    return recorded
