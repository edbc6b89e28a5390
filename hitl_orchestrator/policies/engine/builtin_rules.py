"""Built-in minimum requirements that no policy can override: a policy change is always escalated."""

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import POLICY_CHANGE, Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import default_role

BUILT_IN = "built in"
"""The name of the layer of built-in rules."""

WHY = "a looser policy needs the approval of a second person, whatever the policies decide"
"""Why a policy change is escalated."""


def with_builtin_rules(decision: RoutingDecision, facts: Facts, roles: RoleChain) -> RoutingDecision:
    """Return the decision, for a policy change combined with the built-in minimum."""
    if facts.task_type != POLICY_CHANGE:
        return decision
    reason = f"{POLICY_CHANGE}, which is built in, matches: {WHY}"
    return stricter(builtin_decision(decision, Action.ESCALATE, POLICY_CHANGE, reason, roles), decision, roles)


def builtin_decision(
    decision: RoutingDecision, action: Action, rule_id: str, why: str, roles: RoleChain
) -> RoutingDecision:
    """Return a decision that no rule of the policy made, under the policy of another decision."""
    return RoutingDecision(
        action=action,
        rule_id=rule_id,
        assigned_human_role=default_role(action, roles),
        reason=why,
        policy_id=decision.policy_id,
        policy_hash=decision.policy_hash,
    )
