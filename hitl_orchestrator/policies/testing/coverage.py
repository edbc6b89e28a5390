"""The coverage of policy tests: the rules that decided, and the bounds tested just below, at and just above.

A test covers a bound where it matters: where the rule decides on one side of it and not on the other, with all other
facts as in the test. Just below and just above mean close to it, with no other bound between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property, reduce
from itertools import product
from operator import and_
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.policies.analysis.decision_diagram import Diagram, Leaf, Node, diagram_of
from hitl_orchestrator.policies.analysis.layer_scope import in_scope, scope_of, space_of
from hitl_orchestrator.policies.analysis.regions import restrict
from hitl_orchestrator.policies.engine.axes.base import Condition, close_to
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.engine.compiled import CompiledStack, compile_policy
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.engine.predicates import blocks, conditions_of, foreign_question, guards_of
from hitl_orchestrator.policies.language.declarations import Declaration, FieldType
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.rule import Rule

CONFIDENCE, CONFIDENCE_AXIS = "confidence_score", "confidence"
_NEAR, _HUNDREDTH = 0.01, 0.01
_SURELY_EXACT = 1e15


class Side(StrEnum):
    """The position of a value relative to a bound."""

    BELOW = "just below"
    AT = "at"
    ABOVE = "just above"


class TestedBound(NamedTuple):
    """A bound of a rule, of the confidence or of a field such as `metadata.amount`, and the values that test it."""

    rule_id: str
    field: str
    value: float
    tries: tuple[tuple[Side, float], ...]

    @property
    def name(self) -> str:
        """A name such as `rule_002: confidence_score 0.75`."""
        return f"{self.rule_id}: {self.field} {plain_number(self.value)}"

    def side(self, facts: Facts) -> Side | None:
        """Return the side on which these facts test the bound; None where they are not close to it."""
        value = self._value_in(facts)
        if value is None or value == self.value:
            return None if value is None else Side.AT
        side = Side.BELOW if value < self.value else Side.ABOVE
        near = dict(self.tries).get(side)
        # No other bound of the policy lies between the tried value and this bound.
        return side if near is not None and abs(value - self.value) <= abs(near - self.value) * (1 + 1e-9) else None

    def _value_in(self, facts: Facts) -> float | None:
        value = facts.confidence if self.field == CONFIDENCE else _value_of(facts, self.field)
        return None if isinstance(value, bool) or not isinstance(value, int | float) else value

    def put(self, facts: Facts, value: float) -> Facts:
        """Return the facts with this value."""
        if self.field == CONFIDENCE:
            return replace(facts, confidence=value, has_proposal=True)
        source, _, name = self.field.partition(".")
        return SOURCES[source].with_value(facts, name, value)


def _value_of(facts: Facts, field: str) -> Any:
    source, _, name = field.partition(".")
    return SOURCES[source].value(facts, name)


class Coverage(NamedTuple):
    """The covered and missing rules and values. A bound is unreachable if it matters in no case."""

    rules: int
    missing_rules: tuple[str, ...]
    values: int
    missing_values: tuple[tuple[TestedBound, tuple[Side, ...]], ...]
    unreachable: tuple[TestedBound, ...]

    @property
    def percent(self) -> float:
        """The covered share of rules and values together, in percent."""
        whole = self.rules + self.values
        missing = len(self.missing_rules) + sum(len(sides) for _, sides in self.missing_values)
        return 100.0 if whole == 0 else 100 * (whole - missing) / whole


class _Layer:
    """The rules of one layer, each with its conditions and guards."""

    def __init__(self, name: str, policy: Policy) -> None:
        self.name, self.policy = name, policy
        self.rules: list[tuple[Rule, tuple[Condition, ...]]] = [
            (rule, (*conditions_of(rule, policy), *guards_of(rule, policy))) for rule in policy.by_priority
        ]

    def decides(self, facts: Facts) -> str | None:
        return next((rule.rule_id for rule, conditions in self.rules if _matches(rule, conditions, facts)), None)

    def matters(self, bound: TestedBound, facts: Facts) -> bool:
        return len({self.decides(bound.put(facts, value)) == bound.rule_id for _, value in bound.tries}) > 1

    @cached_property
    def _diagram(self) -> Diagram[int]:
        return diagram_of(self.policy, space_of(self.name, self.policy))

    def base(self, bound: TestedBound) -> Facts | None:
        """Return facts for which the bound matters; None where there are none."""
        rule_index = next(index for index, (rule, _) in enumerate(self.rules) if rule.rule_id == bound.rule_id)
        space = self._diagram.space
        axis = space.index[CONFIDENCE_AXIS if bound.field == CONFIDENCE else bound.field]
        anything = space.sample(space.full)
        steps = [space.axes[axis].locate(bound.put(anything, value)) for _, value in bound.tries]
        region = _region_where_it_matters(self._diagram, rule_index, axis, steps, scope_of(self.name, space))
        return None if region is None else in_scope(self.name, space.sample(region))


def _region_where_it_matters(
    diagram: Diagram[int], rule: int, axis: int, steps: Sequence[int], within: Region
) -> Region | None:
    """Return a region in which a rule decides on some of these steps of an axis, but not on all; None if there is none.

    The diagram is walked for all steps in parallel, and combinations of parts that were visited before are skipped.
    """
    seen: set[tuple[int, ...]] = set()

    def look(parts: Sequence[Node[int] | Leaf[int]], region: Region) -> Region | None:
        if all(isinstance(part, Leaf) for part in parts):
            return region if len({part.label == rule for part in parts if isinstance(part, Leaf)}) > 1 else None
        key = tuple(map(id, parts))
        if key in seen:
            return None
        seen.add(key)
        first = min(part.axis for part in parts if isinstance(part, Node))
        if first == axis:
            return look([_after(part, axis, 1 << step) for part, step in zip(parts, steps, strict=True)], region)
        edges = [
            part.edges if isinstance(part, Node) and part.axis == first else ((region[first], part),) for part in parts
        ]
        for chosen in product(*edges):
            mask = reduce(and_, (each for each, _ in chosen), region[first])
            match = look([part for _, part in chosen], restrict(region, first, mask)) if mask else None
            if match is not None:
                return match
        return None

    return look([diagram.root] * len(steps), within)


def _after(here: Node[int] | Leaf[int], axis: int, step: int) -> Node[int] | Leaf[int]:
    if isinstance(here, Leaf) or here.axis != axis:
        return here
    return next(following for mask, following in here.edges if mask & step)


def _matches(rule: Rule, conditions: Iterable[Condition], facts: Facts) -> bool:
    if foreign_question(rule, facts.task_type) is not None:
        return False
    return not any(blocks(rule, condition.holds(facts)) for condition in conditions)


def coverage(policy: Policy, tested: Sequence[Facts], roles: RoleChain = DEFAULT_CHAIN) -> Coverage:
    """Return the coverage of a policy by tests with these facts."""
    compiled = compile_policy(policy, roles)
    layers = [_Layer(name, part) for name, part in policy.parts]
    decided: set[str] = set()
    seen: set[tuple[TestedBound, Side]] = set()
    bounds = {layer.name: bounds_of(layer.policy) for layer in layers}
    for facts in tested:
        concerned = {name for name, _ in compiled.layers_for(facts)} if isinstance(compiled, CompiledStack) else set()
        for layer in (layer for layer in layers if layer.name == ORGANIZATION or layer.name in concerned):
            decided.add(layer.decides(facts) or "")
            for bound in bounds[layer.name]:
                side = bound.side(facts)
                if side is not None and (bound, side) not in seen and layer.matters(bound, facts):
                    seen.add((bound, side))
    pairs = [(layer, bound) for layer in layers for bound in bounds[layer.name]]
    missing = [(bound, [side for side, _ in bound.tries if (bound, side) not in seen]) for _, bound in pairs]
    untested = {bound for bound, sides in missing if len(sides) == len(bound.tries)}
    unreachable = {bound for layer, bound in pairs if bound in untested and layer.base(bound) is None}
    ids = [rule.rule_id for layer in layers for rule, _ in layer.rules]
    return Coverage(
        rules=len(ids),
        missing_rules=tuple(rule_id for rule_id in ids if rule_id not in decided),
        values=sum(len(bound.tries) for bound, _ in missing if bound not in unreachable),
        missing_values=tuple((bound, tuple(sides)) for bound, sides in missing if sides and bound not in unreachable),
        unreachable=tuple(bound for bound, _ in missing if bound in unreachable),
    )


def uncovered_cases(
    policy: Policy, tested: Sequence[Facts], roles: RoleChain = DEFAULT_CHAIN
) -> Iterator[tuple[str, Facts]]:
    """Yield facts just below, at and just above each bound, where it matters and no test has them, each with a name."""
    missing = {bound: set(sides) for bound, sides in coverage(policy, tested, roles).missing_values}
    for layer in (_Layer(name, part) for name, part in policy.parts):
        for bound in bounds_of(layer.policy):
            base = layer.base(bound) if bound in missing else None
            if base is not None:
                yield from (
                    (f"{bound.name}: {side}", bound.put(base, value))
                    for side, value in bound.tries
                    if side in missing[bound]
                )


def bounds_of(policy: Policy) -> tuple[TestedBound, ...]:
    """Return each bound of each rule once, in evaluation order."""
    readings = [(rule, part) for rule in policy.by_priority for _, part in rule.when.walk()]
    named: dict[str, set[float]] = {}
    declared: dict[str, Declaration] = {}
    bounds: list[tuple[str, str, float]] = []
    for rule, part in readings:
        values = [(CONFIDENCE, bound) for bound in (part.min_confidence, part.max_confidence) if bound is not None]
        for source, field, comparison in part.comparisons():
            if policy.declared(source)[field].type is FieldType.NUMBER:
                declared[f"{source}.{field}"] = policy.declared(source)[field]
                operands = [value for _, value in comparison.operands if abs(value) < _SURELY_EXACT]
                values += [(f"{source}.{field}", value) for value in operands]
        for field, value in values:
            named.setdefault(field, set()).add(value)
            bounds.append((rule.rule_id, field, value))
    return tuple(
        TestedBound(rule_id, field, value, tuple(_tries(field, value, sorted(named[field]), declared.get(field))))
        for rule_id, field, value in dict.fromkeys(bounds)
    )


def _tries(
    field: str, value: float, named: Sequence[float], declared: Declaration | None
) -> Iterator[tuple[Side, float]]:
    """Yield a value close to the bound on each side, and the bound itself, as far as they are declared.

    Confidences stay in [0, 1].
    """
    for side, tried in _beside_and_at(field, value, named):
        if declared is None or declared.fits(tried):
            yield side, tried


def _beside_and_at(field: str, value: float, named: Sequence[float]) -> Iterator[tuple[Side, float]]:
    index = named.index(value)
    if field == CONFIDENCE:
        near, lowest, highest = _NEAR, 0.0, 1.0
    else:
        near, lowest, highest = 1.0 if float(value).is_integer() else _HUNDREDTH * max(1, abs(value)), None, None
    before = named[index - 1] if index else lowest
    after = named[index + 1] if index + 1 < len(named) else highest
    if value != lowest:
        yield Side.BELOW, close_to(value, before, -near)
    yield Side.AT, value
    if value != highest:
        yield Side.ABOVE, close_to(value, after, near)
