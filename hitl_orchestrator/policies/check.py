"""What is odd about a policy that can be read: rules that never decide, that disagree, or that let too much through.

Every finding is surely so. A finding that something can happen rests on a case in which it does happen.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice, product
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.reading import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.domain.words import Action, RiskLevel
from hitl_orchestrator.policies.boxes import both, boxes
from hitl_orchestrator.policies.cells import Space
from hitl_orchestrator.policies.conditions import conditions_of, guards_of, stands_in_the_way
from hitl_orchestrator.policies.engine import compile_policy
from hitl_orchestrator.policies.schema import Policy, Rule, too_few_roles

_MOST_CASES = 20_000


class Severity(StrEnum):
    """How much a finding matters: a fault, a likely mistake, or something to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(Value):
    """One odd thing about a policy. `rule_id` is None where it is about the policy as a whole."""

    severity: Severity
    rule_id: str | None
    sentence: str


class _Case(NamedTuple):
    facts: Facts
    decision: RoutingDecision


def check(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return what is odd about a policy, rule by rule in the order they are tried, then about the whole."""
    compiled = compile_policy(policy, roles)
    cases = [_Case(facts, compiled.decide(facts)) for facts in islice(representatives(policy), _MOST_CASES)]
    rules = policy.by_priority
    found: list[Finding] = []
    for place, rule in enumerate(rules):
        found += _strangers(rule, roles)
        found += _never_enough(rule, roles)
        found += _hidden(rule, rules[:place], policy)
        found += _contradictions(rule, rules[:place], policy, cases)
        found += _approves_too_much(rule, cases)
    return found + _left_to_the_fallback(policy)


def representatives(policy: Policy) -> Iterator[Facts]:
    """Return one case of each kind that the policy can tell apart, lazily; there may be very many.

    A confidence without a proposal is left out: an agent that proposes nothing is sure of nothing.
    """
    space = Space([policy])
    return (space.facts(cell) for cell in product(*(range(axis.size) for axis in space.axes)))


def _strangers(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if role is not None and role not in roles.roles:
        hint = did_you_mean(role, roles.roles)
        sentence = f"it asks {role!r}, who is not in the chain of escalation {', '.join(roles.roles)}{hint}"
        yield Finding(severity=Severity.ERROR, rule_id=rule.rule_id, sentence=sentence)


def _never_enough(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if rule.distinct_roles and role in roles.roles and rule.approvals > len(roles.upward(role)):
        sentence = too_few_roles(rule.approvals, role, roles)
        yield Finding(severity=Severity.ERROR, rule_id=rule.rule_id, sentence=sentence)


def _hidden(rule: Rule, earlier: tuple[Rule, ...], policy: Policy) -> Iterator[Finding]:
    hiding = next((other for other in earlier if _implies(rule, other, policy)), None)
    if hiding is None:
        return
    weaker = hiding.action.strictness < rule.action.strictness
    proposed = hiding.action is Action.AUTO_APPROVE and rule.action is not Action.AUTO_APPROVE
    yield Finding(
        severity=Severity.ERROR if weaker else Severity.WARNING,
        rule_id=rule.rule_id,
        sentence=f"it never decides a case{' that has a proposal' if proposed else ''}: {hiding.rule_id} is tried "
        f"before it, holds wherever it would, and says {hiding.action}",
    )


def _contradictions(rule: Rule, earlier: tuple[Rule, ...], policy: Policy, cases: list[_Case]) -> Iterator[Finding]:
    answer = (rule.action, rule.assigned_human_role, rule.asking)
    for other in earlier:
        if other.priority != rule.priority or answer == (other.action, other.assigned_human_role, other.asking):
            continue
        if any(case.decision.rule_id == other.rule_id and _holds(rule, policy, case.facts) for case in cases):
            yield Finding(
                severity=Severity.WARNING,
                rule_id=rule.rule_id,
                sentence=f"it has the same priority {rule.priority} as {other.rule_id}, both can hold for one case, "
                f"and they ask for different things; {other.rule_id} wins only because it stands first in the file",
            )


def _approves_too_much(rule: Rule, cases: list[_Case]) -> Iterator[Finding]:
    approved = [case.facts for case in cases if case.decision.rule_id == rule.rule_id]
    if rule.action is not Action.AUTO_APPROVE:
        return
    if any(facts.confidence == 0 for facts in approved):
        sentence = "it approves even at a confidence of 0; give it a min_confidence"
        yield Finding(severity=Severity.WARNING, rule_id=rule.rule_id, sentence=sentence)
    if any(facts.risk_level is RiskLevel.HIGH for facts in approved):
        sentence = "it lets high-risk tasks go ahead without a person"
        yield Finding(severity=Severity.WARNING, rule_id=rule.rule_id, sentence=sentence)


def _left_to_the_fallback(policy: Policy) -> list[Finding]:
    if not policy.rules:
        return [Finding(severity=Severity.NOTE, rule_id=None, sentence="there is no rule: a person decides every case")]
    named = {level for rule in policy.rules for level in rule.conditions.risk_level or RiskLevel}
    return [
        Finding(
            severity=Severity.NOTE,
            rule_id=None,
            sentence=f"no rule is about {level} risk: a person decides all such cases, as the fallback",
        )
        for level in RiskLevel
        if level not in named
    ]


def _implies(inner: Rule, outer: Rule, policy: Policy) -> bool:
    """Whether `outer` holds wherever `inner` does, given a proposal."""
    space = Space([policy])
    proposed = (*space.full[:-1], space.full[-1] & ~1)
    narrow = [cut for box in boxes(inner, policy, space) if (cut := both(box, proposed)) is not None]
    wide = boxes(outer, policy, space)
    return bool(narrow) and all(any(both(box, other) == box for other in wide) for box in narrow)


def _holds(rule: Rule, policy: Policy, facts: Facts) -> bool:
    asked = (*conditions_of(rule, policy), *guards_of(rule))
    return not any(stands_in_the_way(rule, one.holds(facts)) for one in asked)
