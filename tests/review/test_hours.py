import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.working_hours import Absence, Weekday, WorkingHours
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review import working_time as module
from hitl_orchestrator.review.working_time import after_working_time, check_holidays, is_there, is_working

VIENNA = ZoneInfo("Europe/Vienna")
OFFICE = WorkingHours(timezone="Europe/Vienna")
NIGHTS = WorkingHours(timezone="Europe/Vienna", begins=time(22), ends=time(6))
ALL_DAYS = tuple(Weekday)

ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CLOCK = st.builds(time, st.integers(0, 23), st.integers(0, 59))
HOURS = (
    st.tuples(CLOCK, CLOCK)
    .filter(lambda pair: (60 * (pair[1].hour - pair[0].hour) + pair[1].minute - pair[0].minute) % 1440 >= 120)
    .flatmap(
        lambda pair: st.builds(
            WorkingHours,
            timezone=ZONES,
            days=st.sets(st.sampled_from(Weekday), min_size=1).map(sorted),
            begins=st.just(pair[0]),
            ends=st.just(pair[1]),
            holidays=st.sampled_from([None, "AT", "US-NY"]),
        )
    )
)
MOMENTS = st.integers(0, 4 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
LENGTHS = st.timedeltas(timedelta(0), timedelta(hours=60))


def vienna(*parts):
    return datetime(*parts, tzinfo=VIENNA)


def a_reviewer(**more):
    return Reviewer(reviewer_id="r01", name="R", roles=["domain_reviewer"], **more)


@pytest.mark.parametrize(
    ("at", "works"),
    [
        (vienna(2025, 3, 3, 8, 59), False),
        (vienna(2025, 3, 3, 9), True),
        (vienna(2025, 3, 3, 16, 59), True),
        (vienna(2025, 3, 3, 17), False),
        (vienna(2025, 3, 8, 12), False),
        (datetime(2025, 3, 3, 8, tzinfo=UTC), True),
        (datetime(2025, 3, 3, 16, tzinfo=UTC), False),
    ],
)
def test_working_time_follows_the_time_zone(at, works):
    assert is_working(OFFICE, at) is works


def test_a_shift_that_ends_before_it_begins_runs_past_midnight():
    friday, saturday, sunday = (vienna(2025, 3, day, 23) for day in (7, 8, 9))

    assert is_working(NIGHTS, friday)
    assert is_working(NIGHTS, vienna(2025, 3, 8, 5))
    assert not is_working(NIGHTS, saturday)
    assert not is_working(NIGHTS, sunday)
    assert not is_working(NIGHTS, vienna(2025, 3, 10, 5))


@pytest.mark.parametrize(
    ("start", "length", "due"),
    [
        (vienna(2025, 3, 3, 10), timedelta(hours=4), vienna(2025, 3, 3, 14)),
        (vienna(2025, 3, 3, 15), timedelta(hours=4), vienna(2025, 3, 4, 11)),
        (vienna(2025, 3, 7, 16), timedelta(hours=2), vienna(2025, 3, 10, 10)),
        (vienna(2025, 3, 8, 12), timedelta(hours=8), vienna(2025, 3, 10, 17)),
        (vienna(2025, 3, 8, 12), timedelta(0), vienna(2025, 3, 8, 12)),
        (vienna(2025, 3, 3, 10), timedelta(hours=40), vienna(2025, 3, 10, 10)),
    ],
)
def test_working_time_passes_only_in_working_hours(start, length, due):
    assert after_working_time(OFFICE, start, length) == due


@pytest.mark.parametrize(
    ("begun", "length"),
    [(vienna(2025, 3, 29, 22), timedelta(hours=7)), (vienna(2025, 10, 25, 22), timedelta(hours=9))],
)
def test_a_daylight_saving_night_is_an_hour_shorter_or_longer(begun, length):
    nights = NIGHTS.model_copy(update={"days": ALL_DAYS})

    assert after_working_time(nights, begun, length) == (begun + timedelta(days=1)).replace(hour=6)


def test_public_holidays_are_not_working_time():
    easter_monday = vienna(2025, 4, 21, 10)

    assert is_working(OFFICE, easter_monday)
    assert not is_working(OFFICE.model_copy(update={"holidays": "AT"}), easter_monday)
    friday = vienna(2025, 4, 18, 16)
    assert after_working_time(OFFICE.model_copy(update={"holidays": "AT"}), friday, timedelta(hours=2)) == vienna(
        2025, 4, 22, 10
    )


def test_a_subdivision_has_holidays_of_its_own():
    epiphany = datetime(2025, 1, 6, 10, tzinfo=UTC)

    assert not is_working(WorkingHours(holidays="DE-BY"), epiphany)
    assert is_working(WorkingHours(holidays="DE"), epiphany)


@pytest.mark.parametrize("name", ["XX", "DE-QQ", "at", "-"])
def test_unknown_holiday_calendars_are_rejected(name):
    with pytest.raises(InvalidInput, match="its public holidays are not known; give a country or a subdivision"):
        check_holidays(name)


def test_the_missing_extra_is_reported_with_its_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    module._free_days.cache_clear()

    with pytest.raises(InvalidInput, match=r"a dependency is missing .*pip install '\.\[calendar\]'"):
        check_holidays("AT")


@pytest.mark.parametrize("start", [datetime(2025, 1, 1, tzinfo=UTC), datetime(9999, 12, 1, tzinfo=UTC)])
def test_a_deadline_beyond_ten_years_is_rejected(start):
    short = WorkingHours(begins=time(9), ends=time(9, 1), days=["monday"])

    with pytest.raises(InvalidInput, match="lies more than ten years ahead"):
        after_working_time(short, start, timedelta(weeks=52))


@given(HOURS, MOMENTS, LENGTHS, LENGTHS)
def test_working_time_adds_up(hours, start, one, other):
    whole = after_working_time(hours, start, one + other)

    assert after_working_time(hours, after_working_time(hours, start, one), other) == whole


@given(HOURS, MOMENTS, MOMENTS, LENGTHS, LENGTHS)
def test_a_later_start_or_a_longer_duration_never_ends_sooner(hours, start, another, length, longer):
    soon, late = sorted((start, another))
    short, long = sorted((length, longer))

    assert after_working_time(hours, soon, short) <= after_working_time(hours, late, short)
    assert start <= after_working_time(hours, start, short) <= after_working_time(hours, start, long)


@given(HOURS, MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(hours=60)))
def test_a_deadline_lies_in_working_time(hours, start, length):
    due = after_working_time(hours, start, length)

    assert is_working(hours, due - timedelta(microseconds=1))
    assert due - start >= length


