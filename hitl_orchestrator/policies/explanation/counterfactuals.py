"""What would have to be otherwise for a case to end otherwise: the nearest changes, each verified by asking. Pure."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heapify, heappop, heapreplace
from itertools import product
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import POLICY_CHANGE, Action
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.analysis.describe import join, say_axis
from hitl_orchestrator.policies.analysis.layer_scope import naming
from hitl_orchestrator.policies.engine import partition as cells
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy
from hitl_orchestrator.policies.engine.partition import (
    Axis,
    ConfidenceAxis,
    FactSpace,
    MetadataAxis,
    RiskAxis,
    SignalsAxis,
    WordAxis,
)
from hitl_orchestrator.policies.explanation.distances import stretched, ways
from hitl_orchestrator.policies.explanation.relevant_facts import RelevantFacts
from hitl_orchestrator.policies.language.model import Policy

MOST_WORK = 100_000
"""Looking for the changes to each action takes no more work than this, and telling all of them four times it at most.

Work is a rule that is tried; to ask at all counts for as much as twenty.
"""

MOST_WORK_AT_A_GLANCE = 20_000
"""So much where somebody waits for a view of a case."""

_FACTS_TOGETHER, _MOST_TOGETHER = 2, 32
_TO_ASK, _TO_TELL = 20, 4
_VERBS = {
    Action.AUTO_APPROVE: "would go through",
    Action.HUMAN_REVIEW: "would go to a person",
    Action.ESCALATE: "would be escalated",
}
_READ_FIRST = ("risk_level", "confidence")


class Change(NamedTuple):
    """A change of some facts, by their names, that would lead to another action, and a case in which it does.

    It does so in every case that differs in these facts alone and stands on the steps of `region`, as bit masks of each
    changed axis: these are the cases that the sentence is about.
    """

    action: Action
    changed: tuple[str, ...]
    facts: Facts
    sentence: str
    region: tuple[tuple[Axis, int], ...]


def nearest_changes(compiled: CompiledPolicy, facts: Facts) -> tuple[Change, ...]:
    """Return the nearest changes that would alter the action, for each action, of the fewest facts first.

    Each is minimal: changing fewer of its facts does not suffice, whatever the values, and neither does any nearer
    value of one of them. Changes of more than two facts are looked for only where none of fewer leads to an action.
    Of a policy with very many rules, facts and values only the first changes are tried (see `MOST_WORK`), and never
    those of more than 32 facts.
    A change of the policy is escalated whatever its facts (see `floor`): nothing would alter that.
    """
    if facts.task_type == POLICY_CHANGE:
        return ()
    return _Search(compiled, facts, MOST_WORK).changes()


def would_go_through(compiled: CompiledPolicy, facts: Facts) -> tuple[str, ...]:
    """Return the nearest changes that would let a case go ahead by itself, such as `if the risk were low`."""
    if facts.task_type == POLICY_CHANGE:
        return ()
    search = _Search(compiled, facts, MOST_WORK_AT_A_GLANCE)
    verb = f"{_VERBS[Action.AUTO_APPROVE]} "
    return tuple(one.sentence.removeprefix(verb) for one in search.changes((Action.AUTO_APPROVE,)))


_Steps = tuple[tuple[int, int], ...]
"""CheckpointIndex of axes, in order, each with the step that the fact is moved to."""


class _Moved(NamedTuple):
    """Facts that are moved: how far away that is altogether, to where, and which places, as a bit mask."""

    rank: int
    steps: _Steps
    places: int

    def and_also(self, place: int, rank: int, step: int) -> "_Moved":
        return _Moved(self.rank + rank, tuple(sorted((*self.steps, (place, step)))), self.places | 1 << place)


class _Search:
    """Looks for the changes of one fact, then of two, and so on, of those facts only that can matter (see `levers`)."""

    def __init__(self, compiled: CompiledPolicy, facts: Facts, most: int) -> None:
        self._compiled, self._facts, self._most = compiled, facts, most
        self._axes = sorted(_axes(compiled.policy), key=lambda axis: _rank(axis.name))
        self._levers = RelevantFacts(compiled.policy, {axis.name: place for place, axis in enumerate(self._axes)})
        self._ways: dict[int, list[tuple[int, int]]] = {}
        self._known: dict[_Steps, RoutingDecision] = {}
        self._work_left = most

    def changes(self, wanted: Sequence[Action] = tuple(Action)) -> tuple[Change, ...]:
        now = self._ask(()).action
        looked_for = [action for action in wanted if action is not now and self._levers.can_say(action)]
        found = [(action, moved) for action in looked_for for moved in self._leading_to(action)]
        self._work_left = _TO_TELL * self._most
        return tuple(self._change(action, moved) for action, moved in found)

    def _leading_to(self, action: Action) -> list[_Moved]:
        """Return the nearest change of each set of facts that leads there, and of which no part does."""
        found: dict[int, _Moved] = {}
        tried = [_Moved(0, (), 0)]
        self._work_left = self._most
        for number in range(1, min(len(self._axes), _MOST_TOGETHER) + 1):
            if not tried or (number > _FACTS_TOGETHER and found):
                break
            tried = self._one_more(tried, action, found)
        return sorted(found.values(), key=lambda one: (len(one.steps), [place for place, _ in one.steps]))

    def _one_more(self, tried: Sequence[_Moved], action: Action, found: dict[int, _Moved]) -> list[_Moved]:
        """Move one more fact of what was tried in vain, note where that leads to the action, and return where not."""
        seen, in_vain, fewer = set[_Steps](), list[_Moved](), list(found)
        for moved in self._nearest_first(tried, action, fewer):
            if moved.places in found or moved.steps in seen:
                continue
            if self._work_left <= 0:
                return []
            seen.add(moved.steps)
            if self._ask(moved.steps).action is action:
                found[moved.places] = moved
            else:
                in_vain.append(moved)
        return in_vain

    def _nearest_first(self, tried: Sequence[_Moved], action: Action, fewer: Sequence[int]) -> Iterator[_Moved]:
        """Yield what moves one more fact, unless fewer of its facts suffice; the nearest first."""
        waiting: list[tuple[int, int, int, int, _Moved]] = []
        for number, before in enumerate(sorted(tried)):
            for place in cells.steps(self._levers.of(self._ask(before.steps), action) & ~before.places):
                places = before.places | 1 << place
                if self._ways_of(place) and not any(places & one == one for one in fewer):
                    waiting.append((before.rank + self._ways_of(place)[0][0], number, place, 0, before))
        heapify(waiting)
        while waiting:
            _, number, place, turn, before = waiting[0]
            ways_of_it = self._ways_of(place)
            yield before.and_also(place, *ways_of_it[turn])
            if turn + 1 < len(ways_of_it):
                following = before.rank + ways_of_it[turn + 1][0], number, place, turn + 1, before
                heapreplace(waiting, following)
            else:
                heappop(waiting)

    def _ways_of(self, place: int) -> list[tuple[int, int]]:
        if place not in self._ways:
            self._ways[place] = ways(self._axes[place], self._facts)
        return self._ways[place]

    def _ask(self, steps: _Steps) -> RoutingDecision:
        self._work_left -= 1
        if steps not in self._known:
            self._known[steps] = self._compiled.decide(self._placed(steps))
            self._work_left -= _TO_ASK + len(self._known[steps].trace)
        return self._known[steps]

    def _placed(self, steps: _Steps) -> Facts:
        facts = self._facts
        for place, step in steps:
            facts = self._axes[place].place(facts, step)
        return facts

    def _change(self, action: Action, moved: _Moved) -> Change:
        region = {place: 1 << step for place, step in moved.steps}
        for place, step in moved.steps:
            region[place] = stretched(self._axes[place], step, partial(self._all_end, action, region, place))
        masks = tuple((self._axes[place], mask) for place, mask in region.items())
        told = [_told(axis, axis.locate(self._facts), mask) for axis, mask in masks]
        names = tuple(axis.name for axis, _ in masks)
        return Change(action, names, self._placed(moved.steps), f"{_VERBS[action]} {join(told, 'and')}", masks)

    def _all_end(self, action: Action, region: dict[int, int], place: int, more: int) -> bool:
        """Whether all cases of a region end so with these further steps of one fact, and it can still be asked."""
        if more >> self._axes[place].locate(self._facts) & 1:
            return False
        masks = region | {place: more}
        for chosen in product(*(list(cells.steps(mask)) for mask in masks.values())):
            if self._work_left <= 0 or self._ask(tuple(zip(masks, chosen, strict=True))).action is not action:
                return False
        return True


def _axes(policy: Policy) -> tuple[Axis, ...]:
    """Return the axes of all layers, which have a name on the axis of the domain, or of who requests a task."""
    layers = policy.parts
    return FactSpace([*(layer for _, layer in layers), *(one for name, _ in layers for one in naming(name))]).axes


def _rank(name: str) -> int:
    return _READ_FIRST.index(name) if name in _READ_FIRST else len(_READ_FIRST)


def _told(axis: Axis, here: int, mask: int) -> str:
    if isinstance(axis, SignalsAxis):
        return _signals(axis, here, mask.bit_length() - 1)
    say: dict[type, Callable[[Any], str]] = {
        RiskAxis: lambda told: f"if the risk were {told.removesuffix(' risk')}",
        ConfidenceAxis: lambda told: told.replace("with a confidence", "at a confidence", 1),
        WordAxis: lambda told: f"if it were {told}",
        MetadataAxis: _if_it_were,
    }
    told = say_axis(axis, mask)
    if isinstance(axis, MetadataAxis) and axis.field == REQUESTED_BY:
        return _requested_by(axis, here, told)
    return say[type(axis)](told) if type(axis) in say else told


def _if_it_were(told: str) -> str:
    return f"if {told.replace(' is ', ' were ', 1)}"


def _requested_by(axis: MetadataAxis, here: int, told: str) -> str:
    others = "a text other than "
    whom = told.removeprefix(f"{REQUESTED_BY} is ")
    if whom.startswith(others):
        # Whoever else it is, it is none of those who are named; of the only one that goes without saying.
        named = whom.removeprefix(others)
        whom = "somebody else" if named == axis.samples[here] else f"somebody other than {named}"
    return f"if requested by {'nobody who is named' if whom == 'missing' else whom}"


def _signals(axis: SignalsAxis, here: int, step: int) -> str:
    told = []
    for relation, bits in (("with", step & ~here), ("without", here & ~step)):
        named = [signal for place, signal in enumerate(axis.signals) if bits >> place & 1]
        if named:
            told.append(f"{relation} the signal{'s' if len(named) > 1 else ''} {join(named, 'and')}")
    return " and ".join(told)
