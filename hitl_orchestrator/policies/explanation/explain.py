"""Why a policy answers as it does: every rule in the order it is tried, and every condition of it."""

from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import POLICY_CHANGE, Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.policies.engine.builtin_rules import BUILT_IN, WHY, held_to_the_floor
from hitl_orchestrator.policies.engine.compiled import CompiledStack, compile_policy
from hitl_orchestrator.policies.engine.predicates import conditions_of, guards_of, stands_in_the_way
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, Rule, default_role


class Standing(StrEnum):
    """What became of a rule."""

    DECIDES = "decides"
    FAILS = "does not hold"
    TOO_LATE = "holds too, but comes later"


class ConditionTrial(NamedTuple):
    """One condition of a rule: whether it held, and what was found."""

    held: bool
    found: str


class RuleLine(Value):
    """One rule, tried on one case, with all that it asks; `auto_approve` also asks for something to approve.

    `layer` names the layer it stands in, where there are several. In each layer, one rule decides, or none.
    """

    rule_id: str
    action: Action
    assigned_human_role: str | None
    standing: Standing
    conditions: tuple[ConditionTrial, ...]
    layer: str | None = None

    @property
    def why(self) -> str:
        """Say what decided about this rule: what fails, or all that holds."""
        told = [one.found for one in self.conditions if one.held is (self.standing is not Standing.FAILS)]
        return " and ".join(told) or "it asks for nothing"


class Explanation(Value):
    """All rules of a policy in the order they are tried, and the decision they lead to."""

    rules: tuple[RuleLine, ...]
    decision: RoutingDecision

    @property
    def lines(self) -> tuple[str, ...]:
        """Return one sentence for each rule, and one for the outcome."""
        asked = self.decision.assigned_human_role
        outcome = f"{self.decision.action}{f' by {asked}' if asked else ''}: {self.decision.reason}"
        return (*(f"{rule.rule_id} {rule.standing}: {rule.why}" for rule in self.rules), outcome)


def explain(policy: Policy, facts: Facts, roles: RoleChain = DEFAULT_CHAIN) -> Explanation:
    """Explain one decision. Of a change of the policy, what is built in and asked whatever the policy says comes first.

    Raises:
        InvalidInput: if the facts are unsound.
    """
    compiled = compile_policy(policy, roles)
    said, judged = compiled.decide(facts), compiled.sound(facts)
    decision, floor = held_to_the_floor(said, facts, roles), _floor(facts, roles)
    if not isinstance(compiled, CompiledStack):
        named = ORGANIZATION if floor else None
        return Explanation(rules=(*floor, *_lines(policy, judged, said.rule_id, named)), decision=decision)
    lines = (*floor, *_lines(policy, judged, str(said.layers[0].rule_id), ORGANIZATION))
    for name, layer in compiled.layers_for(facts):
        lines += _lines(layer.policy, layer.sound(facts), layer.decide(facts).rule_id, name)
    return Explanation(rules=lines, decision=decision)


def _floor(facts: Facts, roles: RoleChain) -> tuple[RuleLine, ...]:
    """Return what is asked whatever the policy says, as a layer of its own; nothing of most cases."""
    if facts.task_type != POLICY_CHANGE:
        return ()
    least = RuleLine(
        rule_id=POLICY_CHANGE,
        action=Action.ESCALATE,
        assigned_human_role=default_role(Action.ESCALATE, roles),
        standing=Standing.DECIDES,
        conditions=(ConditionTrial(True, WHY),),
        layer=BUILT_IN,
    )
    return (least,)


def _lines(policy: Policy, facts: Facts, decided_by: str, layer: str | None = None) -> tuple[RuleLine, ...]:
    return tuple(_line(rule, policy, facts, decided_by, layer) for rule in policy.by_priority)


def _line(rule: Rule, policy: Policy, facts: Facts, decided_by: str, layer: str | None) -> RuleLine:
    trials = tuple(
        ConditionTrial(not stands_in_the_way(rule, one.holds(facts)), one.finding(facts))
        for one in (*conditions_of(rule, policy), *guards_of(rule))
    )
    if rule.rule_id == decided_by:
        standing = Standing.DECIDES
    else:
        standing = Standing.TOO_LATE if all(trial.held for trial in trials) else Standing.FAILS
    return RuleLine(
        rule_id=rule.rule_id,
        action=rule.action,
        assigned_human_role=rule.assigned_human_role,
        standing=standing,
        conditions=trials,
        layer=layer,
    )
