"""Measured lengths of time as people read them: one form for the terminal, reports and pictures."""

from datetime import timedelta

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 31_557_600
_UNITS = (
    (2 * _MINUTE, 1, 0, "s"),
    (2 * _HOUR, _MINUTE, 0, "min"),
    (2 * _DAY, _HOUR, 1, "h"),
    (_YEAR, _DAY, 1, "days"),
    (float("inf"), _YEAR, 1, "years"),
)
"""Below how many seconds a unit is used, its seconds, its decimals, and its name."""

_EXACT_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def duration_text(seconds: float) -> str:
    """Return a length of time, rounded: `31 ms`, `45 s`, `12 min`, `3.4 h`, `12.1 days`, `2 years`.

    A negative length, measured by two clocks, is `0 ms`.
    """
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    size, digits, unit = next(each[1:] for each in _UNITS if seconds < each[0])
    return f"{seconds / size:.{digits}f}".removesuffix(".0") + f" {unit}"


def exact_duration(length: timedelta) -> str:
    """Return a length that was set, exactly and in words: `2 days`, `1 hour 30 minutes`, `0.5 seconds`."""
    left, parts = length, list[str]()
    for unit, size in _EXACT_UNITS:
        number, left = divmod(left, size)
        parts += [f"{number} {unit}{'s' * (number != 1)}"] if number else []
    seconds = left / timedelta(seconds=1)
    parts += [f"{seconds:.10g} second{'s' * (seconds != 1)}"] if seconds or not parts else []
    return " ".join(parts)
