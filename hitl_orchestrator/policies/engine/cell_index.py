"""Finds the cell of facts quickly, as one number, without making anything anew. It finds what `cells` would find.

Every step of every axis is a number, and the number of a cell is their sum. Facts that are not in the plainest types
have no number here: the engine looks at them with more care.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import RiskLevel, Signal
from hitl_orchestrator.policies.engine.partition import Axis, MetadataAxis, TimeAxis
from hitl_orchestrator.policies.language.model import MAX_NUMBER

NOWHERE = -1
"""The number of facts that are not in the plainest types."""

Place = Callable[[Facts], int]
Decide = Callable[[Facts], RoutingDecision]
_SIGNALS = frozenset(Signal)


def placing(
    bounds: Sequence[float], words: Mapping[str, Sequence[str]], signals: Sequence[Signal], others: Sequence[Axis]
) -> Place:
    """Return what numbers the cell of facts, told apart by confidences, words, signals and other axes.

    `words` are those of `domain` and `task_type`. A confidence outside [0, 1] gets the number of no cell that is sound.
    """
    domains, scale = _numbers(words["domain"], 2 * (len(bounds) + 2) * len(RiskLevel))
    types, scale = _numbers(words["task_type"], scale)
    rest = list(_others(signals, others, scale))
    nowhere, none = NOWHERE, len(bounds) + 1
    risks = {level: place * 2 * (len(bounds) + 2) for place, level in enumerate(RiskLevel)}
    asks_domain, asks_type = bool(domains), bool(types)

    def place(facts: Facts) -> int:
        risk, confidence = facts.risk_level, facts.confidence
        if type(risk) is not RiskLevel:
            return nowhere
        if type(confidence) is float:
            step = bisect_right(bounds, confidence)
        elif confidence is None:
            step = none
        else:
            return nowhere
        if facts.has_proposal is not True:
            # Without a proposal there is no confidence; what is no confidence anyhow has no sound cell here either.
            step = none + 1 + (none if 0 < step < len(bounds) else step)
        number = risks[risk] + step
        if asks_domain:
            word = facts.domain
            if type(word) is not str:
                return nowhere
            number += domains.get(word, 0)
        if asks_type:
            word = facts.task_type
            if type(word) is not str:
                return nowhere
            number += types.get(word, 0)
        for locate, size in rest:
            step = locate(facts)
            if step < 0:
                return nowhere
            number += step * size
        return number

    return place


def quickly(bounds: Sequence[float], otherwise: Decide) -> tuple[Decide, dict[RiskLevel, list[RoutingDecision | None]]]:
    """Return what decides by risk and confidence alone, and the table that it looks into; what is not in it goes on.

    The last line of each risk is for no confidence. The first and the one before the last stay empty: what stands there
    is no confidence, nor is NaN.
    """
    table: dict[RiskLevel, list[RoutingDecision | None]] = {level: [None] * (len(bounds) + 2) for level in RiskLevel}
    level, number, bisect = RiskLevel, float, bisect_right

    def decide(facts: Facts) -> RoutingDecision:
        risk = facts.risk_level
        if type(risk) is level and facts.has_proposal is True:
            confidence = facts.confidence
            if type(confidence) is number:
                found = table[risk][bisect(bounds, confidence)]
                if found is not None:
                    return found
            elif confidence is None:
                found = table[risk][-1]
                if found is not None:
                    return found
        return otherwise(facts)

    return decide, table


def _numbers(words: Sequence[str], unit: int) -> tuple[dict[str, int], int]:
    """Return a number for each word, 0 being for all others, and the unit of what comes next."""
    return {word: place * unit for place, word in enumerate(words, start=1)}, unit * (len(words) + 1)


def _others(
    signals: Sequence[Signal], others: Sequence[Axis], scale: int
) -> Iterator[tuple[Callable[[Facts], int], int]]:
    """Yield what finds the step on each further axis, and the number that one step of it counts."""
    if signals:
        yield _locating_signals(signals), scale
        scale <<= len(signals)
    for axis in others:
        yield _locating(axis), scale
        scale *= axis.size


def _locating(axis: Axis) -> Callable[[Facts], int]:
    """Return what finds the step on an axis, or -1 where facts are not in plain types."""
    if isinstance(axis, MetadataAxis):
        return _locating_field(axis)
    if isinstance(axis, TimeAxis):
        return _locating_time(axis)
    return axis.locate


def _locating_signals(signals: Sequence[Signal]) -> Callable[[Facts], int]:
    raised: dict[frozenset[Signal], int] = {}

    def locate(facts: Facts) -> int:
        given = facts.signals
        if type(given) is not frozenset:
            return -1
        known = raised.get(given)
        if known is None:
            if not given <= _SIGNALS:
                return -1
            known = raised[given] = sum(1 << place for place, signal in enumerate(signals) if signal in given)
        return known

    return locate


def _locating_time(axis: TimeAxis) -> Callable[[Facts], int]:
    def locate(facts: Facts) -> int:
        moment = facts.moment
        if moment is None:
            return 0
        if type(moment) is not datetime or moment.utcoffset() is None:
            return -1
        return axis.locate(facts)

    return locate


def _locating_field(axis: MetadataAxis) -> Callable[[Facts], int]:
    name, slowly = axis.field, axis.locate
    numbers: Any = axis.numbers
    texts = None if axis.texts is None else {text: axis.first_text + place for place, text in enumerate(axis.texts)}
    elsewhere, first = axis.first_text + len(axis.texts or ()), axis.first_number

    def locate(facts: Facts) -> int:
        metadata = facts.metadata
        if type(metadata) is not dict:
            return -1
        value: Any = metadata.get(name)
        kind = type(value)
        if numbers is not None and (kind is int or kind is float) and -MAX_NUMBER <= value <= MAX_NUMBER:
            return first + bisect_left(numbers, value) + bisect_right(numbers, value)
        if texts is not None and kind is str:
            return texts.get(value, elsewhere)
        return slowly(facts)

    return locate
