"""The clock of this machine, and checks of a caller's clock."""

from datetime import UTC, datetime

from hitl_orchestrator.domain.value import FIRST_YEAR
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.services.case_reader import Clock

__all__ = ["current_time", "in_utc", "now_in_utc"]

LAST_YEAR_OF_A_CLOCK = 2999


def now_in_utc() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def in_utc(clock: Clock) -> Clock:
    """Return a clock that converts the time of another to UTC.

    It raises `InvalidInput` for a time without a zone, and for one that no right clock shows: entries with such a time
    could not be put in order with others, and deadlines after it would not exist.
    """
    if not callable(clock):
        raise InvalidInput([f"clock: {shortened(repr(clock))} is not a function that returns the time"])

    def utc() -> datetime:
        now = clock()
        if not isinstance(now, datetime):
            raise InvalidInput([f"clock: {shortened(repr(now))} is no time; return a time as datetime.now(UTC) does"])
        if now.utcoffset() is None:
            raise InvalidInput([f"clock: {now.isoformat()} has no zone; return a time as datetime.now(UTC) does"])
        if not FIRST_YEAR <= now.year <= LAST_YEAR_OF_A_CLOCK:
            years = f"the years {FIRST_YEAR} to {LAST_YEAR_OF_A_CLOCK}"
            raise InvalidInput([f"clock: {now.isoformat()} lies outside of {years}; set it to the actual time"])
        return now.astimezone(UTC)

    return utc


current_time = in_utc(now_in_utc)
"""The time of this machine's clock, in UTC. Raises `InvalidInput` if no right clock shows it."""
