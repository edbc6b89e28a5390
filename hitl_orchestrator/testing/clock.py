"""A clock that stands still until it is moved, and never goes back."""

from datetime import UTC, datetime, timedelta

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


class Clock:
    """Simulated time, for `Orchestrator.open("memory://", clock=clock)`.

    A store in memory judges deadlines and claims by it too; a database has a clock of its own.
    """

    def __init__(self, now: datetime = MONDAY) -> None:
        """Begin at `now`, a time with a zone."""
        self._now = _in_utc(now)

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        return self._now

    def advance(self, by: timedelta = timedelta(0), **parts: float) -> datetime:
        """Let time pass, such as `advance(hours=2)`, and return the time then.

        Raises:
            ValueError: it would go back.
        """
        return self.advance_to(self._now + by + timedelta(**parts))

    def advance_to(self, at: datetime) -> datetime:
        """Let time pass until then, and return it. Raises as `advance`."""
        at = _in_utc(at)
        if at < self._now:
            raise ValueError(f"time does not go back, from {self._now.isoformat()} to {at.isoformat()}")
        self._now = at
        return at


def _in_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no zone; say the time as datetime.now(UTC) does")
    return at.astimezone(UTC)