def test_reviewers_are_available_in_their_hours_unless_absent():
    away = (Absence(first=date(2025, 3, 4), last=date(2025, 3, 5)),)
    someone = a_reviewer(working_hours=OFFICE, away=away)

    assert is_there(someone, vienna(2025, 3, 3, 12))
    assert not is_there(someone, vienna(2025, 3, 3, 20))
    assert not is_there(someone, vienna(2025, 3, 4, 12))
    assert not is_there(someone, vienna(2025, 3, 5, 12))
    assert is_there(someone, vienna(2025, 3, 6, 12))


def test_reviewers_without_hours_are_available_unless_absent():
    away = (Absence(first=date(2025, 3, 4), last=date(2025, 3, 4)),)

    assert is_there(a_reviewer(), datetime(2025, 3, 8, 3, tzinfo=UTC))
    assert not is_there(a_reviewer(away=away), datetime(2025, 3, 4, 23, 59, tzinfo=UTC))
    assert is_there(a_reviewer(away=away), datetime(2025, 3, 5, tzinfo=UTC))


def test_an_absence_covers_days_in_the_reviewers_time_zone():
    someone = a_reviewer(
        working_hours=WorkingHours(timezone="Asia/Tokyo", begins=time(0), ends=time(23), days=ALL_DAYS),
        away=(Absence(first=date(2025, 3, 4), last=date(2025, 3, 4)),),
    )

    assert not is_there(someone, datetime(2025, 3, 3, 15, 30, tzinfo=UTC))
    assert is_there(someone, datetime(2025, 3, 4, 15, 30, tzinfo=UTC))
