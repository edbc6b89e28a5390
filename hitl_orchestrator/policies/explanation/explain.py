"""The explanation of a decision: every rule in evaluation order, with every condition."""

from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.policies.engine.builtin_rules import BUILT_IN, minimum_of, with_builtin_rules
from hitl_orchestrator.policies.engine.compiled import CompiledStack, compile_policy
from hitl_orchestrator.policies.engine.predicates import (
    NO_CONDITIONS,
    blocks,
    conditions_of,
    foreign_question,
    guards_of,
)
from hitl_orchestrator.policies.language.asking import remarks_of
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.rule import Rule, default_role


class RuleResult(StrEnum):
    """The result of trying a rule."""

    DECIDES = "decides"
    FAILS = "does not match"
    TOO_LATE = "matches too, but comes later"


class ConditionTrial(NamedTuple):
    """A condition of a rule: whether it lets the rule match, and its description for this case."""

    held: bool
    description: str


class RuleLine(Value):
    """A rule, tried on one case, with its conditions; `auto_approve` also needs a proposal with a confidence.

    `layer` names its layer in a policy that has several. In each layer one rule decides, or none.
    """

    rule_id: str
    action: Action
    assigned_human_role: str | None
    result: RuleResult
    conditions: tuple[ConditionTrial, ...]
    layer: str | None = None
    note: str | None = None
    owner: str | None = None
    reference: str | None = None

    @property
    def remarks(self) -> str:
        """The note, the owner and the reference of the rule in one line; empty without any."""
        return remarks_of(self.note, self.owner, self.reference)

    @property
    def why(self) -> str:
        """The conditions that fail, or all conditions where the rule matches."""
        matches = self.result is not RuleResult.FAILS
        return " and ".join(trial.description for trial in self.conditions if trial.held is matches) or NO_CONDITIONS


class Explanation(Value):
    """All rules of a policy in evaluation order, and the decision."""

    rules: tuple[RuleLine, ...]
    decision: RoutingDecision

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each rule, and one for the decision."""
        role = self.decision.assigned_human_role
        outcome = f"{self.decision.action}{f' by {role}' if role else ''}: {self.decision.reason}"
        return (*(f"{rule.rule_id} {rule.result}: {rule.why}" for rule in self.rules), outcome)


def explain(policy: Policy, facts: Facts, roles: RoleChain = DEFAULT_CHAIN) -> Explanation:
    """Explain one decision. For a policy change, the built-in rule comes first.

    Raises:
        InvalidInput: a fact is invalid.
    """
    compiled = compile_policy(policy, roles)
    answer, normalized = compiled.decide(facts), compiled.normalized(facts)
    decision, builtin = with_builtin_rules(answer, facts, roles), _builtin(facts, roles)
    if not isinstance(compiled, CompiledStack):
        layer_name = ORGANIZATION if builtin else None
        rules = (*builtin, *_lines(policy, normalized, answer.rule_id, layer_name))
        return Explanation(rules=rules, decision=decision)
    lines = (*builtin, *_lines(policy, normalized, str(answer.layers[0].rule_id), ORGANIZATION))
    for name, layer in compiled.layers_for(facts):
        lines += _lines(layer.policy, layer.normalized(facts), layer.decide(facts).rule_id, name)
    return Explanation(rules=lines, decision=decision)


def _builtin(facts: Facts, roles: RoleChain) -> tuple[RuleLine, ...]:
    """Return the built-in rule as a layer of its own; nothing for cases other than the system's own questions."""
    rule_id, minimum = facts.task_type, minimum_of(facts.task_type)
    if minimum is None:
        return ()
    line = RuleLine(
        rule_id=rule_id,
        action=minimum.action,
        assigned_human_role=default_role(minimum.action, roles),
        result=RuleResult.DECIDES,
        conditions=(ConditionTrial(True, minimum.why),),
        layer=BUILT_IN,
    )
    return (line,)


def _lines(policy: Policy, facts: Facts, decided_by: str, layer: str | None = None) -> tuple[RuleLine, ...]:
    return tuple(_line(rule, policy, facts, decided_by, layer) for rule in policy.by_priority)


def _line(rule: Rule, policy: Policy, facts: Facts, decided_by: str, layer: str | None) -> RuleLine:
    trials = tuple(
        ConditionTrial(not blocks(rule, condition.holds(facts)), condition.describe(facts))
        for condition in (*conditions_of(rule, policy), *guards_of(rule, policy))
    )
    foreign = foreign_question(rule, facts.task_type)
    trials += () if foreign is None else (ConditionTrial(False, foreign),)
    if rule.rule_id == decided_by:
        result = RuleResult.DECIDES
    else:
        result = RuleResult.TOO_LATE if all(trial.held for trial in trials) else RuleResult.FAILS
    return RuleLine(
        rule_id=rule.rule_id,
        action=rule.action,
        assigned_human_role=rule.assigned_human_role,
        result=result,
        conditions=trials,
        layer=layer,
        note=rule.note,
        owner=rule.owner,
        reference=rule.reference,
    )
