"""Regions of cells and single facts in plain words, such as `medium risk with a confidence of 0.75 to below 0.8`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, product
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.working_hours import Weekday
from hitl_orchestrator.policies.engine.partition import (
    Axis,
    ConfidenceAxis,
    FactSpace,
    MetadataAxis,
    Region,
    RiskAxis,
    SignalsAxis,
    TimeAxis,
    WordAxis,
    end_of,
    mask_of,
    steps,
)
from hitl_orchestrator.policies.engine.timezones import TimesAxis, rectangles, widened
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_DAY, MINUTES_OF_A_WEEK

EVERY_CASE = "every case"

MOST_NAMED = 12
"""So many words of one kind are told one by one."""

_OF_MANY = 3


def say(box: Region, space: FactSpace) -> str:
    """Say which cases stand in a box; `every case` for the whole space."""
    return _sentence(zip(space.axes, box, space.full, strict=True)) or EVERY_CASE


def say_context(box: Region, space: FactSpace) -> str:
    """Say of which cases a box is, whatever their risk and their confidence."""
    return say((*box[: space.risk], *space.full[space.risk :]), space)


def say_axis(axis: Axis, mask: int) -> str:
    """Say some steps of one axis, such as `high risk` or `with a confidence below 0.6`."""
    return _SAYS[type(axis)](axis, mask)


def say_facts(facts: Facts) -> str:
    """Say what is so in one case. Fields that no policy asks about are told too, where they are given."""
    told = [f"{facts.risk_level} risk", _of_one(facts)]
    told += [] if facts.domain == "any" else [f"in {facts.domain}"]
    told += [] if facts.task_type == "any" else [f"of type {facts.task_type}"]
    if facts.signals:
        told.append(f"with the signal{'s' if len(facts.signals) > 1 else ''} {join(sorted(facts.signals), 'and')}")
    if facts.metadata:
        given = (f"{name} is {shown(value)}" for name, value in sorted(facts.metadata.items()))
        told.append(f"where {join(given, 'and')}")
    if facts.moment is not None:
        told.append(f"on {facts.moment:%A} {facts.moment:%H:%M} {facts.moment.tzname()}".rstrip())
    return " ".join(told)


def shown(value: Any) -> str:
    """Return a value as a policy writes it, without a useless `.0`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return "something else" if value == {} else str(value)


def join(words: Iterable[str], last: str) -> str:
    """Return the words as a list that is read aloud: `a, b or c`."""
    *first, end = [str(word) for word in words]
    return f"{', '.join(first)} {last} {end}" if first else end


def join_some(words: Iterable[str], last: str) -> str:
    """Join as many words as anybody reads; of more than that the first few, and how many more there are."""
    named = [*words]
    if len(named) > MOST_NAMED:
        named[_OF_MANY:] = [f"{len(named) - _OF_MANY:,} more"]
    return join(named, last)


def _of_one(facts: Facts) -> str:
    if not facts.has_proposal:
        return "without a proposal"
    return "without a confidence" if facts.confidence is None else f"with a confidence of {shown(facts.confidence)}"


def _sentence(asked: Iterable[tuple[Axis, int, int]]) -> str:
    """Put together what is said of each axis on which not every step is meant, in the order it is best read."""
    said: dict[type, list[str]] = {}
    for axis, mask, full in asked:
        if mask != full:
            said.setdefault(type(axis), []).append(say_axis(axis, mask))
    if not said:
        return ""
    first = said.get(RiskAxis, [EVERY_CASE])
    where = said.get(MetadataAxis, [])
    rest = [one for kind in (ConfidenceAxis, WordAxis, SignalsAxis) for one in said.get(kind, [])]
    rest += [f"where {join(where, 'and')}"] if where else []
    return " ".join([*first, *rest, *said.get(TimeAxis, []), *said.get(TimesAxis, [])])


def _risk(axis: RiskAxis, mask: int) -> str:
    return f"{join((tuple(RiskLevel)[step] for step in steps(mask)), 'or')} risk"


