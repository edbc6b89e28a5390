"""Times of the week in the time zone of the policy: windows, stretches between two named minutes, and their words."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.working_hours import MINUTES_OF_A_DAY, Weekday, zone_of
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK, Window
from hitl_orchestrator.policies.language.conditions.moments import MomentOf
from hitl_orchestrator.policies.language.phrases import join, join_some, runs_of

_ALL_DAY = " 00:00 to 24:00"
IT_IS = {MomentOf.RECEIVED: "it is", MomentOf.TASK: "the task's own time is"}
"""How a sentence about a moment begins."""

UNKNOWN = {MomentOf.RECEIVED: "the time is not known", MomentOf.TASK: "the task states no time"}
"""The sentence about a missing moment."""


def moment_of(facts: Facts, of: MomentOf) -> datetime | None:
    """Return one of the two moments of a case; None if it is not known."""
    return facts.received if of is MomentOf.RECEIVED else facts.moment


def minute_of_the_week(moment: datetime, timezone: str) -> int:
    """Return the minutes since Monday 00:00 in a time zone."""
    local = moment.astimezone(zone_of(timezone))
    return local.weekday() * MINUTES_OF_A_DAY + local.hour * 60 + local.minute


@dataclass(frozen=True)
class During:
    """A moment of the case lies in a window of the week."""

    window: Window
    timezone: str

    @cached_property
    def _open(self) -> tuple[tuple[int, int], ...]:
        return self.window.minutes

    def holds(self, facts: Facts) -> bool | None:
        moment = moment_of(facts, self.window.moment)
        if moment is None:
            return None
        minute = minute_of_the_week(moment, self.timezone)
        return any(begins <= minute < ends for begins, ends in self._open)

    def describe(self, facts: Facts) -> str:
        """Return such as `it is not saturday or sunday, 09:00 to 17:00 (UTC)`."""
        of, holds = self.window.moment, self.holds(facts)
        if holds is None:
            return UNKNOWN[of]
        days = join(self.window.days, "or") if self.window.days else "any day"
        hours = f"{self.window.begins} to {self.window.ends} ({self.timezone})"
        return f"{IT_IS[of]} {'' if holds else 'not '}{days}, {hours}"


@dataclass(frozen=True)
class Week:
    """The week, cut at some minutes since Monday 00:00, of which 0 is the first."""

    edges: tuple[int, ...] = (0,)

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """The begin and the exclusive end of each stretch."""
        return tuple(zip(self.edges, (*self.edges[1:], MINUTES_OF_A_WEEK), strict=True))

    @property
    def every(self) -> int:
        """The mask of all stretches."""
        return (1 << len(self.edges)) - 1

    def place_of(self, minute: int) -> int:
        """Return the stretch of a minute."""
        return bisect_right(self.edges, minute) - 1

    def within(self, window: Window) -> int:
        """Return the mask of the stretches within a window."""
        return base.mask_of(
            place
            for place, edge in enumerate(self.edges)
            if any(begins <= edge < ends for begins, ends in window.minutes)
        )

    def describe(self, mask: int) -> str:
        """Return such as `on monday to friday 09:00 to 17:00`, or what is left out where that is shorter."""
        within, outside = self._hours(mask), self._hours(self.every & ~mask)
        return f"outside {outside}" if outside and len(outside) + 10 < len(within) else f"on {within}"

    def _hours(self, mask: int) -> str:
        """Describe stretches of the week; days with the same hours are joined."""
        stretches = self.stretches
        spans = [(stretches[first][0], stretches[last][1]) for first, last in runs_of(base.steps_of(mask))]
        by_day = [_of_day(spans, day * MINUTES_OF_A_DAY) for day in range(len(Weekday))]
        phrases = []
        for hours in dict.fromkeys(hours for hours in by_day if hours):
            days = [day for day, its_hours in enumerate(by_day) if its_hours == hours]
            phrases.append(f"{_days(days)}{hours if hours != _ALL_DAY else ''}")
        return join(phrases, "or") if phrases else ""


def week_of(windows: Iterable[Window]) -> Week:
    """Return the week, cut where one of these windows begins or ends."""
    edges = {edge % MINUTES_OF_A_WEEK for window in windows for stretch in window.minutes for edge in stretch}
    return Week(tuple(sorted(edges | {0})))


def _of_day(spans: Iterable[tuple[int, int]], day: int) -> str:
    ends = day + MINUTES_OF_A_DAY
    hours = [(max(begin, day) - day, min(end, ends) - day) for begin, end in spans]
    phrases = [f"{_clock(begin)} to {_clock(end)}" for begin, end in hours if begin < end]
    return f" {join_some(phrases, 'and')}" if phrases else ""


def _days(days: Sequence[int]) -> str:
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
