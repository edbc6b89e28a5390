"""The clock of a simulation: it returns the time that was set, in UTC, and never goes back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hitl_orchestrator.testing import Clock

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_the_clock_advances_only_when_moved():
    clock = Clock(NINE)

    assert clock() == clock() == NINE
    assert clock.advance(hours=2, minutes=30) == clock() == NINE + timedelta(hours=2.5)
    assert clock.advance(timedelta(days=1)) == NINE + timedelta(days=1, hours=2.5)


def test_the_clock_returns_utc():
    clock = Clock(datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=1))))

    assert clock() == NINE
    assert clock().utcoffset() == timedelta(0)


def test_the_clock_never_goes_back():
    clock = Clock(NINE)

    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance(seconds=-1)
    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance_to(NINE - timedelta(days=1))
    assert clock() == NINE


def test_a_time_without_a_zone_is_rejected():
    with pytest.raises(ValueError, match="has no zone"):
        Clock(NINE.replace(tzinfo=None))
