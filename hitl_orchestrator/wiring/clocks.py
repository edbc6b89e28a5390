"""The clock of this machine, and checks of a caller's clock."""

from datetime import UTC, datetime

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.services.case_reader import Clock

__all__ = ["in_utc", "now_in_utc"]


def now_in_utc() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def in_utc(clock: Clock) -> Clock:
    """Return a clock that converts the time of another to UTC, and raises `InvalidInput` for a time without a zone."""

    def utc() -> datetime:
        now = clock()
        if now.utcoffset() is None:
            raise InvalidInput([f"clock: {now.isoformat()} has no zone; return a time as datetime.now(UTC) does"])
        return now.astimezone(UTC)

    return utc
