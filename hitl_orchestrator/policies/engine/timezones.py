"""What time it can be on the clocks of several time zones at once: only what some real moment has. Pure.

Real are the moments of the years 2000 to 2049, with all the summer times that are known of them. What the time is in
one zone says much of what it is in another, and so all zones together are one fact, with a step for each combination.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.predicates import minute_of_the_week
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK

Stretches: TypeAlias = tuple[int, ...]
"""Which stretch of the week it is in each zone, by its place."""

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
_PREFERRED = datetime(2025, 1, 6, tzinfo=UTC)
"""An example is of the week from this day on, if it can be."""

_A_WEEK, _A_MINUTE = timedelta(weeks=1), timedelta(minutes=1)
_LOOKED_AT_EVERY = timedelta(days=3)


@dataclass(frozen=True)
class TimesAxis:
    """The time of the week on the clocks of several time zones: not known, or stretches between named minutes.

    `edges` are those of each zone, as in `TimeAxis`.
    """

    timezones: tuple[str, ...]
    edges: tuple[tuple[int, ...], ...]
    name: str = "time"

    @property
    def size(self) -> int:
        """One for each combination of stretches that comes, and one for no time at all."""
        return len(self.combinations) + 1

    @cached_property
    def combinations(self) -> tuple[Stretches, ...]:
        """The combinations that come, in order: the first is that of step 1."""
        return tuple(_real(self.timezones, self.edges))

    def locate(self, facts: Facts) -> int:
        """Return the step; at a moment of other years with other summer times, perhaps one beyond the last."""
        if facts.moment is None:
            return 0
        minutes = [minute_of_the_week(facts.moment, zone) for zone in self.timezones]
        return self._steps.get(_stretches(minutes, self.edges), self.size)

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts at a real moment of this combination."""
        real = _real(self.timezones, self.edges)
        return replace(facts, moment=real[self.combinations[step - 1]] if step else None)

    def opened(self, timezone: str) -> Iterator[tuple[int, int]]:
        """Yield each step with a known time, and the minute at which its stretch begins in this zone."""
        place = self.timezones.index(timezone)
        for step, combination in enumerate(self.combinations, start=1):
            yield step, self.edges[place][combination[place]]

    def within(self, allowed: Sequence[int]) -> int:
        """Return the steps whose stretches are all among these, given as a bit mask for each zone."""
        return sum(
            1 << step
            for step, combination in enumerate(self.combinations, start=1)
            if all(mask >> place & 1 for mask, place in zip(allowed, combination, strict=True))
        )

    def stretches_of(self, mask: int) -> list[int]:
        """Return which stretches some steps have, as a bit mask for each zone."""
        found = [0] * len(self.timezones)
        for step, combination in enumerate(self.combinations, start=1):
            if mask >> step & 1:
                found = [known | 1 << place for known, place in zip(found, combination, strict=True)]
        return found

    @cached_property
    def _steps(self) -> dict[Stretches, int]:
        return {combination: step for step, combination in enumerate(self.combinations, start=1)}


def rectangles(axis: TimesAxis, mask: int) -> Iterator[tuple[int, ...]]:
    """Yield stretches for each zone, as bit masks, that together are just some steps; few, and as wide as can be."""
    full = [(1 << len(named)) - 1 for named in axis.edges]
    left = mask
    while left:
        wanted = tuple(axis.stretches_of(left))
        if axis.within(wanted) & ~mask:
            wanted = _largest(axis, mask, left)
        for place, everything in enumerate(full):
            freed = (*wanted[:place], everything, *wanted[place + 1 :])
            wanted = wanted if axis.within(freed) & ~mask else freed
        yield wanted
        left &= ~axis.within(wanted)


def widened(axis: TimesAxis, mask: int, wanted: Sequence[int], place: int) -> tuple[int, ...]:
    """Return the same with all stretches of one zone that make no difference, since they never meet the others."""
    found = list(wanted)
    for stretch in range(len(axis.edges[place])):
        more = [*found[:place], found[place] | 1 << stretch, *found[place + 1 :]]
        found = found if axis.within(more) & ~mask else more
    return tuple(found)


def _largest(axis: TimesAxis, mask: int, left: int) -> tuple[int, ...]:
    """Return the first of some steps with all that can be joined to it."""
    wanted = tuple(axis.stretches_of(left & -left))
    for place in range(len(axis.timezones)):
        wanted = widened(axis, mask, wanted, place)
    return wanted


def _stretches(minutes: Sequence[int], edges: Sequence[Sequence[int]]) -> Stretches:
    return tuple(bisect_right(named, minute) - 1 for minute, named in zip(minutes, edges, strict=True))


@lru_cache(maxsize=64)
def _real(timezones: tuple[str, ...], edges: tuple[tuple[int, ...], ...]) -> dict[Stretches, datetime]:
    """Return every combination that comes, with a moment at which it does."""
    found: dict[Stretches, datetime] = {}
    for begins, ends in _weeks(timezones):
        local = [minute_of_the_week(begins, zone) for zone in timezones]
        lasts = (ends - begins) // _A_MINUTE
        # Nothing changes but where a stretch begins in some zone.
        ahead = {0} | {
            (edge - now) % MINUTES_OF_A_WEEK for now, named in zip(local, edges, strict=True) for edge in named
        }
        for minutes in sorted(one for one in ahead if one < lasts):
            then = [(now + minutes) % MINUTES_OF_A_WEEK for now in local]
            found.setdefault(_stretches(then, edges), begins + minutes * _A_MINUTE)
    return dict(sorted(found.items()))


def _weeks(timezones: tuple[str, ...]) -> Iterator[tuple[datetime, datetime]]:
    """Yield a week, or as much as there is, for each way in which the clocks of these zones ever stood apart."""
    turns = sorted({_FIRST, _PREFERRED, _LAST}.union(*(_turns(zone) for zone in timezones)))
    later = [span for span in pairwise(turns) if span[0] >= _PREFERRED]
    earlier = [span for span in pairwise(turns) if span[0] < _PREFERRED]
    whole: set[tuple[timedelta, ...]] = set()
    for begins, ends in [*later, *reversed(earlier)]:
        apart = tuple(_offset(begins, zone) for zone in timezones)
        if apart not in whole:
            yield begins, min(ends, begins + _A_WEEK)
        if ends - begins >= _A_WEEK:
            whole.add(apart)


@lru_cache(maxsize=64)
def _turns(timezone: str) -> tuple[datetime, ...]:
    """Return the moments at which the clocks of a zone are put forward or back."""
    found, begins = [], _FIRST
    while begins < _LAST:
        ends = min(begins + _LOOKED_AT_EVERY, _LAST)
        if _offset(begins, timezone) != _offset(ends, timezone):
            before, after = begins, ends
            while after - before > _A_MINUTE:
                middle = before + (after - before) // _A_MINUTE // 2 * _A_MINUTE
                still = _offset(middle, timezone) == _offset(begins, timezone)
                before, after = (middle, after) if still else (before, middle)
            found.append(after)
        begins = ends
    return tuple(found)


def _offset(moment: datetime, timezone: str) -> timedelta:
    return moment.astimezone(ZoneInfo(timezone)).utcoffset() or timedelta(0)
