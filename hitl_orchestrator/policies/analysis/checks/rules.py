"""Findings about single rules: roles, contradictions, rules that never decide, that disagree, or approve too much."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.regions import can_certainly_hold, intersection, merged, regions, restrict
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.language.asking import REMARKS
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions
from hitl_orchestrator.policies.language.phrases import join, join_some
from hitl_orchestrator.policies.language.rule import Rule, too_few_roles

_PartT = TypeVar("_PartT")
_MOST_REGIONS_NAMED = 5
_NOT_THE_ANSWER = {"rule_id", "priority", "conditions", *REMARKS}
_AT_ZERO = 1 << FIRST_CONFIDENCE


def unknown_role(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    """Yield a role that is not in the role chain."""
    role = rule.assigned_human_role
    if role is not None and role not in roles.roles:
        hint = did_you_mean(role, roles.roles)
        sentence = f"the assigned role {role!r} is not in the role chain {', '.join(roles.roles)}{hint}"
        yield finding_about(Severity.ERROR, FindingKind.UNKNOWN_ROLE, sentence, rule)


def lacks_roles(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    """Yield a rule that requires more distinct roles than the chain has from its role upward."""
    role = rule.assigned_human_role
    if rule.distinct_roles and role in roles.roles and rule.approvals > len(roles.upward(role)):
        sentence = too_few_roles(rule.approvals, role, roles)
        yield finding_about(Severity.ERROR, FindingKind.TOO_FEW_ROLES, sentence, rule)


def contradiction(rule: Rule, layer: LayerAnalysis) -> str:
    """Return why a rule never matches: its scope, or a smallest set of its conditions that contradict each other."""
    if regions(rule, layer.policy, layer.space):
        return f"the layer answers {layer.scope_phrase}"

    def never(conditions: Conditions) -> bool:
        return not regions(rule.model_copy(update={"conditions": conditions}), layer.policy, layer.space)

    sentence = _smallest_conflict(rule.when, never)
    review = rule.model_copy(update={"action": Action.HUMAN_REVIEW})
    elsewhere = regions(review, layer.policy, layer.space) if rule.action is Action.AUTO_APPROVE else ()
    if elsewhere and not any(region[layer.space.confidence] >> FIRST_CONFIDENCE for region in elsewhere):
        sentence += " for a proposal with a confidence, which auto_approve needs"
    return sentence


def matches_only_unknown(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield a rule for people that matches only where a fact is unknown, because it never certainly matches."""
    rule = layer.rules[index]
    if rule.action is Action.AUTO_APPROVE or can_certainly_hold(rule.when, layer.policy, layer.space):
        return
    why = _smallest_conflict(rule.when, lambda part: not can_certainly_hold(part, layer.policy, layer.space))
    where = join_some(map(layer.describe, merged(layer.regions[index])[:_MOST_REGIONS_NAMED]), "or")
    where = where.removeprefix(f"{EVERY_CASE} ") if where.startswith(f"{EVERY_CASE} ") else f"for {where}"
    example = layer.sample(layer.regions[index][0])
    yield finding_about(Severity.WARNING, FindingKind.CONTRADICTION, f"it matches only {where}; {why}", rule, example)


def _smallest_conflict(conditions: Conditions, never: Callable[[Conditions], bool]) -> str:
    """Name a smallest set of these conditions that contradict each other; of fields of one source, the operators."""

    def with_only(names: Sequence[str]) -> Conditions:
        return Conditions(**{name: getattr(conditions, name) for name in names})

    named = [name for name in type(conditions).model_fields if name in conditions.model_fields_set]
    needed = _smallest(named, lambda names: never(with_only(names)))
    if len(needed) > 1 or needed[0] not in SOURCES:
        words = [name.removesuffix("_") for name in needed]
        return f"{join(words, 'and')} cannot hold together" if len(words) > 1 else f"{words[0]} contradicts itself"

    source, compared = SOURCES[needed[0]], getattr(conditions, needed[0])

    def comparing(pairs: Sequence[tuple[str, str]]) -> Conditions:
        fields: dict[str, dict[str, Any]] = {}
        for field, operator in pairs:
            fields.setdefault(field, {})[operator] = getattr(compared[field], operator)
        return Conditions(**{source.name: {field: Comparison(**operators) for field, operators in fields.items()}})

    pairs = [(field, name) for field, comparison in compared.items() for name in comparison.model_fields_set]
    smallest = _smallest(sorted(pairs), lambda some: never(comparing(some)))
    fields = {source.subject(field) for field, _ in smallest}
    operators = [name.removesuffix("_") for _, name in smallest]
    if len(fields) > 1 or len(operators) == 1:
        return f"{join(sorted(fields), 'and')} cannot have such a value"
    return f"{join(operators, 'and')} of {fields.pop()} contradict each other"


