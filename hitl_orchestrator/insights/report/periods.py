"""The period of a report, and the one before it."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hitl_orchestrator.domain.value import FIRST_YEAR, LAST_YEAR
from hitl_orchestrator.errors import InvalidInput, shortened

WEEK = timedelta(days=7)

_EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LENGTH = re.compile(r"(\d{1,5}) ?([hdw])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOURS = {"h": 1, "d": 24, "w": 168}


class Span(NamedTuple):
    """The time from `since`, included, to `until`, excluded; None is open."""

    since: datetime | None = None
    until: datetime | None = None


EVER = Span()
"""All of the time."""


class Comparison(NamedTuple):
    """The two spans whose metrics are compared, and the sentence that says so."""

    before: Span
    after: Span
    sentence: str


def moment_of(text: str, now: datetime, where: str = "since") -> datetime:
    """Return a moment: a day or a time in ISO 8601, or a length before `now`: `2026-10-01`, `12h`, `30d`, `4w`.

    A day, or a time without a zone, is in UTC.

    Raises:
        InvalidInput: the text has another form.
    """
    try:
        if length := _LENGTH.fullmatch(text.strip()):
            moment = now - timedelta(hours=int(length[1]) * _HOURS[length[2]])
        else:
            stated = datetime.fromisoformat(text.strip())
            moment = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            [f"--{where} {shortened(repr(text))}: write a day such as 2026-10-01, a time in ISO 8601, or 30d, 4w, 12h"]
        ) from None
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise InvalidInput([f"--{where} {shortened(repr(text))}: no record is of the year {moment.year}"])
    return moment


def span_of(since: str | None, until: str | None, now: datetime) -> Span:
    """Return the span that two texts state; `until` a day includes that day.

    Raises:
        InvalidInput: a text has another form, or the span ends before it begins.
    """
    begin = None if since is None else moment_of(since, now, "since")
    end = None if until is None else moment_of(until, now, "until")
    if end is not None and until is not None and _DATE.fullmatch(until.strip()):
        end += timedelta(days=1)
    if begin is not None and end is not None and begin >= end:
        raise InvalidInput([f"--since {since} --until {until}: the period is empty; it must begin before it ends"])
    if begin is not None and begin > now:
        raise InvalidInput([f"--since {since}: this lies in the future; it is {now:%Y-%m-%d} now"])
    return Span(begin, end)


def comparison(span: Span, last: datetime | None, now: datetime) -> Comparison | None:
    """Return the spans to compare; None where there is nothing to compare.

    A period with a beginning is compared with the equally long one before it; else the seven days up to
    the last decision, at `last`, are compared with the seven days before them.
    """
    if span.since is not None:
        end = span.until or now
        before = Span(max(span.since - (end - span.since), _EARLIEST), span.since)
        return Comparison(before, span, f"{_days(span.since, end)}, compared with {_days(*before)}")
    if last is None:
        return None
    end = last + timedelta(microseconds=1)
    after, before = Span(end - WEEK, end), Span(end - 2 * WEEK, end - WEEK)
    sentence = f"the 7 days up to the last decision, {_days(*after)}, compared with the 7 days before them"
    return Comparison(before, after, sentence)


def _days(since: datetime | None, until: datetime | None) -> str:
    first, last = f"{since:%Y-%m-%d}", f"{(until or datetime.now(UTC)) - timedelta(microseconds=1):%Y-%m-%d}"
    return first if first == last else f"{first} to {last}"
