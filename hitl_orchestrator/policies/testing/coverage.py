"""What tests of a policy have tried: which rules decided, and which bounds were tried just below, at and just above.

A bound is tried where it matters: where the rule decides on one side of it and not on another, all other facts being
those of the test. Just below and just above mean near it, and with no other bound between.
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
from hitl_orchestrator.policies.analysis.decision_diagram import Diagram, Leaf, Node, diagram_of
from hitl_orchestrator.policies.analysis.layer_scope import concerning, region_of, space_of
from hitl_orchestrator.policies.engine.compiled import CompiledStack, compile_policy
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.engine.predicates import Condition, conditions_of, guards_of, stands_in_the_way
from hitl_orchestrator.policies.language.conditions import FieldType
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, Rule

CONFIDENCE, CONFIDENCE_AXIS = "confidence_score", "confidence"
_METADATA = "metadata."
_NEAR, _HUNDREDTH, _MOST_DIGITS = 0.01, 0.01, 6
_SURELY_EXACT = 1e15


class Side(StrEnum):
    """Where a value stands beside a bound."""

    BELOW = "just below"
    AT = "at"
    ABOVE = "just above"


class Bound(NamedTuple):
    """A number that a rule names, of the confidence or of a field of the metadata, and the values to try it with."""

    rule_id: str
    field: str
    value: float
    tries: tuple[tuple[Side, float], ...]

    @property
    def told(self) -> str:
        """Such as `rule_002: confidence_score 0.75`."""
        return f"{self.rule_id}: {self.field} {self.value:g}"

    def side(self, facts: Facts) -> Side | None:
        """Return on which side these facts try it, None where they are far from it."""
        given = self._value_in(facts)
        if given is None or given == self.value:
            return None if given is None else Side.AT
        side = Side.BELOW if given < self.value else Side.ABOVE
        tried = dict(self.tries).get(side)
        # What is tried is the end of what is near: nothing else that the policy names lies between.
        return side if tried is not None and abs(given - self.value) <= abs(tried - self.value) * (1 + 1e-9) else None

    def _value_in(self, facts: Facts) -> float | None:
        given = facts.confidence if self.field == CONFIDENCE else facts.metadata.get(self.field.removeprefix(_METADATA))
        return None if isinstance(given, bool) or not isinstance(given, int | float) else given

    def put(self, facts: Facts, value: float) -> Facts:
        """Return the facts with this value in the place of theirs."""
        if self.field == CONFIDENCE:
            return replace(facts, confidence=value, has_proposal=True)
        return replace(facts, metadata={**facts.metadata, self.field.removeprefix(_METADATA): value})


class Coverage(NamedTuple):
    """What was tried and what was not. A bound is out of reach where there is no case in which it matters."""

    rules: int
    missing_rules: tuple[str, ...]
    values: int
    missing_values: tuple[tuple[Bound, tuple[Side, ...]], ...]
    out_of_reach: tuple[Bound, ...]

    @property
    def percent(self) -> float:
        """The share of rules and of values that was tried, together, in percent."""
        whole = self.rules + self.values
        missing = len(self.missing_rules) + sum(len(sides) for _, sides in self.missing_values)
        return 100.0 if whole == 0 else 100 * (whole - missing) / whole


class _Layer:
    """The rules of one layer, each with all that must hold for it to decide."""

    def __init__(self, name: str, policy: Policy) -> None:
        self.name, self.policy = name, policy
        self.rules: list[tuple[Rule, tuple[Condition, ...]]] = [
            (rule, (*conditions_of(rule, policy), *guards_of(rule))) for rule in policy.by_priority
        ]

    def decides(self, facts: Facts) -> str | None:
        return next((rule.rule_id for rule, asked in self.rules if _holds(rule, asked, facts)), None)

    def matters(self, bound: Bound, facts: Facts) -> bool:
        return len({self.decides(bound.put(facts, value)) == bound.rule_id for _, value in bound.tries}) > 1

    @cached_property
    def _diagram(self) -> Diagram[int]:
        return diagram_of(self.policy, space_of(self.name, self.policy))

    def base(self, bound: Bound) -> Facts | None:
        """Return facts among which the bound matters, None where there are none."""
        place = next(place for place, (rule, _) in enumerate(self.rules) if rule.rule_id == bound.rule_id)
        space = self._diagram.space
        axis = space.index[CONFIDENCE_AXIS if bound.field == CONFIDENCE else bound.field]
        anything = space.sample(space.full)
        steps = [space.axes[axis].locate(bound.put(anything, value)) for _, value in bound.tries]
        box = _apart(self._diagram, place, axis, steps, region_of(self.name, space))
        return None if box is None else concerning(self.name, space.sample(box))


def _apart(diagram: Diagram[int], place: int, axis: int, steps: Sequence[int], within: Region) -> Region | None:
    """Return a box in which a rule decides on some of these steps of an axis, and not on all; None where there is none.

    It is looked for within the cells that the layer is asked about.

    The diagram is walked once for each step, hand in hand: what leads to the same parts was looked through already.
    """
    seen: set[tuple[int, ...]] = set()

    def look(here: Sequence[Node[int] | Leaf[int]], box: Region) -> Region | None:
        if all(isinstance(one, Leaf) for one in here):
            return box if len({one.said == place for one in here if isinstance(one, Leaf)}) > 1 else None
        key = tuple(map(id, here))
        if key in seen:
            return None
        seen.add(key)
        asked = min(one.axis for one in here if isinstance(one, Node))
        if asked == axis:
            followed = [_after(one, axis, 1 << step) for one, step in zip(here, steps, strict=True)]
            return look(followed, box)
        edges = [one.edges if isinstance(one, Node) and one.axis == asked else ((box[asked], one),) for one in here]
        for chosen in product(*edges):
            mask = reduce(and_, (each for each, _ in chosen), box[asked])
            found = look([one for _, one in chosen], (*box[:asked], mask, *box[asked + 1 :])) if mask else None
            if found is not None:
                return found
        return None

    return look([diagram.root] * len(steps), within)


def _after(here: Node[int] | Leaf[int], axis: int, step: int) -> Node[int] | Leaf[int]:
    if isinstance(here, Leaf) or here.axis != axis:
        return here
    return next(following for mask, following in here.edges if mask & step)


def _holds(rule: Rule, asked: Iterable[Condition], facts: Facts) -> bool:
    return not any(stands_in_the_way(rule, one.holds(facts)) for one in asked)


def coverage(policy: Policy, tried: Sequence[Facts], roles: RoleChain = DEFAULT_CHAIN) -> Coverage:
    """Return what these facts try of a policy."""
    compiled = compile_policy(policy, roles)
    layers = [_Layer(name, part) for name, part in policy.parts]
    decided: set[str] = set()
    seen: set[tuple[Bound, Side]] = set()
    bounds = {layer.name: bounds_of(layer.policy) for layer in layers}
    for facts in tried:
        concerned = {name for name, _ in compiled.layers_for(facts)} if isinstance(compiled, CompiledStack) else set()
        for layer in (one for one in layers if one.name == ORGANIZATION or one.name in concerned):
            decided.add(layer.decides(facts) or "")
            for bound in bounds[layer.name]:
                side = bound.side(facts)
                if side is not None and (bound, side) not in seen and layer.matters(bound, facts):
                    seen.add((bound, side))
    known = [(layer, bound) for layer in layers for bound in bounds[layer.name]]
    found = [(bound, [side for side, _ in bound.tries if (bound, side) not in seen]) for _, bound in known]
    untried = {bound for bound, sides in found if len(sides) == len(bound.tries)}
    lost = {bound for layer, bound in known if bound in untried and layer.base(bound) is None}
    ids = [rule.rule_id for one in layers for rule, _ in one.rules]
    return Coverage(
        rules=len(ids),
        missing_rules=tuple(one for one in ids if one not in decided),
        values=sum(len(bound.tries) for bound, _ in found if bound not in lost),
        missing_values=tuple((bound, tuple(sides)) for bound, sides in found if sides and bound not in lost),
        out_of_reach=tuple(bound for bound, _ in found if bound in lost),
    )


def boundary_cases(policy: Policy) -> Iterator[tuple[str, Facts]]:
    """Yield facts just below, at and just above each bound of each rule, where it matters, each with a name."""
    seen: list[Facts] = []
    for layer in (_Layer(name, part) for name, part in policy.parts):
        for bound in bounds_of(layer.policy):
            base = layer.base(bound)
            if base is None:
                continue
            for side, value in bound.tries:
                facts = bound.put(base, value)
                if facts not in seen:
                    seen.append(facts)
                    yield f"{bound.told}: {side}", facts


def bounds_of(policy: Policy) -> tuple[Bound, ...]:
    """Return each bound of each rule, once, in the order in which the rules are tried."""
    said = [(rule, inner) for rule in policy.by_priority for _, inner in rule.conditions.walk()]
    named: dict[str, set[float]] = {}
    found: list[tuple[str, str, float]] = []
    for rule, one in said:
        values = [(CONFIDENCE, bound) for bound in (one.min_confidence, one.max_confidence) if bound is not None]
        for field, comparison in one.metadata.items():
            if policy.metadata[field] is FieldType.NUMBER:
                values += [(_METADATA + field, value) for _, value in comparison.operands if abs(value) < _SURELY_EXACT]
        for field, value in values:
            named.setdefault(field, set()).add(value)
            found.append((rule.rule_id, field, value))
    return tuple(
        Bound(rule_id, field, value, tuple(_tries(field, value, sorted(named[field]))))
        for rule_id, field, value in dict.fromkeys(found)
    )


def _tries(field: str, value: float, named: Sequence[float]) -> Iterator[tuple[Side, float]]:
    """Yield a value near the bound on each side of it, and the bound; of confidences none outside [0, 1]."""
    place = named.index(value)
    if field == CONFIDENCE:
        near, lowest, highest = _NEAR, 0.0, 1.0
    else:
        near, lowest, highest = 1.0 if float(value).is_integer() else _HUNDREDTH * max(1, abs(value)), None, None
    before = named[place - 1] if place else lowest
    after = named[place + 1] if place + 1 < len(named) else highest
    if value != lowest:
        yield Side.BELOW, _beside(value, -near, before)
    yield Side.AT, value
    if value != highest:
        yield Side.ABOVE, _beside(value, near, after)


def _beside(value: float, step: float, end: float | None) -> float:
    """Return a plain number beside a bound, halfway to the next one where that is nearer."""
    half = step if end is None or abs(end - value) > abs(step) else (end - value) / 2
    plain: Any = round(value + half, _MOST_DIGITS)
    if (plain - value) * step <= 0:
        plain = value + half
    return int(plain) if isinstance(value, int) and plain == int(plain) else plain
