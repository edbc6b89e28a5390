"""Built-in minimum requirements that no policy can override: a change of policy or people is always escalated."""

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import GOVERNED_CHANGES, Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import default_role

BUILT_IN = "built in"
"""The name of the layer of built-in rules."""

WHY = "such a change needs the approval of a second person, whatever the policies decide"
"""Why a change of the policy or the people is escalated."""


def with_builtin_rules(decision: RoutingDecision, facts: Facts, roles: RoleChain) -> RoutingDecision:
    """Return the decision, for a change of policy or people combined with the built-in minimum."""
    rule_id = facts.task_type
    if rule_id not in GOVERNED_CHANGES:
        return decision
    reason = f"{rule_id}, which is built in, matches: {WHY}"
    return stricter(builtin_decision(decision, Action.ESCALATE, rule_id, reason, roles), decision, roles)


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
