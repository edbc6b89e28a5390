"""The time of the week at which a task was made, in the time zone of the policy."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.working_hours import MINUTES_OF_A_DAY, Weekday, zone_of
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK, Conditions, Window
from hitl_orchestrator.policies.language.phrases import join, join_some, runs_of

_A_MONDAY = datetime(2025, 1, 6)  # noqa: DTZ001 - the zone is that of the axis
_ALL_DAY = " 00:00 to 24:00"


def minute_of_the_week(moment: datetime, timezone: str) -> int:
    """Return the minutes since Monday 00:00 in a time zone."""
    local = moment.astimezone(zone_of(timezone))
    return local.weekday() * MINUTES_OF_A_DAY + local.hour * 60 + local.minute


@dataclass(frozen=True)
class During:
    """The timestamp of the task lies in a window of the week."""

    window: Window
    timezone: str

    @cached_property
    def _open(self) -> tuple[tuple[int, int], ...]:
        return self.window.minutes

    def holds(self, facts: Facts) -> bool | None:
        if facts.moment is None:
            return None
        minute = minute_of_the_week(facts.moment, self.timezone)
        return any(begins <= minute < ends for begins, ends in self._open)

    def describe(self, facts: Facts) -> str:
        """Return such as `it is not saturday or sunday, 09:00 to 17:00 (UTC)`."""
        holds = self.holds(facts)
        if holds is None:
            return "the time of the task is not known"
        days = join(self.window.days, "or") if self.window.days else "any day"
        return f"it is {'' if holds else 'not '}{days}, {self.window.begins} to {self.window.ends} ({self.timezone})"


@dataclass(frozen=True)
class TimeAxis(base.Axis):
    """No known time, then one step for each stretch of the week between two named minutes, from Monday 00:00."""

    timezone: str
    edges: tuple[int, ...]
    name: str = "time"
    missing: int = 0b1
    phrase_order: int = 5
    source: str = "moment"

    @property
    def size(self) -> int:
        return len(self.edges) + 1

    def locate(self, facts: Facts) -> int:
        return 0 if facts.moment is None else bisect_right(self.edges, minute_of_the_week(facts.moment, self.timezone))

    def place(self, facts: Facts, step: int) -> Facts:
        if step == 0:
            return replace(facts, moment=None)
        local = _A_MONDAY + timedelta(minutes=self.edges[step - 1])
        return replace(facts, moment=local.replace(tzinfo=zone_of(self.timezone)).astimezone(UTC))

    def beside(self, facts: Facts, step: int, neighbor: int) -> Facts:
        placed = self.place(facts, step)
        if neighbor < step or placed.moment is None:
            return placed
        ends = (*self.edges[1:], MINUTES_OF_A_WEEK)[step - 1]
        local = _A_MONDAY + timedelta(minutes=ends - 1)
        return replace(placed, moment=local.replace(tzinfo=zone_of(self.timezone)).astimezone(UTC))

    def problem(self, facts: Facts) -> str | None:
        moment = facts.moment
        if moment is None or (isinstance(moment, datetime) and moment.utcoffset() is not None):
            return None
        return f"facts: moment: {moment!r} is not a time with its zone"

    def reads(self, conditions: Conditions) -> bool:
        return conditions.time is not None

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return the stretches within the window, and those outside it; without a time neither is known."""
        stretches = () if reading[0].time is None else reading[0].time.minutes
        holds = base.mask_of(
            step
            for step, edge in enumerate(self.edges, start=1)
            if any(begins <= edge < ends for begins, ends in stretches)
        )
        return base.Steps(holds, self._known & ~holds)

    @property
    def _known(self) -> int:
        return (1 << self.size) - 1 & ~self.missing

    def describe(self, mask: int) -> str:
        """Return such as `on monday to friday 09:00 to 17:00 (Europe/Vienna) or at no known time`."""
        stretches, phrases = mask & self._known, list[str]()
        if stretches:
            phrases.append("at a known time" if stretches == self._known else self._week(stretches))
        return join([*phrases, *(["at no known time"] if mask & self.missing else [])], "or")

    def _week(self, mask: int) -> str:
        """Describe stretches of the week, or the stretches left out where that is shorter."""
        zone = "" if self.timezone == "UTC" else f" ({self.timezone})"
        within, outside = self._hours(mask), self._hours(self._known & ~mask)
        return f"outside {outside}{zone}" if len(outside) + 10 < len(within) else f"on {within}{zone}"

    def _hours(self, mask: int) -> str:
        """Describe stretches of the week; days with the same hours are joined."""
        ends = (*self.edges[1:], MINUTES_OF_A_WEEK)
        spans = [(self.edges[first - 1], ends[last - 1]) for first, last in runs_of(base.steps_of(mask))]
        by_day = [_of_day(spans, day * MINUTES_OF_A_DAY) for day in range(len(Weekday))]
        phrases = []
        for hours in dict.fromkeys(hours for hours in by_day if hours):
            days = [day for day, its_hours in enumerate(by_day) if its_hours == hours]
            phrases.append(f"{_days(days)}{hours if hours != _ALL_DAY else ''}")
        return join(phrases, "or")

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        if step == 0:
            return base.MISSING, 0, 0
        if facts.moment is None:
            return base.SAME_KIND, step, 0
        now = minute_of_the_week(facts.moment, self.timezone)
        first, last = self.edges[step - 1], (*self.edges, MINUTES_OF_A_WEEK)[step] - 1
        if first <= now <= last:
            return base.SAME_KIND, 0, 0
        return base.SAME_KIND, min((first - now) % MINUTES_OF_A_WEEK, (now - last) % MINUTES_OF_A_WEEK), 0

    def ordered(self, step: int) -> range:
        return range(1, self.size) if step else range(1)

    def column(self, pl: Any) -> Any:
        local = pl.col(self.source).dt.convert_time_zone(self.timezone)
        days, hours, minutes = (getattr(local.dt, part)().cast(pl.Int32) for part in ("weekday", "hour", "minute"))
        minute = (days - 1) * MINUTES_OF_A_DAY + hours * 60 + minutes
        return base.bounds_reached(pl, minute, self.edges).fill_null(0)


def _of_day(spans: Iterable[tuple[int, int]], day: int) -> str:
    ends = day + MINUTES_OF_A_DAY
    hours = [(max(begin, day) - day, min(end, ends) - day) for begin, end in spans]
    phrases = [f"{_clock(begin)} to {_clock(end)}" for begin, end in hours if begin < end]
    return f" {join_some(phrases, 'and')}" if phrases else ""


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


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    conditions, policy = reading
    if conditions.time is not None:
        yield During(conditions.time, policy.timezone)


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    windows = [(policy.timezone, conditions.time) for conditions, policy in readings if conditions.time is not None]
    zones = sorted({zone for zone, _ in windows})
    if len(zones) > 1:
        raise InvalidInput([f"time windows in different time zones cannot be compared: {join(zones, 'and')}"])
    edges = {edge % MINUTES_OF_A_WEEK for _, window in windows for stretch in window.minutes for edge in stretch}
    if zones:
        yield TimeAxis(zones[0], tuple(sorted(edges | {0})))


TIME = base.Kind(_conditions, _axes)