def _confidence(axis: ConfidenceAxis, mask: int) -> str:
    missing, given = mask & 0b11, [step - 2 for step in steps(mask >> 2 << 2)]
    every = len(given) == len(axis.bounds)
    if every:
        return {0b10: "with a proposal", 0b00: "with a confidence", 0b01: "without a proposal or with a confidence"}[
            missing
        ]
    told = {
        0b00: [],
        0b01: ["without a proposal"],
        0b10: ["with a proposal but no confidence"],
        0b11: ["without a confidence"],
    }[missing]
    if given:
        ends = [end_of(axis.bounds, step + 2) for step in range(len(axis.bounds))]
        runs = (_stretch(axis.bounds[first], ends[last]) for first, last in runs_of(given))
        told = [*told, f"with {'one' if told else 'a confidence'} {join_some(runs, 'or')}"]
    return join(told, "or")


def _stretch(low: float, end: float) -> str:
    if end > 1:
        return f"of {shown(low)}" if low == 1 else f"of {shown(low)} or above"
    return f"of {shown(low)} to below {shown(end)}" if low > 0 else f"below {shown(end)}"


def runs_of(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of numbers without a gap."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        listed = [number for _, number in run]
        yield listed[0], listed[-1]


def _word(axis: WordAxis, mask: int) -> str:
    others = bool(mask >> len(axis.words) & 1)
    named = join_some((word for step, word in enumerate(axis.words) if bool(mask >> step & 1) is not others), "or")
    if axis.name == "domain":
        return f"outside {named}" if others else f"in {named}"
    return f"of a type other than {named}" if others else f"of type {named}"


def _signals(axis: SignalsAxis, mask: int) -> str:
    """Say which sets of signals are meant, in as few alternatives as a greedy choice finds."""
    left, found = mask, []
    for literals in sorted(product((None, True, False), repeat=len(axis.signals)), key=_plainest):
        sets = mask_of(step for step in range(axis.size) if _is_in(step, literals))
        if sets & mask == sets and sets & left:
            left &= ~sets
            found.append(literals)
    if len(found) > 1 and all(sum(one is not None for one in literals) == 1 and True in literals for literals in found):
        named = (axis.signals[place] for place in sorted(literals.index(True) for literals in found))
        return f"with the signal {join(named, 'or')}"
    return join((_cube(axis, literals) for literals in found), "or")


def _plainest(literals: tuple[bool | None, ...]) -> tuple[int, int]:
    return sum(one is not None for one in literals), sum(one is False for one in literals)


def _is_in(step: int, literals: tuple[bool | None, ...]) -> bool:
    return all(one is None or bool(step >> place & 1) is one for place, one in enumerate(literals))


def _cube(axis: SignalsAxis, literals: tuple[bool | None, ...]) -> str:
    pairs = list(zip(axis.signals, literals, strict=True))
    told = []
    for wanted, relation, last in ((True, "with", "and"), (False, "without", "or")):
        named = [signal for signal, one in pairs if one is wanted]
        if named:
            plural = "s" if len(named) > 1 and wanted else ""
            told.append(f"{relation} the signal{plural} {join(named, last)}")
    return " and ".join(told)


def _field(axis: MetadataAxis, mask: int) -> str:
    found: list[str] = []
    known = ((1 << axis.size) - 1) & ~0b11
    if mask == known | 0b10:
        return f"{axis.field} is there"
    if mask & 0b11:
        found.append({0b01: "missing", 0b10: "of another type", 0b11: "missing or of another type"}[mask & 0b11])
    if mask & known == known:
        return f"{axis.field} is {join([*found, _any_kind(axis)], 'or')}"
    found += [shown(axis.samples[step]) for step in steps(mask & known) if step < axis.first_text]
    if axis.texts is not None:
        found += _texts(axis.texts, mask >> axis.first_text)
    if axis.numbers is not None:
        found += [_numbers(axis.numbers, *run) for run in runs_of(steps(mask >> axis.first_number))]
    return f"{axis.field} is {join_some(found, 'or')}"


def _any_kind(axis: MetadataAxis) -> str:
    kinds = [
        ("true or false", axis.booleans),
        ("a text", axis.texts is not None),
        ("a number", axis.numbers is not None),
    ]
    return join((kind for kind, asked in kinds if asked), "or")


def _texts(texts: tuple[str, ...], mask: int) -> list[str]:
    named = [text for step, text in enumerate(texts) if mask >> step & 1]
    if not mask >> len(texts) & 1:
        return named
    others = [text for text in texts if text not in named]
    return [f"a text other than {join_some(others, 'or')}" if others else "a text"]


def _numbers(numbers: tuple[float, ...], first: int, last: int) -> str:
    """Say a run of steps: even steps are stretches between named numbers, odd ones are the numbers themselves."""
    final = 2 * len(numbers)
    if first == last and first % 2:
        return shown(numbers[first // 2])
    if (first, last) == (0, final):
        return "a number"
    told = []
    if first > 0:
        relation = "at least" if first % 2 else "above"
        told.append(f"{relation} {shown(numbers[(first - 1) // 2])}")
    if last < final:
        relation = "at most" if last % 2 else "below"
        told.append(f"{relation} {shown(numbers[last // 2])}")
    return " and ".join(told)


def _time(axis: TimeAxis, mask: int) -> str:
    known = ((1 << axis.size) - 1) & ~1
    told = [] if mask & known == 0 else ["at a known time" if mask & known == known else _week(axis, mask & known)]
    return join([*told, *(["at no known time"] if mask & 1 else [])], "or")


def _times(axis: TimesAxis, mask: int) -> str:
    known = ((1 << axis.size) - 1) & ~1
    if mask & known in (0, known):
        told = ["at a known time"] if mask & known else []
    else:
        told = [_each_week(axis, mask & known, one) for one in rectangles(axis, mask & known)]
    return join_some([*told, *(["at no known time"] if mask & 1 else [])], "or")


def _each_week(axis: TimesAxis, mask: int, wanted: tuple[int, ...]) -> str:
    told = []
    for place, (zone, edges) in enumerate(zip(axis.timezones, axis.edges, strict=True)):
        if wanted[place] != (1 << len(edges)) - 1:
            wide, own = widened(axis, mask, wanted, place), TimeAxis(zone, edges)
            short, wanted = min(
                ((_week(own, one[place] << 1), one) for one in (wanted, wide)), key=lambda one: len(one[0])
            )
            told.append(short)
    return join(told, "and")


def _week(axis: TimeAxis, mask: int) -> str:
    """Say some stretches of the week, or which ones they are not where that is shorter."""
    zone = "" if axis.timezone == "UTC" else f" ({axis.timezone})"
    within, outside = _hours(axis, mask), _hours(axis, ((1 << axis.size) - 1) & ~1 & ~mask)
    return f"outside {outside}{zone}" if len(outside) + 10 < len(within) else f"on {within}{zone}"


def _hours(axis: TimeAxis, mask: int) -> str:
    """Say some stretches of the week; days with the same hours are told together."""
    ends = (*axis.edges[1:], MINUTES_OF_A_WEEK)
    spans = [(axis.edges[first - 1], ends[last - 1]) for first, last in runs_of(steps(mask))]
    of_day = [_of_day(spans, place * MINUTES_OF_A_DAY) for place in range(len(Weekday))]
    told = []
    for hours in dict.fromkeys(one for one in of_day if one):
        days = [place for place, one in enumerate(of_day) if one == hours]
        told.append(f"{_days(days)}{hours if hours != _ALL_DAY else ''}")
    return join(told, "or")


_ALL_DAY = " 00:00 to 24:00"


def _of_day(spans: Iterable[tuple[int, int]], begins: int) -> str:
    ends = begins + MINUTES_OF_A_DAY
    cut = [(max(one, begins) - begins, min(other, ends) - begins) for one, other in spans]
    told = [f"{_clock(one)} to {_clock(other)}" for one, other in cut if one < other]
    return f" {join_some(told, 'and')}" if told else ""


def _days(days: list[int]) -> str:
    names = list(Weekday)
    if len(days) == len(names):
        return "any day"
    runs = [
        f"{names[first]} to {names[last]}" if last - first > 1 else join(names[first : last + 1], "or")
        for first, last in runs_of(days)
    ]
    return join(runs, "or")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_SAYS: dict[type, Callable[[Any, int], str]] = {
    RiskAxis: _risk,
    ConfidenceAxis: _confidence,
    WordAxis: _word,
    SignalsAxis: _signals,
    MetadataAxis: _field,
    TimeAxis: _time,
    TimesAxis: _times,
}
