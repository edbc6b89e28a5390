"""The decisions of the rules of a policy, without the names of rules and policies, for comparisons."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.engine.compiled import decision_fields
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import default_role


def decisions_of(policy: Policy, roles: RoleChain, *, silent: bool = False) -> dict[int, RoutingDecision]:
    """Return the decision of each rule, as an index, and of the fallback. A `silent` layer lets such a case proceed."""
    action = Action.AUTO_APPROVE if silent else Action.HUMAN_REVIEW
    decisions = {FALLBACK_INDEX: _decision(action, default_role(action, roles))}
    for index, rule in enumerate(policy.by_priority):
        own = _decision(rule.action, rule.assigned_human_role)
        decisions[index] = own.model_copy(update=decision_fields(rule))
    return decisions


def _decision(action: Action, role: str | None) -> RoutingDecision:
    return RoutingDecision(
        action=action, assigned_human_role=role, rule_id="-", reason="", policy_id="-", policy_hash="-"
    )
