"""Counterfactual explanations: the nearest changes of a case that would change its routing, each one verified."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heapify, heappop, heapreplace
from itertools import product
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, Action
from hitl_orchestrator.policies.analysis.layer_scope import scope_policies
from hitl_orchestrator.policies.engine.axes.base import Axis, steps_of
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.explanation.relevant_facts import RelevantFacts
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import join

MOST_WORK = 100_000
"""The work limit of the search for each action. Describing all results may take four times as much.

One unit is a rule that is tried; each evaluation counts for twenty more.
"""

MOST_WORK_FOR_A_VIEW = 20_000
"""The work limit where a reviewer waits for the case view."""

_FACTS_TOGETHER, _MOST_TOGETHER = 2, 32
_EVALUATION_COST, _DESCRIPTION_FACTOR = 20, 4
_VERBS = {
    Action.AUTO_APPROVE: "would be approved automatically",
    Action.HUMAN_REVIEW: "would go to a person",
    Action.ESCALATE: "would be escalated",
}
_READ_FIRST = ("risk_level", "confidence")


class Counterfactual(NamedTuple):
    """A change of some facts, by name, that would lead to another action, and a case that shows it.

    The same holds for every case that differs in these facts alone and lies in `region`, a mask of steps for each
    changed axis. The sentence is about these cases.
    """

    action: Action
    changed: tuple[str, ...]
    facts: Facts
    sentence: str
    region: tuple[tuple[Axis, int], ...]


def nearest_changes(compiled: CompiledPolicy, facts: Facts) -> tuple[Counterfactual, ...]:
    """Return the nearest changes that would lead to each other action, those of the fewest facts first.

    Each change is minimal: changing fewer of its facts does not suffice, whatever the values, and neither does any
    nearer value of one of them. Changes of more than two facts are searched only where fewer do not lead to an action,
    and changes of more than 32 facts never. The search stops at `MOST_WORK`.
    A question of the system goes to a person (see `builtin_rules`), so there is no such change for it.
    """
    if facts.task_type in OWN_QUESTIONS:
        return ()
    return _Search(compiled, facts, MOST_WORK).changes()


def changes_to_approval(compiled: CompiledPolicy, facts: Facts) -> tuple[str, ...]:
    """Return the nearest changes that would lead to automatic approval, such as `if the risk were low`."""
    if facts.task_type in OWN_QUESTIONS:
        return ()
    search = _Search(compiled, facts, MOST_WORK_FOR_A_VIEW)
    verb = f"{_VERBS[Action.AUTO_APPROVE]} "
    return tuple(change.sentence.removeprefix(verb) for change in search.changes((Action.AUTO_APPROVE,)))


_Steps = tuple[tuple[int, int], ...]
"""Indices of axes, in order, each with the step to which the fact is moved."""


class _Moved(NamedTuple):
    """A set of moved facts: the total rank of their distances, their steps, and the mask of their axes."""

    rank: int
    steps: _Steps
    axes: int

    def with_step(self, axis: int, rank: int, step: int) -> "_Moved":
        return _Moved(self.rank + rank, tuple(sorted((*self.steps, (axis, step)))), self.axes | 1 << axis)


class _Search:
    """The search: changes of one fact, then of two, and so on, limited to relevant facts (see `relevant_facts`)."""

    def __init__(self, compiled: CompiledPolicy, facts: Facts, most: int) -> None:
        self._compiled, self._facts, self._most = compiled, facts, most
        self._axes = sorted(_axes(compiled.policy), key=lambda axis: _rank(axis.name))
        self._relevant = RelevantFacts(compiled.policy, self._axes)
        self._options: dict[int, list[tuple[int, int]]] = {}
        self._decisions: dict[_Steps, RoutingDecision] = {}
        self._work_left = most

    def changes(self, wanted: Sequence[Action] = tuple(Action)) -> tuple[Counterfactual, ...]:
        now = self._decide(()).action
        others = [action for action in wanted if action is not now and self._relevant.can_answer(action)]
        moves = [(action, moved) for action in others for moved in self._leading_to(action)]
        self._work_left = _DESCRIPTION_FACTOR * self._most
        return tuple(self._change(action, moved) for action, moved in moves)

    def _leading_to(self, action: Action) -> list[_Moved]:
        """Return the nearest change of each set of facts that leads to the action, while no part of it does."""
        nearest: dict[int, _Moved] = {}
        tried = [_Moved(0, (), 0)]
        self._work_left = self._most
        for number in range(1, min(len(self._axes), _MOST_TOGETHER) + 1):
            if not tried or (number > _FACTS_TOGETHER and nearest):
                break
            tried = self._one_more(tried, action, nearest)
        return sorted(nearest.values(), key=lambda moved: (len(moved.steps), [axis for axis, _ in moved.steps]))

    def _one_more(self, tried: Sequence[_Moved], action: Action, nearest: dict[int, _Moved]) -> list[_Moved]:
        """Move one more fact of each failed attempt. Add successes to `nearest`, and return the new failures."""
        seen, failed, fewer = set[_Steps](), list[_Moved](), list(nearest)
        for moved in self._nearest_first(tried, action, fewer):
            if moved.axes in nearest or moved.steps in seen:
                continue
            if self._work_left <= 0:
                return []
            seen.add(moved.steps)
            if self._decide(moved.steps).action is action:
                nearest[moved.axes] = moved
            else:
                failed.append(moved)
        return failed

    def _nearest_first(self, tried: Sequence[_Moved], action: Action, fewer: Sequence[int]) -> Iterator[_Moved]:
        """Yield each attempt with one more fact, unless fewer of its facts suffice; the nearest first."""
        waiting: list[tuple[int, int, int, int, _Moved]] = []
        for number, before in enumerate(sorted(tried)):
            for index in steps_of(self._relevant.of(self._decide(before.steps), action) & ~before.axes):
                axes = before.axes | 1 << index
                if self._options_of(index) and not any(axes & sufficient == sufficient for sufficient in fewer):
                    waiting.append((before.rank + self._options_of(index)[0][0], number, index, 0, before))
        heapify(waiting)
        while waiting:
            _, number, index, turn, before = waiting[0]
            options = self._options_of(index)
            yield before.with_step(index, *options[turn])
            if turn + 1 < len(options):
                heapreplace(waiting, (before.rank + options[turn + 1][0], number, index, turn + 1, before))
            else:
                heappop(waiting)

    def _options_of(self, index: int) -> list[tuple[int, int]]:
        if index not in self._options:
            self._options[index] = _ranked_steps(self._axes[index], self._facts)
        return self._options[index]

    def _decide(self, steps: _Steps) -> RoutingDecision:
        self._work_left -= 1
        if steps not in self._decisions:
            self._decisions[steps] = self._compiled.decide(self._placed(steps))
            self._work_left -= _EVALUATION_COST + len(self._decisions[steps].trace)
        return self._decisions[steps]

    def _placed(self, steps: _Steps) -> Facts:
        facts = self._facts
        for index, step in steps:
            facts = self._axes[index].place(facts, step)
        return facts

    def _change(self, action: Action, moved: _Moved) -> Counterfactual:
        region = {index: 1 << step for index, step in moved.steps}
        for index, step in moved.steps:
            region[index] = _widened(self._axes[index], step, partial(self._all_lead_to, action, region, index))
        masks = tuple((self._axes[index], mask) for index, mask in region.items())
        phrases = [axis.suppose(axis.locate(self._facts), mask) for axis, mask in masks]
        names = tuple(axis.name for axis, _ in masks)
        return Counterfactual(
            action, names, self._placed(moved.steps), f"{_VERBS[action]} {join(phrases, 'and')}", masks
        )

    def _all_lead_to(self, action: Action, region: dict[int, int], index: int, more: int) -> bool:
        """Return whether all cases of a region with these further steps lead to the action, within the work limit."""
        if more >> self._axes[index].locate(self._facts) & 1:
            return False
        masks = region | {index: more}
        for chosen in product(*(list(steps_of(mask)) for mask in masks.values())):
            if self._work_left <= 0 or self._decide(tuple(zip(masks, chosen, strict=True))).action is not action:
                return False
        return True


def _axes(policy: Policy) -> tuple[Axis, ...]:
    """Return the axes of all layers, on which each layer's domain or user is named."""
    layers = policy.parts
    return FactSpace(
        [*(layer for _, layer in layers), *(each for name, _ in layers for each in scope_policies(name))]
    ).axes


def _rank(name: str) -> int:
    return _READ_FIRST.index(name) if name in _READ_FIRST else len(_READ_FIRST)


def _ranked_steps(axis: Axis, facts: Facts) -> list[tuple[int, int]]:
    """Return each other step with the rank of its distance, the nearest first; equal distances have one rank."""
    here = axis.locate(facts)
    distances = {step: axis.distance(facts, step) for step in range(axis.size) if step != here}
    near = {step: distance for step, distance in distances.items() if distance is not None}
    ranks = {distance: rank for rank, distance in enumerate(sorted(set(near.values())))}
    # Words that no policy names come before each named word.
    return sorted(((ranks[near[step]], step) for step in near), key=lambda way: (way[0], way[1] != axis.other, way[1]))


def _widened(axis: Axis, step: int, holds: Callable[[int], bool]) -> int:
    """Return the mask of consecutive steps around one for which something holds; `holds` takes one more step."""
    ordered, mask = axis.ordered(step), 1 << step
    for others in (range(step + 1, ordered.stop), range(step - 1, ordered.start - 1, -1)):
        for other in others:
            if not holds(1 << other):
                break
            mask |= 1 << other
    return mask
