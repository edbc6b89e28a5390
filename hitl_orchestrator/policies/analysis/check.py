"""Findings about a policy that loads: rules that never decide, that disagree, or that approve too much.

The analysis is sound and complete over the cells of the policy (see `decision_diagram`). For a policy that is too
complex it is sound but not complete, and a finding of the kind `unchecked` says so.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, deciding
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, describe
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.layer_scope import (
    in_scope,
    regions_in_scope,
    scope_of,
    space_of,
    without_scope,
)
from hitl_orchestrator.policies.analysis.monotonicity import Against, describe_violation, violations
from hitl_orchestrator.policies.analysis.regions import can_certainly_hold, intersection, merged, regions, restrict
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, PolicyStack, Rule, too_few_roles
from hitl_orchestrator.policies.language.phrases import join, join_some

__all__ = ["Finding", "FindingKind", "Severity", "check"]

_PartT = TypeVar("_PartT")
_MOST_GAPS = 5
_MOST_REGIONS = 2_000
_NOT_THE_ANSWER = {"rule_id", "priority", "conditions"}
_AT_ZERO = 1 << FIRST_CONFIDENCE


def check(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return the findings about a policy, rule by rule in evaluation order, then those about the whole.

    Each layer of a `PolicyStack` is checked separately.
    """
    if not isinstance(policy, PolicyStack):
        return check_layer(policy, roles)
    return [
        finding.model_copy(update={"layer": name, "sentence": f"{name}: {finding.sentence}"})
        for name, layer in policy.parts
        for finding in check_layer(layer, roles, name)
    ]


def check_layer(policy: Policy, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION) -> list[Finding]:
    """Return the findings about one layer. All layers but the organization's are silent where no rule matches."""
    return list(findings_about(LayerAnalysis(policy, layer), roles))


class Analyzed(NamedTuple):
    """The regions of each rule, and which rule decides where."""

    regions: list[list[Region]]
    diagram: Diagram[int]


class LayerAnalysis:
    """A policy, or one layer of it, with its regions and its decision diagram.

    Both may be given, in the space of another analysis.
    """

    def __init__(
        self, policy: Policy, layer: str, space: FactSpace | None = None, analyzed: Analyzed | None = None
    ) -> None:
        self.policy, self.rules, self.layer = policy, policy.by_priority, layer
        self.silent = layer != ORGANIZATION
        self.space = space_of(layer, policy) if space is None else space
        self.scope = scope_of(layer, self.space)
        self.diagram: Diagram[int] | None = None
        self.problem, self.work = "", 0
        if analyzed is not None:
            self.regions, self.diagram = analyzed
            return
        self.regions = regions_in_scope(layer, policy, self.space)
        try:
            diagram = deciding(self.space, [self.regions])
            self.diagram, self.work = diagram.relabeled(lambda indices: indices[0]), diagram.work
        except InvalidInput as exc:
            self.problem = "; ".join(exc.problems)

    @property
    def scope_phrase(self) -> str:
        """The answer of the layer, and the condition that excludes all of its cases."""
        kind, _, name = self.layer.partition(" ")
        if kind == "domain":
            return f"only tasks of the domain {name}, and domain names another"
        return f"only tasks that {name} requests, and metadata.{REQUESTED_BY} names another user"

    def describe(self, region: Region) -> str:
        """Describe a region without the scope of the layer."""
        return describe(without_scope(region, self.scope, self.space), self.space)

    def example(self, index: int, wanted: Callable[[int], bool], within: Region | None = None) -> Region | None:
        """Return a region where the rule matches and a wanted rule decides; None where there is none."""
        if self.diagram is None:
            return None
        for region in self.regions[index]:
            cut = region if within is None else intersection(region, within)
            labeled = None if cut is None else self.diagram.example(wanted, cut)
            if labeled is not None:
                return labeled.region
        return None

    def sample(self, region: Region) -> dict[str, Any]:
        """Return a case of a region, as JSON."""
        return in_scope(self.layer, self.space.sample(region)).to_json()


