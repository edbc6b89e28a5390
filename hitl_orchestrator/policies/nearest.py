"""What would have to be otherwise for a case to end otherwise: the nearest changes, each verified by asking. Pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.words import POLICY_CHANGE, Action
from hitl_orchestrator.policies.cells import (
    Axis,
    ConfidenceAxis,
    MetadataAxis,
    RiskAxis,
    SignalsAxis,
    Space,
    TimeAxis,
    WordAxis,
)
from hitl_orchestrator.policies.engine import CompiledPolicy
from hitl_orchestrator.policies.schema import Policy, PolicyStack
from hitl_orchestrator.policies.words import join, say_axis

MOST_ASKED = 4_000
"""No more cases than this are tried; of a policy with very many facts, only changes of few of them."""

MOST_ASKED_AT_A_GLANCE = 400
"""So many where somebody waits for a view of a case."""

_FACTS_TOGETHER = 2
_VERBS = {
    Action.AUTO_APPROVE: "would go through",
    Action.HUMAN_REVIEW: "would go to a person",
    Action.ESCALATE: "would be escalated",
}
_READ_FIRST = ("risk_level", "confidence")


class Change(NamedTuple):
    """A change of some facts, by their names, that would lead to another action, and a case in which it does."""

    action: Action
    changed: tuple[str, ...]
    facts: Facts
    sentence: str


def nearest_changes(compiled: CompiledPolicy, facts: Facts) -> tuple[Change, ...]:
    """Return the nearest changes that would alter the action, for each action, of the fewest facts first.

    Each is minimal: changing fewer of its facts does not suffice, whatever the values, and neither does any nearer
    value of one of them. Changes of more than two facts are looked for only where none of fewer leads to an action.
    A change of the policy is escalated whatever its facts (see `floor`): nothing would alter that.
    """
    if facts.task_type == POLICY_CHANGE:
        return ()
    return _Search(compiled, facts).changes()


def would_go_through(compiled: CompiledPolicy, facts: Facts) -> tuple[str, ...]:
    """Return the nearest changes that would let a case go ahead by itself, such as `if the risk were low`."""
    if facts.task_type == POLICY_CHANGE:
        return ()
    search = _Search(compiled, facts, MOST_ASKED_AT_A_GLANCE)
    verb = f"{_VERBS[Action.AUTO_APPROVE]} "
    return tuple(one.sentence.removeprefix(verb) for one in search.changes({Action.AUTO_APPROVE}))


class _Search:
    def __init__(self, compiled: CompiledPolicy, facts: Facts, most: int = MOST_ASKED) -> None:
        self._most = most
        self._compiled, self._facts = compiled, facts
        self._axes = sorted(_axes(compiled.policy), key=lambda axis: _rank(axis.name))
        self._here = [axis.locate(facts) for axis in self._axes]
        self._known: dict[tuple[tuple[int, int], ...], Action] = {}
        self._action = compiled.decide(facts).action

    def changes(self, wanted: set[Action] | None = None) -> tuple[Change, ...]:
        left = (set(Action) if wanted is None else wanted) - {self._action}
        found: dict[Action, dict[tuple[int, ...], Change]] = {action: {} for action in Action if action in left}
        for number in range(1, len(self._axes) + 1):
            open_yet = {action for action in left if number <= _FACTS_TOGETHER or not found[action]}
            for places in combinations(range(len(self._axes)), number):
                if open_yet and len(self._known) < self._most:
                    self._look(places, open_yet, found)
        return tuple(change for by_places in found.values() for change in by_places.values())

    def _look(
        self, places: tuple[int, ...], wanted: set[Action], found: dict[Action, dict[tuple[int, ...], Change]]
    ) -> None:
        """Find the nearest change of just these facts for each action that no change of fewer of them leads to."""
        missing = {action for action in wanted if not any(set(fewer) < set(places) for fewer in found[action])}
        ways = [list(_ways(self._axes[place], self._here[place])) for place in places]
        for way in sorted(product(*ways), key=lambda way: sum(distance for distance, _ in way)):
            if not missing or len(self._known) >= self._most:
                return
            steps = tuple((place, step) for place, (_, step) in zip(places, way, strict=True))
            action = self._ask(steps)
            if action in missing:
                missing.discard(action)
                found[action][places] = self._change(action, steps)

    def _ask(self, steps: tuple[tuple[int, int], ...]) -> Action:
        if steps not in self._known:
            self._known[steps] = self._compiled.decide(self._placed(steps)).action
        return self._known[steps]

    def _placed(self, steps: Sequence[tuple[int, int]]) -> Facts:
        facts = self._facts
        for place, step in steps:
            facts = self._axes[place].place(facts, step)
        return facts

    def _change(self, action: Action, steps: tuple[tuple[int, int], ...]) -> Change:
        names = tuple(self._axes[place].name for place, _ in steps)
        told = [
            _told(self._axes[place], self._here[place], step, self._stretch(action, steps, number))
            for number, (place, step) in enumerate(steps)
        ]
        return Change(action, names, self._placed(steps), f"{_VERBS[action]} {join(told, 'and')}")

    def _stretch(self, action: Action, steps: tuple[tuple[int, int], ...], number: int) -> int:
        """Return the steps around one of a change, without a gap, on which the action stays the same."""
        place, step = steps[number]
        first, last = _ordered(self._axes[place], step)
        mask = 1 << step
        for others in (range(step + 1, last), range(step - 1, first - 1, -1)):
            for other in others:
                moved = (*steps[:number], (place, other), *steps[number + 1 :])
                if other == self._here[place] or self._ask(moved) is not action:
                    break
                mask |= 1 << other
        return mask


def _axes(policy: Policy) -> tuple[Axis, ...]:
    """Return the axes of all layers; of a stack, the domains that have one count as named."""
    parts = [layer for _, layer in policy.parts]
    if isinstance(policy, PolicyStack) and policy.domains:
        rule = {
            "rule_id": "domains",
            "priority": 1,
            "action": "human_review",
            "conditions": {"domain": list(policy.domains)},
        }
        parts.append(Policy.model_validate({"policy_id": "domains", "rules": [rule]}))
    return Space(parts).axes


def _rank(name: str) -> int:
    return _READ_FIRST.index(name) if name in _READ_FIRST else len(_READ_FIRST)


def _ways(axis: Axis, here: int) -> Iterator[tuple[int, int]]:
    """Yield each other step, after how far away it is. What is not there is further than all that is."""
    for step in range(axis.size):
        if step != here and not (isinstance(axis, MetadataAxis) and step == 1):
            yield _distance(axis, here, step), step


def _distance(axis: Axis, here: int, step: int) -> int:
    if isinstance(axis, WordAxis):
        return 1
    if isinstance(axis, SignalsAxis):
        return (here ^ step).bit_count()
    first, last = _ordered(axis, step)
    if not first <= here < last:
        return axis.size + (step - first if first > 0 else 0)
    away = abs(step - here)
    return min(away, axis.size - 1 - away) if isinstance(axis, TimeAxis) else away


def _ordered(axis: Axis, step: int) -> tuple[int, int]:
    """Return the stretch of steps around one in which they stand in an order: from the first to before the second."""
    if isinstance(axis, RiskAxis):
        return 0, axis.size
    if isinstance(axis, ConfidenceAxis) and step > 1:
        return 2, axis.size
    if isinstance(axis, TimeAxis) and step > 0:
        return 1, axis.size
    if isinstance(axis, MetadataAxis) and axis.numbers is not None and step >= axis.first_number:
        return axis.first_number, axis.size
    return step, step + 1


def _told(axis: Axis, here: int, step: int, mask: int) -> str:
    if isinstance(axis, SignalsAxis):
        return _signals(axis, here, step)
    say: dict[type, Callable[[Any], str]] = {
        RiskAxis: lambda told: f"if the risk were {told.removesuffix(' risk')}",
        ConfidenceAxis: lambda told: told.replace("with a confidence", "at a confidence", 1),
        WordAxis: lambda told: f"if it were {told}",
        MetadataAxis: lambda told: f"if {told.replace(' is ', ' were ', 1)}",
    }
    told = say_axis(axis, mask)
    return say[type(axis)](told) if type(axis) in say else told


def _signals(axis: SignalsAxis, here: int, step: int) -> str:
    told = []
    for relation, bits in (("with", step & ~here), ("without", here & ~step)):
        named = [signal for place, signal in enumerate(axis.signals) if bits >> place & 1]
        if named:
            told.append(f"{relation} the signal{'s' if len(named) > 1 else ''} {join(named, 'and')}")
    return " and ".join(told)
