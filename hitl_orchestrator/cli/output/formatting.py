"""How values are written for people: nothing hidden, nothing longer than needed. Pure, and quick to import."""

from datetime import datetime

_SECONDS_UP_TO, _HOURS_UP_TO = 2 * 3600, 48 * 3600


def moment(at: datetime) -> str:
    """Write a UTC time to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Write a length of time in the unit that suits it: `31 ms`, `720 s`, `3.4 h`, `12.1 d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _SECONDS_UP_TO:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < _HOURS_UP_TO else f"{seconds / 86400:.1f} d"


def wait(seconds: float) -> str:
    """Write about how long it is until a deadline: `45 s`, `90 min`, `7 h`, `3 d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def confidence(value: float | None) -> str:
    """Write a confidence; a missing one is a dash, never a zero."""
    return "-" if value is None else f"{value:.2f}" if round(value, 2) == value else f"{value:.4f}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write `1 case`, `2 cases`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