def findings_about(layer: LayerAnalysis, roles: RoleChain) -> Iterator[Finding]:
    """Yield the findings about a layer."""
    not_monotone = list(_not_monotone(layer))
    for index, rule in enumerate(layer.rules):
        yield from _unknown_role(rule, roles)
        yield from _too_few_roles(rule, roles)
        if layer.regions[index]:
            yield from _matches_only_unknown(index, layer)
            yield from _unreachable(index, layer)
        else:
            sentence = f"it can never match: {_contradiction(rule, layer)}"
            yield _finding(Severity.ERROR, FindingKind.CONTRADICTION, sentence, rule)
        yield from _conflicts(index, layer)
        yield from _approves_too_much(index, layer)
        yield from (finding for finding in not_monotone if finding.rule_id == rule.rule_id)
    yield from (finding for finding in not_monotone if finding.rule_id is None)
    yield from _gaps(layer)
    if layer.diagram is None:
        sentence = f"{layer.problem}; gaps, monotonicity and conflicts were not checked"
        yield _finding(Severity.NOTE, FindingKind.UNCHECKED, sentence)


def _finding(
    severity: Severity,
    kind: FindingKind,
    sentence: str,
    rule: Rule | None = None,
    *examples: dict[str, Any],
    rules: Sequence[str] = (),
) -> Finding:
    return Finding(
        severity=severity,
        rule_id=None if rule is None else rule.rule_id,
        kind=kind,
        sentence=sentence,
        rules=tuple(rules),
        examples=examples,
    )


