"""Dates on the clocks of the policy's time zone: spans between named dates, holidays, and their words."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from math import inf

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.working_hours import zone_of
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.moment.week import IT_IS, UNKNOWN, moment_of
from hitl_orchestrator.policies.language.conditions.moments import Dates
from hitl_orchestrator.policies.language.phrases import join, join_some, runs_of


def local_date(moment: datetime, timezone: str) -> date:
    """Return the date of a moment on the clocks of a time zone."""
    return moment.astimezone(zone_of(timezone)).date()


@dataclass(frozen=True)
class Holidays:
    """The holidays of a policy. In a year without any of them it is not known which dates are holidays."""

    dates: tuple[date, ...] = ()

    @cached_property
    def _listed(self) -> frozenset[date]:
        return frozenset(self.dates)

    @cached_property
    def years(self) -> frozenset[int]:
        """The years with listed holidays."""
        return frozenset(day.year for day in self.dates)

    def includes(self, day: date) -> bool | None:
        """Return whether a date is a holiday; None where that is not known."""
        return day in self._listed if day.year in self.years else None

    @property
    def edges(self) -> Iterator[int]:
        """The ordinals of the dates from which it is another answer than on the day before."""
        for day in self.dates:
            yield from (day.toordinal(), day.toordinal() + 1)
        for year in self.years:
            yield from (date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)


def hold_on(dates: Dates, holidays: Holidays, day: date) -> bool | None:
    """Return whether conditions on the date hold on a day; None where that is not known."""
    verdicts: list[bool | None] = [dates.first is None or dates.first <= day, dates.last is None or day <= dates.last]
    if dates.holiday is not None:
        is_holiday = holidays.includes(day)
        verdicts.append(None if is_holiday is None else is_holiday is dates.holiday)
    return False if False in verdicts else None if None in verdicts else True


@dataclass(frozen=True)
class OnDates:
    """The date of a moment of the case lies in a period, or is a holiday."""

    dates: Dates
    timezone: str
    holidays: Holidays

    def holds(self, facts: Facts) -> bool | None:
        moment = moment_of(facts, self.dates.moment)
        return None if moment is None else hold_on(self.dates, self.holidays, local_date(moment, self.timezone))

    def describe(self, facts: Facts) -> str:
        """Return such as `it is not 2026-12-20 to 2027-01-06 (Europe/Vienna)`."""
        of, holds = self.dates.moment, self.holds(facts)
        if holds is None:
            missing = moment_of(facts, of) is None
            return UNKNOWN[of] if missing else "the policy lists no holidays of the year, so that this is not known"
        parts = [_period(self.dates.first, self.dates.last)] if self.dates.has_period else []
        if self.dates.holiday is not None:
            parts.append("a holiday" if self.dates.holiday else "a day that is no holiday")
        return f"{IT_IS[of]} {'' if holds else 'not '}{' and '.join(parts)} ({self.timezone})"


def _period(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return f"{last} or earlier" if first is None else f"{first} or later"
    return str(first) if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Calendar:
    """All dates, cut at some of them, with the holidays that policies list, if they list the same ones."""

    edges: tuple[int, ...] = ()
    holidays: Holidays | None = None

    @property
    def size(self) -> int:
        """The number of spans."""
        return len(self.edges) + 1

    @property
    def every(self) -> int:
        """The mask of all spans."""
        return (1 << self.size) - 1

    def span_of(self, day: date) -> int:
        """Return the span of a date."""
        return bisect_right(self.edges, day.toordinal())

    def ends(self, span: int) -> tuple[float, float]:
        """Return the ordinals of the first and the last date of a span; infinite where it has no end."""
        return (self.edges[span - 1] if span else -inf), (self.edges[span] - 1 if span < len(self.edges) else inf)

    def verdicts(self, dates: Dates, holidays: Holidays) -> list[bool | None]:
        """Return whether conditions on the date hold in each span; None where that is not known."""
        return [hold_on(dates, holidays, self._a_date(span)) for span in range(self.size)]

    def _a_date(self, span: int) -> date:
        first, last = self.ends(span)
        return date.fromordinal(int(first if first > -inf else last if last < inf else 1))

    def describe(self, mask: int) -> str:
        """Return such as `from 2026-12-20 to 2027-01-06`, or `on a holiday`; empty for all dates."""
        if mask == self.every:
            return ""
        for phrase, named in self._by_holiday:
            if mask == named:
                return phrase
        runs = [(self.ends(first)[0], self.ends(last)[1]) for first, last in runs_of(base.steps_of(mask))]
        return join_some([_dates(*run) for run in runs], "or")

    @cached_property
    def _by_holiday(self) -> Sequence[tuple[str, int]]:
        """Return the phrases that name holidays, each with its spans."""
        if self.holidays is None or not self.holidays.dates:
            return ()
        answers = [self.holidays.includes(self._a_date(span)) for span in range(self.size)]
        named = {
            answer: base.mask_of(span for span, each in enumerate(answers) if each is answer)
            for answer in (True, False, None)
        }
        phrases = {
            True: "on a holiday",
            False: "on a day that is no holiday",
            None: "in a year without listed holidays",
        }
        pairs = ((True, False), (True, None), (False, None))
        single = [(phrases[answer], mask) for answer, mask in named.items() if mask]
        return single + [
            (join([phrases[one], phrases[two]], "or"), named[one] | named[two])
            for one, two in pairs
            if named[one] and named[two]
        ]


def _dates(first: float, last: float) -> str:
    texts = [str(date.fromordinal(int(each))) if abs(each) < inf else None for each in (first, last)]
    if texts[0] is None or texts[1] is None:
        return f"until {texts[1]}" if texts[0] is None else f"from {texts[0]} on"
    return f"on {texts[0]}" if first == last else f"from {texts[0]} to {texts[1]}"


def calendar_of(read: Iterable[tuple[Dates, Holidays]]) -> Calendar:
    """Return all dates, cut where conditions with these holidays change."""
    edges, listed = set[int](), set[Holidays]()
    for dates, holidays in read:
        edges |= {dates.first.toordinal()} if dates.first is not None else set()
        edges |= {dates.last.toordinal() + 1} if dates.last is not None else set()
        if dates.holiday is not None:
            edges.update(holidays.edges)
            listed.add(holidays)
    return Calendar(tuple(sorted(edges)), listed.pop() if len(listed) == 1 else None)
