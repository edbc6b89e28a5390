"""How people read values: local times, durations in words, confidences, shares, counts. Quick to import."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hitl_orchestrator.domain.shown.numbers import confidence_text, percent

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))


def now() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def local_time(at: datetime) -> str:
    """Write a time in the local zone to the second: `2026-01-31 10:00:00 CET`."""
    local = at.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%Z}"


def local_minute(at: datetime | None) -> str:
    """Write a time in the local zone to the minute: `2026-01-31 10:00 CET`; no time is a dash."""
    if at is None:
        return "-"
    local = at.astimezone()
    return f"{local:%Y-%m-%d %H:%M} {local:%Z}"


def local_clock(at: datetime) -> str:
    """Write the time of day in the local zone: `10:00 CET`."""
    local = at.astimezone()
    return f"{local:%H:%M} {local:%Z}"


def wait(seconds: float) -> str:
    """Write an approximate length of time: `45 s`, `90 min`, `7 h`, `3 d`. A negative one is `0 s`."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def confidence(value: float | None, among: Iterable[float | None] = ()) -> str:
    """Write a confidence like those `among` which it is listed; a missing one is a dash, never a zero."""
    return "-" if value is None else confidence_text(value, among)


def share(part: float, whole: float, digits: int = 0) -> str:
    """Write a part of a whole in percent, rounded: `100 %` are all, `0 %` are none. Of nothing it is a dash."""
    return percent(part / whole, digits) if whole else "-"


def signals(raised: Sequence[str], unreadable: Sequence[str]) -> str:
    """Write the signals, and the fields of the output that could not be read."""
    fields = f" ({', '.join(unreadable)} could not be read)" if unreadable else ""
    return f"{', '.join(raised) or 'none'}{fields}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write `1 case`, `2 cases`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