def _smallest(parts: Sequence[_PartT], fails: Callable[[Sequence[_PartT]], bool]) -> list[_PartT]:
    """Return a minimal subset of the parts that still fails."""
    needed = list(parts)
    for part in parts:
        fewer = [other for other in needed if other != part]
        if fewer and fails(fewer):
            needed = fewer
    return needed


def unreachable(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield a rule that never decides, with the rules that decide in its place."""
    rule, earlier = layer.rules[index], [layer.rules[other] for other in sorted(_shadowing(index, layer))]
    if not earlier:
        return
    weaker = any(other.action.strictness < rule.action.strictness for other in earlier)
    if len(earlier) == 1:
        other = earlier[0]
        sentence = f"{other.rule_id} comes before it, matches every case that it matches, and answers {other.action}"
    else:
        by_action = {action: [other.rule_id for other in earlier if other.action is action] for action in Action}
        answers = " and ".join(
            f"{join(ids, 'and')} answer{'s' * (len(ids) == 1)} {action}" for action, ids in by_action.items() if ids
        )
        sentence = f"earlier rules decide every case that it matches: {answers}"
    yield finding_about(
        Severity.ERROR if weaker else Severity.WARNING,
        FindingKind.UNREACHABLE,
        f"it never decides a case: {sentence}",
        rule,
        layer.sample(layer.regions[index][0]),
        rules=[other.rule_id for other in earlier],
    )


def _shadowing(index: int, layer: LayerAnalysis) -> frozenset[int]:
    """Return the rules that decide every case which this rule matches; none where it decides some case itself."""
    own = layer.regions[index]
    if layer.diagram is None:
        for other in range(index):
            if all(any(intersection(region, wide) == region for wide in layer.regions[other]) for region in own):
                return frozenset((other,))
        return frozenset()
    if layer.example(index, lambda decides: decides == index) is not None:
        return frozenset()
    return frozenset[int]().union(*(layer.diagram.labels(region) for region in own))


def conflicts(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield each earlier rule of equal priority that decides a case of this rule with another answer."""
    rule = layer.rules[index]
    answer = rule.model_dump(exclude=_NOT_THE_ANSWER)
    for before, other in enumerate(layer.rules[:index]):
        if other.priority != rule.priority or answer == other.model_dump(exclude=_NOT_THE_ANSWER):
            continue
        region = layer.example(index, before.__eq__)
        if region is not None:
            sentence = (
                f"it has the same priority {rule.priority} as {other.rule_id}, both can match one case, and their "
                f"answers differ; {other.rule_id} wins only because it comes first in the file"
            )
            example = layer.sample(region)
            yield finding_about(Severity.WARNING, FindingKind.CONFLICT, sentence, rule, example, rules=[other.rule_id])


def approves_too_much(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield where a rule of the organization approves at a confidence of 0, or at high risk."""
    rule, space = layer.rules[index], layer.space
    if rule.action is not Action.AUTO_APPROVE or layer.silent:
        return
    for axis, mask, sentence in (
        (space.confidence, _AT_ZERO, "it approves even at a confidence of 0; add a min_confidence"),
        (space.risk, 1 << len(RiskLevel) - 1, "it approves high-risk tasks without a person"),
    ):
        region = layer.example(index, index.__eq__, restrict(space.full, axis, mask))
        if region is not None:
            example = layer.sample(region)
            yield finding_about(Severity.WARNING, FindingKind.APPROVES_TOO_MUCH, sentence, rule, example)
