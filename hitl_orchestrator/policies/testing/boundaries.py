"""Cases on both sides of every boundary of a policy, to be written as tests of its current decisions.

For each rule and each fact that it reads, the other facts are chosen so that this fact alone makes the rule decide or
not (as in the coverage criterion MC/DC: Chilenski and Miller, 1994, Software Engineering Journal 9, 193). Beside each
number, time and confidence at which that changes there is a case; named words, one that is not named, and facts that
are missing or of another type have one each. Where two rules match, one case keeps their order.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.checks.layer_analysis import Analyzed, LayerAnalysis
from hitl_orchestrator.policies.analysis.checks.profiles import Profile, TooManyProfiles, profiles
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, deciding
from hitl_orchestrator.policies.analysis.layer_scope import in_scope, regions_in_scope, scope_policies
from hitl_orchestrator.policies.analysis.monotonicity import Demand, demands_of
from hitl_orchestrator.policies.analysis.regions import contains
from hitl_orchestrator.policies.engine.axes.base import Axis
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.testing.coverage import uncovered_cases

_MOST_CONTEXTS, _MOST_WORDS, _MOST_RULES_PAIRED = 8, 60, 60

_EARLIER, _ITSELF, _LATER = range(3)

Case = tuple[str, Facts]
"""Facts, with a name such as `large: amount is above 20000`."""


def boundary_cases(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> Iterator[Case]:
    """Yield a case beside each boundary of each rule of each layer, with a name; each case once."""
    seen: list[Facts] = []
    names: dict[str, int] = {}
    beside = chain.from_iterable(_Cases(layer).cases() for layer in _layers(policy, roles))
    # The measured coverage counts every bound where it matters, so the last cases complete it.
    for name, facts in chain(beside, _completing(policy, seen, roles)):
        if facts not in seen:
            seen.append(facts)
            names[name] = names.get(name, 0) + 1
            yield name if names[name] == 1 else f"{name} ({names[name]})", facts


def _completing(policy: Policy, seen: Sequence[Facts], roles: RoleChain) -> Iterator[Case]:
    yield from uncovered_cases(policy, list(seen), roles)


def _layers(policy: Policy, roles: RoleChain) -> Iterator[LayerAnalysis]:
    """Yield the analysis of each layer. In that of a domain or user a rule decides where its answer is the result."""
    for name, part in policy.parts:
        layer = LayerAnalysis(part, name)
        yield layer if name == ORGANIZATION else _visible(policy, layer, roles)


def _visible(policy: Policy, layer: LayerAnalysis, roles: RoleChain) -> LayerAnalysis:
    space = FactSpace([policy, layer.policy, *scope_policies(layer.layer)])
    regions = regions_in_scope(layer.layer, layer.policy, space)
    above, own = demands_of(policy, roles), demands_of(layer.policy, roles)
    try:
        both = deciding(space, [regions_in_scope(ORGANIZATION, policy, space), regions])
    except InvalidInput:
        return layer
    diagram = both.relabeled(lambda pair: pair[1] if _shows(above[pair[0]], own, pair[1]) else FALLBACK_INDEX)
    return LayerAnalysis(layer.policy, layer.layer, space, Analyzed(regions, diagram))


def _shows(above: Demand, own: dict[int, Demand], index: int) -> bool:
    return index != FALLBACK_INDEX and own[index] > above


class _Cases:
    """The cases of one layer."""

    def __init__(self, layer: LayerAnalysis) -> None:
        self._layer, self._space = layer, layer.space
        self._facts: list[Facts] = []

    def cases(self) -> Iterator[Case]:
        """Yield the cases: rule by rule, fact by fact, then those that keep the order of two rules."""
        for name, sample in chain(self._beside_boundaries(), self._in_order()):
            facts = in_scope(self._layer.layer, sample)
            self._facts.append(facts)
            yield name, facts

    def _beside_boundaries(self) -> Iterator[Case]:
        listed = [self._profiles(axis) for axis in range(len(self._space.axes))]
        for index, rule in enumerate(self._layer.rules):
            region = self._layer.example(index, index.__eq__)
            if region is None:
                continue
            yield f"{rule.rule_id}: it decides", self._space.sample(region)
            parts = [part for _, part in rule.when.walk()]
            for number, axis in enumerate(self._space.axes):
                guards = rule.action is Action.AUTO_APPROVE and number == self._space.confidence
                if guards or any(map(axis.reads, parts)):
                    yield from self._along(index, number, listed[number])

    def _profiles(self, axis: int) -> dict[Profile, Region]:
        try:
            return profiles(self._layer, axis)
        except TooManyProfiles:
            return {}

    def _along(self, index: int, number: int, listed: dict[Profile, Region]) -> Iterator[Case]:
        """Yield cases along one fact in each kind of context in which it makes the rule decide or not."""
        axis, rule = self._space.axes[number], self._layer.rules[index]
        contexts: dict[tuple[int, ...], Region] = {}
        for profile, region in listed.items():
            if index in profile and len(set(profile)) > 1:
                # Where a later rule decides, the conditions of this one end; an earlier one may hide their end.
                contexts.setdefault(tuple(_place(each, index) for each in profile), region)
        ends = sorted(contexts.items(), key=lambda context: context[0].count(_EARLIER))
        for places, region in ends[:_MOST_CONTEXTS]:
            decides = [place == _ITSELF for place in places]
            facts = self._space.sample(region)
            for step, bound in _steps(axis, decides):
                placed = axis.place(facts, step) if bound is None else axis.beside(facts, step, bound)
                yield f"{rule.rule_id}: {axis.describe(1 << step)}", placed

    def _in_order(self) -> Iterator[Case]:
        """Yield a case for each two rules that both match it, the first of which decides, unless there is one."""
        rules = self._layer.rules
        pairs = {pair for facts in self._facts for pair in self._pairs(facts)}
        for later in range(len(rules)):
            first = 0 if len(rules) <= _MOST_RULES_PAIRED else max(0, later - 1)
            for earlier in range(first, later):
                if (earlier, later) in pairs:
                    continue
                region = self._layer.example(later, earlier.__eq__)
                if region is not None:
                    facts = self._space.sample(region)
                    pairs.update(self._pairs(facts))
                    yield f"{rules[earlier].rule_id}: it comes before {rules[later].rule_id}", facts

    def _pairs(self, facts: Facts) -> Iterator[tuple[int, int]]:
        cell = self._space.locate(facts)
        matching = [
            index
            for index, regions in enumerate(self._layer.regions)
            if any(contains(region, cell) for region in regions)
        ]
        return ((matching[0], later) for later in matching[1:])


def _place(other: int, index: int) -> int:
    if other == index:
        return _ITSELF
    return _EARLIER if FALLBACK_INDEX != other < index else _LATER


def _steps(axis: Axis, decides: Sequence[bool]) -> Iterator[tuple[int, int | None]]:
    """Yield the steps to try; with a neighbor where the case is to be close to that neighbor."""
    plain: list[int] = []
    for step in range(axis.size):
        order = axis.ordered(step)
        if len(order) == 1 or order.start == axis.other:
            plain.append(step)
            continue
        for neighbor in (step - 1, step + 1):
            # A named number is a step of its own, so that the change may be one step further.
            near = [other for other in (neighbor, 2 * neighbor - step) if other in order]
            if any(decides[other] is not decides[step] for other in near):
                yield step, neighbor
    rare = [step for step in plain if decides[step] is (sum(decides) * 2 < len(decides))]
    usual = [step for step in plain if step not in rare]
    for step in [*rare[:_MOST_WORDS], *usual[:_MOST_WORDS], *usual[_MOST_WORDS:][-1:]]:
        yield step, None
