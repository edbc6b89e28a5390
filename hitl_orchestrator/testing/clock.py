"""A simulated clock that moves only when a test advances it, and never backward."""

from datetime import UTC, datetime, timedelta

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


class Clock:
    """Simulated time, for `Orchestrator.open("memory://", clock=clock)`.

    A store in memory also uses it for deadlines and claims; other databases use their own clock.
    """

    def __init__(self, now: datetime = MONDAY) -> None:
        """Start at `now`, a time with a zone."""
        self._now = _in_utc(now)

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        return self._now

    def advance(self, by: timedelta = timedelta(0), **parts: float) -> datetime:
        """Advance the clock, such as `advance(hours=2)`, and return the new time.

        Raises:
            ValueError: the new time is earlier.
        """
        return self.advance_to(self._now + by + timedelta(**parts))

    def advance_to(self, at: datetime) -> datetime:
        """Advance the clock to a time, and return it. Raises as `advance`."""
        at = _in_utc(at)
        if at < self._now:
            raise ValueError(f"time does not go back, from {self._now.isoformat()} to {at.isoformat()}")
        self._now = at
        return at


def _in_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no zone; pass a time such as datetime.now(UTC)")
    return at.astimezone(UTC)
