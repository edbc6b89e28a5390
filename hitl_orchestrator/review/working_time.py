"""Working time: whether a reviewer is on duty, and when an amount of working time has passed.

Hours follow the clocks of their zone: a moment is working time if the clock shows a time within the hours, as in the
time windows of policies. Hours that a change of the clocks leaves out are none, and hours that it repeats count twice.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.working_hours import Weekday, WorkingHours, zone_of
from hitl_orchestrator.errors import InvalidInput, install_hint

LONGEST_SPAN = timedelta(days=3653)
"""Ten years, the longest span that is computed."""

_WEEK, _ONE_DAY, _ONE_SECOND = tuple(Weekday), timedelta(days=1), timedelta(seconds=1)


def is_working(hours: WorkingHours, at: datetime) -> bool:
    """Return whether a time lies within the working hours; the end of a shift does not.

    Raises:
        InvalidInput: the public holidays cannot be known.
    """
    return any(begins <= at < ends for begins, ends in _shifts(hours, at, at))


def is_away(reviewer: Reviewer, at: datetime) -> bool:
    """Return whether a reviewer is away. An absence counts in days of their own time zone."""
    hours = reviewer.working_hours
    today = at.astimezone(zone_of(hours.timezone if hours else "UTC")).date()
    return any(absence.first <= today <= absence.last for absence in reviewer.away)


def is_there(reviewer: Reviewer, at: datetime) -> bool:
    """Return whether a reviewer is on duty: working, and not away.

    Raises:
        InvalidInput: the public holidays cannot be known.
    """
    hours = reviewer.working_hours
    return not is_away(reviewer, at) and (hours is None or is_working(hours, at))


def after_working_time(hours: WorkingHours, start: datetime, length: timedelta) -> datetime:
    """Return the UTC time at which this much working time has passed since `start`.

    Raises:
        InvalidInput: it would take more than ten years, or the public holidays cannot be known.
    """
    now, left = start.astimezone(UTC), length
    if left <= timedelta(0):
        return now
    try:
        for begins, ends in _shifts(hours, now, now + LONGEST_SPAN):
            now = max(now, begins)
            if left <= ends - now:
                return now + left
            left -= max(ends - now, timedelta(0))
            now = max(now, ends)
    except OverflowError:
        pass
    raise InvalidInput(
        [f"a deadline after {length} of working time lies more than ten years ahead; correct the working hours"]
    )


def check_holidays(name: str) -> None:
    """Refuse a country or subdivision without known public holidays.

    Raises:
        InvalidInput: with a remedy.
    """
    _free_days(name, 2025)


def _shifts(hours: WorkingHours, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the shifts that may touch this span in order, each with its start and end in UTC."""
    zone = zone_of(hours.timezone)
    day, last = since.astimezone(zone).date() - _ONE_DAY, until.astimezone(zone).date()
    while day <= last:
        if _WEEK[day.weekday()] in hours.days and not _is_free(hours.holidays, day):
            midnight = datetime.combine(day, time(), UTC)
            yield from _moments(zone, *(midnight + timedelta(minutes=minute) for minute in hours.minutes))
        day += _ONE_DAY


def _moments(zone: tzinfo, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans in which the clocks of a zone show a time within two; those are clock times, marked as UTC."""
    for first, last, offset in _offsets(zone, begins - _ONE_DAY, ends + _ONE_DAY):
        start, end = max(first, begins - offset), min(last, ends - offset)
        if start < end:
            yield start, end


def _offsets(zone: tzinfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Yield the spans of constant offset from UTC; the clocks change at most once within a few days."""
    first, last = _offset(zone, since), _offset(zone, until)
    if first == last:
        yield since, until, first
        return
    before, after = since, until
    while after - before > _ONE_SECOND:
        middle = before + (after - before) // _ONE_SECOND // 2 * _ONE_SECOND
        before, after = (middle, after) if _offset(zone, middle) == first else (before, middle)
    yield since, after, first
    yield after, until, last


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _is_free(name: str | None, day: date) -> bool:
    return name is not None and day in _free_days(name, day.year)


@lru_cache(maxsize=1024)
def _free_days(name: str, year: int) -> frozenset[date]:
    try:
        import holidays  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as exc:
        problem = f"holidays: {name!r}: a dependency is missing ({exc}); {install_hint('calendar')}"
        raise InvalidInput([problem]) from exc

    country, _, part = name.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False)
    except (NotImplementedError, ValueError) as exc:
        example = "give a country or a subdivision of ISO 3166, such as AT or DE-BY"
        raise InvalidInput([f"holidays: {name!r}: its public holidays are not known; {example}"]) from exc
    return frozenset(found)