def _unknown_role(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if role is not None and role not in roles.roles:
        hint = did_you_mean(role, roles.roles)
        sentence = f"the assigned role {role!r} is not in the role chain {', '.join(roles.roles)}{hint}"
        yield _finding(Severity.ERROR, FindingKind.UNKNOWN_ROLE, sentence, rule)


def _too_few_roles(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if rule.distinct_roles and role in roles.roles and rule.approvals > len(roles.upward(role)):
        sentence = too_few_roles(rule.approvals, role, roles)
        yield _finding(Severity.ERROR, FindingKind.TOO_FEW_ROLES, sentence, rule)


def _contradiction(rule: Rule, layer: LayerAnalysis) -> str:
    if regions(rule, layer.policy, layer.space):
        return f"the layer answers {layer.scope_phrase}"

    def never(conditions: Conditions) -> bool:
        return not regions(rule.model_copy(update={"conditions": conditions}), layer.policy, layer.space)

    sentence = _smallest_conflict(rule.conditions, never)
    review = rule.model_copy(update={"action": Action.HUMAN_REVIEW})
    elsewhere = regions(review, layer.policy, layer.space) if rule.action is Action.AUTO_APPROVE else ()
    if elsewhere and not any(region[layer.space.confidence] >> FIRST_CONFIDENCE for region in elsewhere):
        sentence += " for a proposal with a confidence, which auto_approve needs"
    return sentence


def _matches_only_unknown(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield a rule for people that matches only where a fact is unknown, because it never certainly matches."""
    rule = layer.rules[index]
    if rule.action is Action.AUTO_APPROVE or can_certainly_hold(rule.conditions, layer.policy, layer.space):
        return
    why = _smallest_conflict(rule.conditions, lambda part: not can_certainly_hold(part, layer.policy, layer.space))
    where = join_some(map(layer.describe, merged(layer.regions[index])[:_MOST_GAPS]), "or")
    where = where.removeprefix(f"{EVERY_CASE} ") if where.startswith(f"{EVERY_CASE} ") else f"for {where}"
    example = layer.sample(layer.regions[index][0])
    yield _finding(Severity.WARNING, FindingKind.CONTRADICTION, f"it matches only {where}; {why}", rule, example)


def _smallest_conflict(conditions: Conditions, never: Callable[[Conditions], bool]) -> str:
    """Name a smallest set of these conditions that contradict each other; of one metadata field, its operators."""

    def with_only(names: Sequence[str]) -> Conditions:
        return Conditions(**{name: getattr(conditions, name) for name in names})

    named = [name for name in type(conditions).model_fields if name in conditions.model_fields_set]
    needed = _smallest(named, lambda names: never(with_only(names)))
    if needed != ["metadata"]:
        words = [name.removesuffix("_") for name in needed]
        return f"{join(words, 'and')} cannot hold together" if len(words) > 1 else f"{words[0]} contradicts itself"

    def comparing(pairs: Sequence[tuple[str, str]]) -> Conditions:
        fields: dict[str, dict[str, Any]] = {}
        for field, operator in pairs:
            fields.setdefault(field, {})[operator] = getattr(conditions.metadata[field], operator)
        return Conditions(metadata={field: Comparison(**operators) for field, operators in fields.items()})

    pairs = [(field, name) for field, comparison in conditions.metadata.items() for name in comparison.model_fields_set]
    smallest = _smallest(sorted(pairs), lambda some: never(comparing(some)))
    fields, operators = {field for field, _ in smallest}, [name.removesuffix("_") for _, name in smallest]
    if len(fields) > 1 or len(operators) == 1:
        return f"{join(sorted(fields), 'and')} cannot have such a value"
    return f"{join(operators, 'and')} of {smallest[0][0]} contradict each other"


def _smallest(parts: Sequence[_PartT], fails: Callable[[Sequence[_PartT]], bool]) -> list[_PartT]:
    """Return a minimal subset of the parts that still fails."""
    needed = list(parts)
    for part in parts:
        fewer = [other for other in needed if other != part]
        if fewer and fails(fewer):
            needed = fewer
    return needed


def _unreachable(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
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
    yield _finding(
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


def _conflicts(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
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
            yield _finding(Severity.WARNING, FindingKind.CONFLICT, sentence, rule, example, rules=[other.rule_id])


def _approves_too_much(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
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
            yield _finding(Severity.WARNING, FindingKind.APPROVES_TOO_MUCH, sentence, rule, example)


def _not_monotone(layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield the cases in which a riskier task, or one with a lower confidence or none, is treated more leniently."""
    if layer.diagram is None:
        return
    for violation in violations(layer.diagram, layer.policy, silent=layer.silent):
        pair = (violation.lenient, violation.strict)
        ids = [layer.rules[index].rule_id for index in pair if index != FALLBACK_INDEX]
        worse, better = (
            without_scope(region, layer.scope, layer.space) for region in (violation.worse, violation.better)
        )
        missing = violation.against is Against.MISSING
        yield Finding(
            severity=Severity.NOTE if missing else Severity.WARNING,
            rule_id=ids[0],
            kind=FindingKind.MISSING_CONFIDENCE if missing else FindingKind.MONOTONICITY,
            sentence=describe_violation(violation._replace(worse=worse, better=better), layer.space, layer.policy),
            rules=tuple(ids[1:]),
            examples=tuple(in_scope(layer.layer, facts).to_json() for facts in violation.examples(layer.space)),
        )


def gaps(diagram: Diagram[int]) -> list[Region] | None:
    """Return the regions in which no rule matches; None where there are too many to list."""
    uncovered = []
    for labeled in diagram.regions(FALLBACK_INDEX.__eq__):
        uncovered.append(labeled.region)
        if len(uncovered) > _MOST_REGIONS:
            return None
    return merged(uncovered)


def _gaps(layer: LayerAnalysis) -> Iterator[Finding]:
    if layer.silent or layer.diagram is None:
        return
    if not layer.rules:
        yield _gap("the policy has no rules: a person decides every case")
        return
    uncovered = gaps(layer.diagram)
    if uncovered is None:
        labeled = layer.diagram.example(FALLBACK_INDEX.__eq__)
        sentence = "no rule matches very many kinds of cases: a person decides them, by the fallback"
        yield _gap(sentence, *(() if labeled is None else (layer.sample(labeled.region),)))
        return
    confidence = layer.space.confidence
    confident = [region for region in uncovered if region[confidence] >> FIRST_CONFIDENCE]
    for region in confident[:_MOST_GAPS]:
        sentence = f"no rule matches {_any(region, layer)}: a person decides such cases, by the fallback"
        yield _gap(sentence, layer.sample(region))
    if len(confident) > _MOST_GAPS:
        more = len(confident) - _MOST_GAPS
        kinds = "one more kind of case" if more == 1 else f"{more:,} more kinds of cases"
        yield _gap(f"no rule matches {kinds}: a person decides them too", layer.sample(confident[_MOST_GAPS]))
    missing = [region for region in uncovered if not region[confidence] >> FIRST_CONFIDENCE]
    if missing:
        where = "some cases without a confidence" if len(missing) > 1 else _any(missing[0], layer)
        yield _gap(f"no rule matches {where}: a person decides them, by the fallback", layer.sample(missing[0]))


def _any(region: Region, layer: LayerAnalysis) -> str:
    """Describe a region after a negation: `no rule matches every case` would mean that a rule matches some."""
    phrase = describe(region, layer.space)
    return f"any case{phrase.removeprefix(EVERY_CASE)}" if phrase.startswith(EVERY_CASE) else phrase


def _gap(sentence: str, *examples: dict[str, Any]) -> Finding:
    return _finding(Severity.NOTE, FindingKind.GAP, sentence, None, *examples)
