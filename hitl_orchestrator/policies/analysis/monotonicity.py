"""Where a policy treats a riskier task, or a less confident answer, more leniently than a safer one. Exact."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, Leaf, Node
from hitl_orchestrator.policies.analysis.describe import say, say_axis
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.model import Policy

_FIRST_CONFIDENCE = 2
"""The step of confidences from 0 on; before it stand no proposal and no confidence."""


_Key = tuple["Against", int, int]
_Found = dict[_Key, tuple[int, int, int, int]]
"""For what is less safe and two rules, the steps of risk and confidence of the worse cases, then of the better."""


class Against(StrEnum):
    """What is less safe about the case that is treated more leniently."""

    RISK = "risk"
    CONFIDENCE = "confidence"
    MISSING = "missing"


class Leniency(NamedTuple):
    """Two rules, given by their places, of which the first treats a less safe case more leniently than the second.

    `worse` and `better` are boxes that differ on one axis alone; each case of the first has one of the second beside
    it. `elsewhere` says in how many other contexts it is so too.
    """

    against: Against
    lenient: int
    strict: int
    worse: Region
    better: Region
    elsewhere: int = 0

    def examples(self, space: FactSpace) -> tuple[Facts, Facts]:
        """Return two cases that show it, alike but for what is less safe, the one treated more leniently first."""
        if self.against is Against.RISK:
            return space.sample(self.worse), space.sample(self.better)
        nearest = 1 << self.worse[space.confidence].bit_length() - 1, self.better[space.confidence]
        worse, better = (
            space.sample((*box[: space.confidence], mask))
            for box, mask in zip((self.worse, self.better), nearest, strict=True)
        )
        return worse, better


def strictness(place: int, policy: Policy) -> int:
    """Return how strict the rule at a place is; the fallback asks a person."""
    rules = policy.by_priority
    return (Action.HUMAN_REVIEW if place == FALLBACK_INDEX else rules[place].action).strictness


def leniencies(diagram: Diagram[int], policy: Policy, *, silent: bool = False) -> list[Leniency]:
    """Return one for each pair of rules, the lenient and the strict one, and what is less safe.

    Where the policy is a layer that is `silent` when no rule holds, that is compared with nothing.
    """
    strict = {place: strictness(place, policy) for place in range(FALLBACK_INDEX, len(policy.rules))}
    if silent:
        del strict[FALLBACK_INDEX]
    found: dict[_Key, Leniency] = {}
    for context, here in diagram.below(diagram.space.risk):
        for one in _of_panel(panel(here, diagram.space), context, diagram.space, strict):
            key = one.against, one.lenient, one.strict
            before = found.get(key)
            found[key] = one if before is None else before._replace(elsewhere=before.elsewhere + 1)
    return list(found.values())


def panel(here: "Node[int] | Leaf[int]", space: FactSpace) -> list[list[int]]:
    """Return what decides at each risk, from low to high, and each step of the confidence."""
    part = Diagram(space, here)
    first = (0,) * space.risk
    return [
        [part.at((*first, risk, step)) for step in range(space.axes[space.confidence].size)]
        for risk in range(len(RiskLevel))
    ]


def _of_panel(rows: list[list[int]], context: Region, space: FactSpace, strict: dict[int, int]) -> Iterator[Leniency]:
    """Yield each pair of rules once, with all steps on which it is so between the first two rows or in the first."""
    found: _Found = {}
    for worse in range(1, len(rows)):
        for better in reversed(range(worse)):
            _by_risk(rows, worse, better, strict, found)
    for risk, row in enumerate(rows):
        _by_confidence(row, risk, strict, found)
    for (against, lenient, severe), masks in found.items():
        boxes = [(*context[: space.risk], *masks[place : place + 2]) for place in (0, 2)]
        yield Leniency(against, lenient, severe, boxes[0], boxes[1])


def _by_risk(
    rows: list[list[int]],
    worse: int,
    better: int,
    strict: dict[int, int],
    found: _Found,
) -> None:
    masks: dict[tuple[int, int], int] = {}
    for step, pair in enumerate(zip(rows[worse], rows[better], strict=True)):
        if _is_more_lenient(*pair, strict):
            masks[pair] = masks.get(pair, 0) | 1 << step
    for (lenient, severe), mask in masks.items():
        found.setdefault((Against.RISK, lenient, severe), (1 << worse, mask, 1 << better, mask))


def _by_confidence(
    row: Sequence[int],
    risk: int,
    strict: dict[int, int],
    found: _Found,
) -> None:
    here = 1 << risk
    for missing in range(_FIRST_CONFIDENCE):
        pair = row[missing], row[_FIRST_CONFIDENCE]
        if _is_more_lenient(*pair, strict):
            _put((Against.MISSING, *pair), here, 1 << missing, 1 << _FIRST_CONFIDENCE, found)
    below: dict[int, int] = {}
    for step, place in enumerate(row[_FIRST_CONFIDENCE:], start=_FIRST_CONFIDENCE):
        for lenient, mask in below.items():
            if _is_more_lenient(lenient, place, strict):
                above = sum(1 << later for later in range(step, len(row)) if row[later] == place)
                _put((Against.CONFIDENCE, lenient, place), here, mask, above, found)
        below[place] = below.get(place, 0) | 1 << step


def _put(
    key: _Key,
    risk: int,
    worse: int,
    better: int,
    found: _Found,
) -> None:
    """Put down the first place where it is so, with all risks at which it is so for the same confidences."""
    risks, *confidences = found.get(key, (0, worse, 0, better))
    if (confidences[0], confidences[2]) == (worse, better):
        found[key] = (risks | risk, worse, risks | risk, better)


def _is_more_lenient(lenient: int, severe: int, strict: dict[int, int]) -> bool:
    return lenient in strict and severe in strict and strict[lenient] < strict[severe]


_GOES = {
    Action.AUTO_APPROVE: "goes ahead by {}",
    Action.HUMAN_REVIEW: "goes to a person by {}",
    Action.ESCALATE: "is escalated by {}",
}


def told(one: Leniency, space: FactSpace, policy: Policy) -> str:
    """Say it in plain words, such as `medium risk goes ahead by a, and the same at low risk goes to a person by b`."""
    axis = space.risk if one.against is Against.RISK else space.confidence
    other = say_axis(space.axes[axis], one.better[axis])
    also = f"; so it is in {one.elsewhere} other context{'s' if one.elsewhere > 1 else ''}" if one.elsewhere else ""
    return (
        f"{say(one.worse, space)} {_goes(one.lenient, policy)}, while the same at {other.removeprefix('with ')} "
        f"{_goes(one.strict, policy)}{also}"
    )


def _goes(place: int, policy: Policy) -> str:
    if place == FALLBACK_INDEX:
        return "goes to a person, as no rule holds"
    rule = policy.by_priority[place]
    return _GOES[rule.action].format(rule.rule_id)
