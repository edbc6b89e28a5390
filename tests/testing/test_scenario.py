"""A scenario: the same tasks and the same people every time, and shifts as the calendar has them."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from hitl_orchestrator import Reviewer
from hitl_orchestrator.domain.working_hours import Absence, WorkingHours
from hitl_orchestrator.testing import Scenario
from hitl_orchestrator.testing.clock import MONDAY
from hitl_orchestrator.testing.scenario import shift
from hitl_orchestrator.testing.summary import Waiting


def a_reviewer(**fields):
    return Reviewer(reviewer_id="r1", name="R1", roles=("domain_reviewer",), **fields)


def test_a_seed_determines_the_month():
    scenario = Scenario(days=3, tasks_per_day=40)

    assert list(scenario.arrivals()) == list(scenario.arrivals())
    assert list(scenario.arrivals()) != list(Scenario(days=3, tasks_per_day=40, seed=1).arrivals())
    assert scenario.staff() == scenario.staff()


def test_the_requested_number_of_tasks_arrives_in_order():
    arrivals = list(Scenario(days=3, tasks_per_day=40).arrivals())

    assert [one.at for one in arrivals] == sorted(one.at for one in arrivals)
    assert [(one.at - MONDAY).days for one in arrivals] == [0] * 40 + [1] * 40 + [2] * 40
    assert len({one.task.task_id for one in arrivals}) == 120


@pytest.mark.parametrize("count", [3, 4, 5, 20, 100])
def test_an_organization_has_a_reviewer_per_role_and_domain(count):
    scenario = Scenario()

    staff = [one.reviewer for one in scenario.staff(count)]

    assert len({one.reviewer_id for one in staff}) == count
    assert {role for one in staff for role in one.roles} == {"domain_reviewer", "senior_manager", "compliance_officer"}
    first = {domain for one in staff if one.roles == ("domain_reviewer",) for domain in one.domains}
    assert first in ({"*"}, set(scenario.domains))


def test_an_organization_needs_at_least_three_reviewers():
    with pytest.raises(ValueError, match="at least 3 reviewers"):
        Scenario().staff(2)


def test_a_shift_is_on_working_days_in_the_reviewers_time_zone():
    vienna = a_reviewer(working_hours=WorkingHours(timezone="Europe/Vienna"))

    assert shift(vienna, MONDAY) == (MONDAY + timedelta(hours=8), MONDAY + timedelta(hours=16))
    assert shift(vienna, MONDAY + timedelta(days=5)) is None


def test_a_shift_past_midnight_ends_on_the_next_day():
    night = a_reviewer(working_hours=WorkingHours(begins=time(22), ends=time(6)))

    assert shift(night, MONDAY) == (MONDAY + timedelta(hours=22), MONDAY + timedelta(hours=30))


def test_an_absent_reviewer_has_no_shift():
    away = a_reviewer(away=(Absence(first=date(2026, 1, 5), last=date(2026, 1, 6)),))

    assert shift(away, MONDAY) is None
    assert shift(away, datetime(2026, 1, 7, tzinfo=UTC)) is not None


def test_a_quantile_is_the_least_wait_that_covers_the_share():
    assert Waiting.of(range(1, 101)) == Waiting(median=50, p90=90, p99=99, longest=100)
    assert Waiting.of([7]) == Waiting(median=7, p90=7, p99=7, longest=7)
    assert Waiting.of([]).median is None
