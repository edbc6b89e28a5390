"""The axis of a moment of the case: dates and times of the week together, so that every step has real moments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from math import inf
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.working_hours import MINUTES_OF_A_DAY, zone_of
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.moment.dates import Calendar, Holidays, OnDates, calendar_of, local_date
from hitl_orchestrator.policies.engine.axes.moment.week import During, Week, minute_of_the_week, moment_of, week_of
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK, Conditions, Window
from hitl_orchestrator.policies.language.conditions.moments import Dates, MomentOf
from hitl_orchestrator.policies.language.phrases import join

_A_MONDAY = date(2025, 1, 6).toordinal()
_DAYS_TRIED = 14
"""Every time of the week occurs twice within as many days: the change of a clock omits it at most once."""

_SOURCES = {MomentOf.RECEIVED: "received", MomentOf.TASK: "moment"}
_NAMES = {MomentOf.RECEIVED: "time", MomentOf.TASK: "time.task"}


@dataclass(frozen=True)
class MomentAxis(base.Axis):
    """No known time, then a step for each time of the week in each span of dates, if such a moment exists."""

    of: MomentOf
    timezone: str
    week: Week
    calendar: Calendar
    missing: int = 0b1
    phrase_order: int = 5

    @property
    def name(self) -> str:
        return _NAMES[self.of]

    @property
    def source(self) -> str:
        return _SOURCES[self.of]

    @property
    def size(self) -> int:
        return len(self._pairs) + 1

    @cached_property
    def _moments(self) -> dict[tuple[int, int], datetime]:
        """A moment for each pair of a span of dates and a stretch of the week that has one."""
        pairs = ((span, place) for span in range(self.calendar.size) for place in range(len(self.week.edges)))
        found = ((pair, self._moment(*pair)) for pair in pairs)
        return {pair: moment for pair, moment in found if moment is not None}

    @cached_property
    def _pairs(self) -> tuple[tuple[int, int], ...]:
        return tuple(self._moments)

    @cached_property
    def _steps(self) -> dict[tuple[int, int], int]:
        return {pair: step for step, pair in enumerate(self._pairs, start=1)}

    @property
    def _known(self) -> int:
        return (1 << self.size) - 1 & ~self.missing

    def _moment(self, span: int, place: int) -> datetime | None:
        """Return the first moment near the end of a span of dates in a stretch of the week; None if there is none."""
        first, last = self.calendar.ends(span)
        if (first, last) == (-inf, inf):
            first = _A_MONDAY
        day = int(first if first > -inf else last - _DAYS_TRIED + 1)
        begins, ends = self.week.stretches[place]
        for ordinal in range(day, int(min(last, day + _DAYS_TRIED - 1)) + 1):
            midnight = date.fromordinal(ordinal).weekday() * MINUTES_OF_A_DAY
            for minute in range(max(begins, midnight), min(ends, midnight + MINUTES_OF_A_DAY)):
                moment = _if_it_exists(ordinal, minute - midnight, self.timezone)
                if moment is not None:
                    return moment
        return None

    def locate(self, facts: Facts) -> int:
        moment = moment_of(facts, self.of)
        return 0 if moment is None else self._steps[self._pair_of(moment)]

    def _pair_of(self, moment: datetime) -> tuple[int, int]:
        minute = minute_of_the_week(moment, self.timezone)
        return self.calendar.span_of(local_date(moment, self.timezone)), self.week.place_of(minute)

    def place(self, facts: Facts, step: int) -> Facts:
        changed: dict[str, Any] = {self.source: None if step == 0 else self._moments[self._pairs[step - 1]]}
        return replace(facts, **changed)

    def beside(self, facts: Facts, step: int, neighbor: int) -> Facts:
        placed = self.place(facts, step)
        moment = moment_of(placed, self.of)
        if moment is None or neighbor < step:
            return placed
        _, ends = self.week.stretches[self._pairs[step - 1][1]]
        local = moment.astimezone(zone_of(self.timezone))
        begin = local.hour * 60 + local.minute
        last = _if_it_exists(
            local.toordinal(), begin + ends - 1 - minute_of_the_week(moment, self.timezone), self.timezone
        )
        changed: dict[str, Any] = {self.source: last}
        fits = last is not None and self._steps.get(self._pair_of(last)) == step
        return replace(facts, **changed) if fits else placed

    def problem(self, facts: Facts) -> str | None:
        moment = moment_of(facts, self.of)
        if moment is None or (isinstance(moment, datetime) and moment.utcoffset() is not None):
            return None
        return f"facts: {self.source}: {moment!r} is not a time with its zone"

    def reads(self, conditions: Conditions) -> bool:
        parts = (conditions.time, conditions.date)
        return any(part is not None and part.moment is self.of for part in parts)

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return where the window and the dates hold, and where one of them fails; without a time neither is known."""
        (conditions, policy), holds, fails = reading, 0, 0
        window = conditions.time if conditions.time is not None and conditions.time.moment is self.of else None
        dates = conditions.date if conditions.date is not None and conditions.date.moment is self.of else None
        open_places = self.week.every if window is None else self.week.within(window)
        by_span = [True] * self.calendar.size if dates is None else self.calendar.verdicts(dates, holidays_of(policy))
        for step, (span, place) in enumerate(self._pairs, start=1):
            is_open = bool(open_places >> place & 1)
            holds |= (is_open and by_span[span] is True) << step
            fails |= (not is_open or by_span[span] is False) << step
        return base.Steps(holds, fails)

    def describe(self, mask: int) -> str:
        """Return such as `on monday to friday 09:00 to 17:00 (Europe/Vienna) or at no known time`."""
        known, phrases = mask & self._known, list[str]()
        if known:
            phrases.append("at a known time" if known == self._known else self._within(known))
        phrase = join([*phrases, *(["at no known time"] if mask & self.missing else [])], "or")
        return phrase if self.of is MomentOf.RECEIVED else f"with a task dated {phrase}"

    def _within(self, mask: int) -> str:
        zone = "" if self.timezone == "UTC" else f" ({self.timezone})"
        return "; or ".join(self._product(*group) for group in self._groups(mask)) + zone

    def _product(self, places: int, spans: int) -> str:
        week = "" if places == self.week.every else self.week.describe(places)
        return " ".join(filter(None, (self.calendar.describe(spans), week)))

    def _groups(self, mask: int) -> Iterator[tuple[int, int]]:
        """Yield times of the week and spans of dates, as masks, whose combinations are these steps."""
        wanted, possible = [0] * self.calendar.size, [0] * self.calendar.size
        for step, (span, place) in enumerate(self._pairs, start=1):
            possible[span] |= 1 << place
            wanted[span] |= (mask >> step & 1) << place
        left = base.mask_of(span for span, places in enumerate(wanted) if places)
        while left:
            # The span with the most times of the week names the group; a single day has few and joins a longer span.
            chosen = max(base.steps_of(left), key=lambda span: possible[span].bit_count())
            places = wanted[chosen] if wanted[chosen] != possible[chosen] else self.week.every
            spans = base.mask_of(span for span in base.steps_of(left) if places & possible[span] == wanted[span])
            # A span without such a time of the week changes nothing; it is named where that saves words.
            wider = spans | base.mask_of(span for span, each in enumerate(possible) if not places & each)
            spans = min(spans, wider, key=lambda mask: len(self.calendar.describe(mask)))
            yield places, spans
            left &= ~spans

    def suppose(self, here: int, mask: int) -> str:
        """Return the same phrase, which states a change as it is."""
        return self.describe(mask)

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        """Return the minutes to the time of the week on these dates, or the days to other dates, in minutes."""
        if step == 0:
            return base.MISSING, 0, 0
        moment = moment_of(facts, self.of)
        if moment is None:
            return base.SAME_KIND, step, 0
        span, place = self._pairs[step - 1]
        first, last = self.calendar.ends(span)
        days = base.gap(local_date(moment, self.timezone).toordinal(), first, last)
        now, (begins, ends) = minute_of_the_week(moment, self.timezone), self.week.stretches[place]
        within = begins <= now < ends
        minutes = 0 if within else min((begins - now) % MINUTES_OF_A_WEEK, (now - ends + 1) % MINUTES_OF_A_WEEK)
        return base.SAME_KIND, days * MINUTES_OF_A_DAY + minutes, 0

    def ordered(self, step: int) -> range:
        if step == 0:
            return range(1)
        spans = [span for span, _ in self._pairs]
        first = spans.index(spans[step - 1])
        return range(first + 1, first + 1 + spans.count(spans[step - 1]))

    def column(self, pl: Any) -> Any:
        local = pl.col(self.source).dt.convert_time_zone(self.timezone)
        days, hours, minutes = (getattr(local.dt, part)().cast(pl.Int32) for part in ("weekday", "hour", "minute"))
        minute = (days - 1) * MINUTES_OF_A_DAY + hours * 60 + minutes
        place = base.bounds_reached(pl, minute, self.week.edges[1:])
        epoch = date(1970, 1, 1).toordinal()
        ordinal = local.dt.date().cast(pl.Int32) + epoch
        span = base.bounds_reached(pl, ordinal, self.calendar.edges) if self.calendar.edges else pl.lit(0)
        width = len(self.week.edges)
        steps = {span * width + place: step for (span, place), step in self._steps.items()}
        found = (span * width + place).replace_strict(steps, default=0, return_dtype=pl.UInt32)
        return pl.when(pl.col(self.source).is_null()).then(0).otherwise(found)


