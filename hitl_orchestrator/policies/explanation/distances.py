"""How far away what else a fact could be is from what it is, and how far what is so goes on from there. Pure."""

from collections.abc import Callable, Iterator
from datetime import datetime
from math import inf

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.engine.partition import (
    Axis,
    ConfidenceAxis,
    MetadataAxis,
    RiskAxis,
    SignalsAxis,
    TimeAxis,
    WordAxis,
    end_of,
)
from hitl_orchestrator.policies.engine.predicates import minute_of_the_week
from hitl_orchestrator.policies.engine.timezones import TimesAxis
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK

_Far = tuple[int, float, int]
"""Whether it is of another kind, how far away it is in its own measure, and by how many steps."""

_SAME, _ANOTHER, _MISSING = range(3)
_FIRST_GIVEN = 2
"""The first step of a confidence, or of a field, that is there and can be compared."""


def ways(axis: Axis, facts: Facts) -> list[tuple[int, int]]:
    """Return each other step after its rank, the nearest first; those that are equally near have one rank.

    Nearest is by the value itself, not by how many steps lie between. What is missing is further than all that is
    there. A field of another type is left out: its values are of many kinds.
    """
    here = axis.locate(facts)
    dull = {1} if isinstance(axis, MetadataAxis) else set()
    far = {step: _far(axis, facts, here, step) for step in range(axis.size) if step != here and step not in dull}
    ranks = {one: rank for rank, one in enumerate(sorted(set(far.values())))}
    # What is none of the named words stands for most of them, and comes before each.
    last = _any_other(axis)
    return sorted(((ranks[one], step) for step, one in far.items()), key=lambda way: (way[0], way[1] != last, way[1]))


def _any_other(axis: Axis) -> int | None:
    """Return the step of all words that no policy names."""
    if isinstance(axis, WordAxis):
        return axis.size - 1
    return axis.first_number - 1 if isinstance(axis, MetadataAxis) and axis.texts is not None else None


def _far(axis: Axis, facts: Facts, here: int, step: int) -> _Far:
    if isinstance(axis, RiskAxis):
        return _SAME, abs(step - here), 0
    if isinstance(axis, SignalsAxis):
        return _SAME, (step ^ here).bit_count(), 0
    if isinstance(axis, ConfidenceAxis):
        return _by_confidence(axis, facts, here, step)
    if isinstance(axis, MetadataAxis):
        return _by_value(axis, facts, here, step)
    if isinstance(axis, TimeAxis | TimesAxis):
        return _by_time(axis, facts, step)
    return _SAME, 0, 0


def _by_confidence(axis: ConfidenceAxis, facts: Facts, here: int, step: int) -> _Far:
    if step < _FIRST_GIVEN:
        return _MISSING, -step, 0
    if here < _FIRST_GIVEN or facts.confidence is None:
        return _SAME, step, 0
    return (
        _SAME,
        _beside(facts.confidence, axis.bounds[step - _FIRST_GIVEN], end_of(axis.bounds, step)),
        abs(step - here),
    )


def _by_value(axis: MetadataAxis, facts: Facts, here: int, step: int) -> _Far:
    if step == 0:
        return _MISSING, 0, 0
    if step < axis.first_number:
        # Whoever else requests a task is nearer than any one in particular.
        other = axis.field != REQUESTED_BY or step == _any_other(axis)
        return (_SAME if here < axis.first_number else _ANOTHER), 0 if other else 1, 0
    if axis.numbers is None or here < axis.first_number:
        return (_SAME if here < _FIRST_GIVEN else _ANOTHER), step, 0
    place, named = (step - axis.first_number) // 2, (-inf, *axis.numbers, inf)
    # Odd steps are the named numbers themselves, even ones all that lies between two of them.
    low, high = (named[place + 1],) * 2 if (step - axis.first_number) % 2 else named[place : place + 2]
    return _SAME, _beside(facts.metadata[axis.field], low, high), abs(step - here)


def _by_time(axis: TimeAxis | TimesAxis, facts: Facts, step: int) -> _Far:
    if step == 0:
        return _MISSING, 0, 0
    if facts.moment is None:
        return _SAME, step, 0
    if isinstance(axis, TimeAxis):
        stretches = [(axis.timezone, axis.edges, step - 1)]
    else:
        stretches = list(zip(axis.timezones, axis.edges, axis.combinations[step - 1], strict=True))
    return _SAME, max(_minutes_away(facts.moment, *one) for one in stretches), 0


def _minutes_away(moment: datetime, timezone: str, edges: tuple[int, ...], place: int) -> int:
    """Return how many minutes lie between a moment and a stretch of the week, whichever way is shorter."""
    now, last = minute_of_the_week(moment, timezone), (*edges, MINUTES_OF_A_WEEK)[place + 1] - 1
    if edges[place] <= now <= last:
        return 0
    return min((edges[place] - now) % MINUTES_OF_A_WEEK, (now - last) % MINUTES_OF_A_WEEK)


def _beside(value: float, low: float, high: float) -> float:
    return max(low - value, value - high, 0)


def stretched(axis: Axis, step: int, holds: Callable[[int], bool]) -> int:
    """Return the steps around one, without a gap, on which something holds; `holds` is asked of further ones at a time.

    Only what has an order is stretched: risks, confidences, numbers, and the hours of the week in each time zone.
    """
    if isinstance(axis, TimesAxis):
        return _in_each_zone(axis, step, holds) if step else 1
    first, last = _ordered(axis, step)
    mask = 1 << step
    for others in (range(step + 1, last), range(step - 1, first - 1, -1)):
        for other in others:
            if not holds(1 << other):
                break
            mask |= 1 << other
    return mask


def _ordered(axis: Axis, step: int) -> tuple[int, int]:
    """Return the stretch of steps around one in which they stand in an order: from the first to before the second."""
    if isinstance(axis, RiskAxis):
        return 0, axis.size
    if isinstance(axis, ConfidenceAxis) and step >= _FIRST_GIVEN:
        return _FIRST_GIVEN, axis.size
    if isinstance(axis, TimeAxis) and step > 0:
        return 1, axis.size
    if isinstance(axis, MetadataAxis) and axis.numbers is not None and step >= axis.first_number:
        return axis.first_number, axis.size
    return step, step + 1


def _in_each_zone(axis: TimesAxis, step: int, holds: Callable[[int], bool]) -> int:
    allowed, mask = [1 << place for place in axis.combinations[step - 1]], 1 << step
    for zone, others in _directions(axis, step):
        for place in others:
            wider = [*allowed[:zone], allowed[zone] | 1 << place, *allowed[zone + 1 :]]
            steps = axis.within(wider)
            if not holds(steps & ~mask):
                break
            allowed, mask = wider, steps
    return mask


def _directions(axis: TimesAxis, step: int) -> Iterator[tuple[int, range]]:
    for zone, place in enumerate(axis.combinations[step - 1]):
        yield zone, range(place + 1, len(axis.edges[zone]))
        yield zone, range(place - 1, -1, -1)
