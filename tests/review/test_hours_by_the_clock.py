"""Working hours follow the clocks of their zone, as the time windows of policies do, on days of a clock change too."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.working_hours import Weekday, WorkingHours
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes.moment.week import minute_of_the_week
from hitl_orchestrator.policies.language.conditions import Window
from hitl_orchestrator.review.people import read_people
from hitl_orchestrator.review.working_time import after_working_time, is_working

VIENNA = ZoneInfo("Europe/Vienna")
CHANGES = {  # the clocks of these zones change on these days
    "Europe/Vienna": (date(2025, 3, 30), date(2025, 10, 26)),
    "America/New_York": (date(2025, 3, 9), date(2025, 11, 2)),
    "Australia/Lord_Howe": (date(2025, 4, 6), date(2025, 10, 5)),
    "America/Havana": (date(2025, 3, 9), date(2025, 11, 2)),
    "Asia/Beirut": (date(2025, 3, 30), date(2025, 10, 26)),
    "Asia/Kathmandu": (date(2025, 1, 6),),
}
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


def sundays(begins, ends, **more):
    return WorkingHours(timezone="Europe/Vienna", days=["sunday"], begins=begins, ends=ends, **more)


def vienna(*parts, fold=0):
    return datetime(*parts, tzinfo=VIENNA, fold=fold)


def test_a_shift_whose_start_is_left_out_begins_at_the_first_moment_after_it():
    hours = sundays("02:30", "03:15")

    assert is_working(hours, vienna(2025, 3, 30, 3, 5))
    assert after_working_time(hours, vienna(2025, 3, 29, 12), timedelta(minutes=10)) == vienna(2025, 3, 30, 3, 10)


def test_hours_that_do_not_exist_on_a_day_are_none():
    hours = sundays("02:15", "02:45")

    assert not is_working(hours, vienna(2025, 3, 30, 3, 20))
    assert after_working_time(hours, vienna(2025, 3, 29, 12), timedelta(minutes=30)) == vienna(2025, 4, 6, 2, 45)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_the_clocks_show_twice_is_within_the_hours_twice(fold):
    assert is_working(sundays("01:30", "02:30"), vienna(2025, 10, 26, 2, 20, fold=fold))
    assert not is_working(sundays("01:30", "02:30"), vienna(2025, 10, 26, 2, 40, fold=fold))


@given(st.data(), CLOCK, CLOCK, st.sets(st.sampled_from(Weekday), min_size=1), st.integers(0, 3 * 24 * 60 - 1))
def test_working_hours_and_time_windows_agree_on_every_minute_around_a_clock_change(data, begins, ends, days, minute):
    assume(begins != ends)
    zone = data.draw(st.sampled_from(sorted(CHANGES)))
    change = data.draw(st.sampled_from(CHANGES[zone]))
    at = datetime.combine(change - timedelta(days=1), time(), UTC) + timedelta(minutes=minute)
    hours = WorkingHours(timezone=zone, days=sorted(days), begins=begins, ends=ends)
    window = Window(days=sorted(days), begins=begins, ends=ends)

    inside = any(start <= minute_of_the_week(at, zone) < end for start, end in window.minutes)

    assert is_working(hours, at) is inside


@given(st.sampled_from(sorted(CHANGES)), CLOCK, CLOCK, st.data())
def test_a_deadline_counts_exactly_the_minutes_that_are_working_time(zone, begins, ends, data):
    start = datetime.combine(data.draw(st.sampled_from(CHANGES[zone])) - timedelta(days=1), time(), UTC)
    hours = WorkingHours(timezone=zone, days=list(Weekday), begins=begins, ends=ends)
    minutes = data.draw(st.integers(1, 3 * 60))

    due = after_working_time(hours, start, timedelta(minutes=minutes))

    passed = int((due - start) / timedelta(minutes=1))
    assert sum(is_working(hours, start + timedelta(minutes=minute)) for minute in range(passed)) == minutes


@pytest.mark.parametrize(("begins", "ends"), [("00:00", "24:00"), ("00:00", "00:00"), ("09:00", "09:00")])
def test_a_whole_day_loses_no_minute(begins, ends):
    hours = WorkingHours(days=list(Weekday), begins=begins, ends=ends)
    start = datetime(2025, 3, 3, 23, tzinfo=UTC)

    assert after_working_time(hours, start, timedelta(hours=48)) == start + timedelta(hours=48)
    assert is_working(hours, datetime(2025, 3, 3, 23, 59, 59, tzinfo=UTC))


@pytest.mark.parametrize("written", ["9:00", "25:00", "24:01", "nine", 9, None, "09:00:30", "09:00Z"])
@pytest.mark.parametrize("field", ["begins", "ends"])
def test_a_time_of_day_is_refused_in_the_words_of_policies(field, written):
    raw = {"reviewers": [], "calendar": {field: written}}

    with pytest.raises(InvalidInput, match=rf'{field}: .*write a time of day as "HH:MM", such as "09:00"'):
        read_people(raw, "reviewers.json")


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "../UTC", "/etc/localtime"]
)
def test_a_time_zone_that_depends_on_the_machine_is_refused(name):
    with pytest.raises(InvalidInput, match="give a name of the IANA database"):
        read_people({"reviewers": [], "calendar": {"timezone": name}}, "reviewers.json")