def holidays_of(policy: Any) -> Holidays:
    """Return the holidays of a policy."""
    return Holidays(policy.holidays)


def _if_it_exists(ordinal: int, minute: int, timezone: str) -> datetime | None:
    """Return a moment by the clocks of a time zone; None where the change of the clocks omits it."""
    local = datetime.fromordinal(ordinal) + timedelta(minutes=minute)
    moment = local.replace(tzinfo=zone_of(timezone)).astimezone(UTC)
    return moment if moment.astimezone(zone_of(timezone)).replace(tzinfo=None) == local else None


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    conditions, policy = reading
    if conditions.time is not None:
        yield During(conditions.time, policy.timezone)
    if conditions.date is not None:
        yield OnDates(conditions.date, policy.timezone, holidays_of(policy))


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    for of in MomentOf:
        read = [
            (each, policy)
            for conditions, policy in readings
            for each in (conditions.time, conditions.date)
            if each is not None and each.moment is of
        ]
        zones = sorted({policy.timezone for _, policy in read})
        if len(zones) > 1:
            raise InvalidInput([f"time windows in different time zones cannot be compared: {join(zones, 'and')}"])
        if zones:
            windows = [each for each, _ in read if isinstance(each, Window)]
            dates = [(each, holidays_of(policy)) for each, policy in read if isinstance(each, Dates)]
            yield MomentAxis(of, zones[0], week_of(windows), calendar_of(dates))


TIME = base.Kind(_conditions, _axes)
