"""The regions in which a rule matches. A cell lies in one of them exactly if the rule matches in it.

`any` and `not` expand into several regions. A condition that is unknown on a step counts by the action of the rule (see
`predicates`): as failing where the rule approves, as holding where it requires a person.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.engine.axes.base import Axis, Steps, mask_of, steps_of
from hitl_orchestrator.policies.engine.axes.confidence import WITHOUT_CONFIDENCE, WITHOUT_PROPOSAL
from hitl_orchestrator.policies.engine.axes.domain_and_type import question_masks, vocabulary_masks
from hitl_orchestrator.policies.engine.axes.fields.axis import MISSING_FIELD
from hitl_orchestrator.policies.engine.partition import Cell, FactSpace, Region
from hitl_orchestrator.policies.engine.predicates import named_questions
from hitl_orchestrator.policies.language.conditions import AtLeast, Conditions
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import runs_of
from hitl_orchestrator.policies.language.rule import Rule

_MOST_STEPS, _MOST_RUNS = 64, 5
"""The limits of the search for a shorter description of one fact: its steps, and the runs of steps to add."""


class _Literal(NamedTuple):
    """Conditions on one axis, and where they hold and fail."""

    axis: int
    steps: Steps


def regions(rule: Rule, policy: Policy, space: FactSpace) -> tuple[Region, ...]:
    """Return the regions in which a rule of the policy matches; none where its conditions contradict each other.

    The space must have been built from policies that include this one. For `auto_approve` the regions are limited to
    proposals with a confidence.
    """
    approves = rule.action is Action.AUTO_APPROVE
    full = space.full
    if approves:
        full = (*full[: space.confidence], full[space.confidence] & ~WITHOUT_CONFIDENCE)
        for index, mask in vocabulary_masks(policy, space.axes):
            full = restrict(full, index, mask)
    for index, mask in question_masks(space.axes, named_questions(rule)):
        full = restrict(full, index, full[index] & mask)
    if not all(full):
        return ()
    matching = _Expansion(space, policy, certainly=approves).regions(rule.when, [full], negated=False)
    return tuple(dict.fromkeys(part for region in matching for part in _without_output(region, space)))


def can_certainly_hold(conditions: Conditions, policy: Policy, space: FactSpace) -> bool:
    """Return whether the conditions hold in some case in which no fact that they need is unknown."""
    matching = _Expansion(space, policy, certainly=True).regions(conditions, [space.full], negated=False)
    return any(True for region in matching for _ in _without_output(region, space))


def _without_output(region: Region, space: FactSpace) -> Iterator[Region]:
    """Yield a region in parts whose cells without a proposal answer as those in which its fields are missing."""
    reads_output = any(region[axis] != space.full[axis] for axis in space.of_output)
    if not (reads_output and region[space.confidence] & WITHOUT_PROPOSAL):
        yield region
        return
    if proposed := region[space.confidence] & ~WITHOUT_PROPOSAL:
        yield restrict(region, space.confidence, proposed)
    if all(region[axis] & MISSING_FIELD for axis in space.of_output):
        masks = list(restrict(region, space.confidence, WITHOUT_PROPOSAL))
        for axis in space.of_output:
            masks[axis] = space.full[axis]
        yield tuple(masks)


def certain_regions(conditions: Conditions, policy: Policy, space: FactSpace) -> list[Region]:
    """Return the regions in which the conditions certainly hold: no fact that they need is unknown."""
    return _Expansion(space, policy, certainly=True).regions(conditions, [space.full], negated=False)


def intersection(first: Region, second: Region) -> Region | None:
    """Return the cells in both regions; None where there are none."""
    shared = tuple(mask & other for mask, other in zip(first, second, strict=True))
    return shared if all(shared) else None


def restrict(region: Region, axis: int, mask: int) -> Region:
    """Return the region with these steps on one axis."""
    return (*region[:axis], mask, *region[axis + 1 :])


class _Expansion:
    def __init__(self, space: FactSpace, policy: Policy, *, certainly: bool) -> None:
        self._space, self._policy, self._certainly = space, policy, certainly

    def regions(self, conditions: Conditions, within: list[Region], *, negated: bool) -> list[Region]:
        """Return the regions, within these, in which the conditions hold, or where `negated` their negation does."""
        literals = list(self._literals(conditions))
        parts = [(inner, negated) for inner in conditions.all]
        parts += [] if conditions.not_ is None else [(conditions.not_, not negated)]
        if not negated:
            within = [left for region in within if (left := self._cut(region, literals)) is not None]
            for inner, inner_negated in parts:
                within = self.regions(inner, within, negated=inner_negated)
            if conditions.at_least is not None:
                within = self._several(conditions.at_least, within, negated=False)
            if conditions.any:
                return [part for inner in conditions.any for part in self.regions(inner, within, negated=False)]
            return within
        matching = [part for literal in literals for part in self._failing(literal, within)]
        matching += [part for inner, inverse in parts for part in self.regions(inner, within, negated=inverse)]
        if conditions.any:
            none_hold = within
            for inner in conditions.any:
                none_hold = self.regions(inner, none_hold, negated=True)
            matching += none_hold
        if conditions.at_least is not None:
            matching += self._several(conditions.at_least, within, negated=True)
        return matching

    def _several(self, several: AtLeast, within: list[Region], *, negated: bool) -> list[Region]:
        """Return the regions in which enough of several conditions hold, or where `negated` so many fail."""
        # found[number]: where this number of the conditions so far hold, once for each choice of them.
        found = [within, *([] for _ in range(several.needed(negated=negated)))]
        for inner in several.of:
            chosen = [self.regions(inner, fewer, negated=negated) if fewer else [] for fewer in found[:-1]]
            found = [within, *(list(dict.fromkeys(one + more)) for one, more in zip(found[1:], chosen, strict=True))]
        return found[-1]

    def _cut(self, region: Region, literals: Iterable[_Literal]) -> Region | None:
        masks = list(region)
        for axis, (holds, fails) in literals:
            masks[axis] &= holds if self._certainly else ~fails
        return tuple(masks) if all(masks) else None

    def _failing(self, literal: _Literal, within: Iterable[Region]) -> Iterator[Region]:
        axis, (holds, fails) = literal
        wanted = fails if self._certainly else ~holds
        for region in within:
            mask = region[axis] & wanted
            if mask:
                yield restrict(region, axis, mask)

    def _literals(self, conditions: Conditions) -> Iterator[_Literal]:
        for index, axis in enumerate(self._space.axes):
            if axis.reads(conditions):
                yield _Literal(index, axis.steps((conditions, self._policy)))


def merged(regions: Iterable[Region]) -> list[Region]:
    """Return the same cells in fewer regions: two that differ on one axis alone become one."""
    left = list(dict.fromkeys(regions))
    for axis in reversed(range(len(left[0]) if left else 0)):
        masks: dict[Region, int] = {}
        for region in left:
            rest = restrict(region, axis, 0)
            masks[rest] = masks.get(rest, 0) | region[axis]
        left = [restrict(rest, axis, mask) for rest, mask in masks.items()]
    return left


def contains(region: Region, cell: Cell) -> bool:
    """Return whether a cell lies in a region."""
    return all(mask >> step & 1 for mask, step in zip(region, cell, strict=True))


def covers(wide: Region, region: Region) -> bool:
    """Return whether every cell of a region lies in another."""
    return not any(mask & ~of_wide for of_wide, mask in zip(wide, region, strict=True))


def widened(region: Region, space: FactSpace, within: Region, fits: Callable[[Region], bool]) -> Region:
    """Return a region around this one with a shorter description, all cells of which lie in `within` and fit.

    `fits` states whether all cells of a region fit. Facts that it can do without are dropped; of the others steps are
    added where that makes the description shorter, such as `above 500` for `above 500 and at most 20000`.
    """
    for axis, full in enumerate(within):
        wider = restrict(region, axis, full)
        region = wider if fits(wider) else region
    for axis, full in enumerate(within):
        if region[axis] != full and full.bit_count() <= _MOST_STEPS:
            other = (step for step in steps_of(full & ~region[axis]) if fits(restrict(region, axis, 1 << step)))
            region = restrict(region, axis, _shortest(space.axes[axis], region[axis], list(other)))
    return region


def _shortest(axis: Axis, mask: int, more: list[int]) -> int:
    """Return the mask with those runs of the further steps that shorten its description the most, or add the most."""
    runs = [mask_of(range(first, last + 1)) for first, last in runs_of(more)][:_MOST_RUNS]
    options = [sum(chosen) for size in range(len(runs) + 1) for chosen in combinations(runs, size)]
    return min(
        (mask | added for added in options), key=lambda each: (len(axis.describe(each).split()), -each.bit_count())
    )
