"""Built-in minimum requirements that no policy can override, for the questions that the system asks itself.

A change of policy or people is always escalated, and whether an execution happened is always asked of a person.
"""

from typing import NamedTuple

from hitl_orchestrator.domain.decision import FALLBACK, Facts, RoutingDecision
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, GOVERNED_CHANGES, Action, OnTimeout
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.engine.strictness import stricter
from hitl_orchestrator.policies.language.model import NO_RULE
from hitl_orchestrator.policies.language.rule import default_role

BUILT_IN = "built in"
"""The name of the layer of built-in rules."""

WHY = "such a change needs the approval of a second person, whatever the policies decide"
"""Why a change of the policy or the people is escalated."""


_WHY_CHECKED = "whether a call was carried out is asked of a person, whatever the policies decide"


class Minimum(NamedTuple):
    """The least that is done with a question of the system, and why."""

    action: Action
    why: str


def minimum_of(task_type: str | None) -> Minimum | None:
    """Return the built-in minimum for a task type; None for those of agents."""
    if task_type in GOVERNED_CHANGES:
        return Minimum(Action.ESCALATE, WHY)
    return Minimum(Action.HUMAN_REVIEW, _WHY_CHECKED) if task_type == EXECUTION_CHECK else None


def with_builtin_rules(decision: RoutingDecision, facts: Facts, roles: RoleChain) -> RoutingDecision:
    """Return the decision, for a question of the system combined with the built-in minimum."""
    rule_id, minimum = facts.task_type, minimum_of(facts.task_type)
    if minimum is None:
        return decision
    reason = f"{rule_id}, which is built in, matches: {minimum.why}"
    decided = stricter(builtin_decision(decision, minimum.action, rule_id, reason, roles), decision, roles)
    if rule_id == EXECUTION_CHECK and decided.on_timeout is OnTimeout.REJECT:
        # A deadline does not know whether a call was carried out.
        return decided.model_copy(update={"on_timeout": OnTimeout.ESCALATE})
    return decided


def unmatched(decision: RoutingDecision) -> RoutingDecision:
    """Return a decision that reads as that of a case which no rule matches, in any layer.

    A reviewer who must judge a case independently does not learn that a rule approves it.
    """
    first = {"rule_id": FALLBACK, "action": Action.HUMAN_REVIEW}
    layers = [each.model_copy(update={"rule_id": None, "action": None}) for each in decision.layers]
    layers[:1] = [each.model_copy(update=first) for each in layers[:1]]
    changed = {"reason": NO_RULE, "spot_check": 0.0, "hold": 0.0, "held": False, "layers": tuple(layers)}
    return decision.model_copy(update=first | changed)


def as_reviewed(decision: RoutingDecision) -> RoutingDecision:
    """Return a decision as those see it who judge its case: one that holds a case by chance as `unmatched`."""
    return unmatched(decision) if decision.held else decision


def held_by_chance(decision: RoutingDecision, chance: float, roles: RoleChain) -> RoutingDecision:
    """Return the decision for a case that a rule approves and that was drawn, so that a person decides it first."""
    why = f"held for a person by chance, as a share of {chance:g} is; otherwise {decision.reason}"
    asked = builtin_decision(decision, Action.HUMAN_REVIEW, decision.rule_id, why, roles)
    kept = {"spot_check": decision.spot_check, "layers": decision.layers}
    return asked.model_copy(update=kept | {"hold": chance, "held": True})


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
