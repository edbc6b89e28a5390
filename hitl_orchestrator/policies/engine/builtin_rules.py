"""What is asked of some cases whatever their policy says. A change of the policy itself is always escalated. Pure."""

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import POLICY_CHANGE, Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import default_role

BUILT_IN = "built in"
"""The layer of what no policy says."""

WHY = "a policy that asks for less takes a second person, whatever the policies say"
"""Why a change of the policy is escalated."""


def held_to_the_floor(decided: RoutingDecision, facts: Facts, roles: RoleChain) -> RoutingDecision:
    """Return a decision, or of a change of the policy what is asked of it at least, where that is as much or more."""
    if facts.task_type != POLICY_CHANGE:
        return decided
    reason = f"{POLICY_CHANGE}, which is built in, holds: {WHY}"
    return stricter(without_a_rule(decided, Action.ESCALATE, POLICY_CHANGE, reason, roles), decided, roles)


def without_a_rule(decided: RoutingDecision, action: Action, name: str, why: str, roles: RoleChain) -> RoutingDecision:
    """Return what is asked of a case whatever the rules of its policy say."""
    return RoutingDecision(
        action=action,
        rule_id=name,
        assigned_human_role=default_role(action, roles),
        reason=why,
        policy_id=decided.policy_id,
        policy_hash=decided.policy_hash,
    )
