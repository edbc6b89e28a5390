"""A simulated month: nothing is lost, whoever is away or walks off, and the work is shared out evenly."""

from datetime import timedelta

import pytest
from sizes import sized

from hitl_orchestrator.domain.hours import Absence, Weekday, WorkingHours
from hitl_orchestrator.testing import Scenario, simulate

EVERY_MINUTE = WorkingHours(days=tuple(Weekday), begins="00:00", ends="23:59:59")


def with_absences(staff, scenario):
    """Send three teams of two on holiday at different times, and nobody else."""
    first = scenario.starts.date()
    away = {
        place: (Absence(first=first + timedelta(days=7 * place), last=first + timedelta(days=7 * place + 4)),)
        for place in range(3)
    }
    return [changed(one, away=away.get(place // 2, ())) for place, one in enumerate(staff)]


def changed(one, **fields):
    return type(one)(one.reviewer.model_copy(update=fields), one.habits, one.seed)


@pytest.mark.timeout(3600)
@sized(("days", "a_day"), ci=(30, 25), soak=(30, 500))
def test_a_month_of_twenty_reviewers_loses_nothing_and_shares_the_work_evenly(days, a_day):
    scenario = Scenario(days=days, tasks_per_day=a_day, sick=0, leaves=0.003)

    outcome = simulate(scenario, with_absences(scenario.staff(20), scenario))

    assert outcome.came_in == days * a_day
    assert outcome.went_ahead + outcome.reviewed + outcome.at_the_top == outcome.came_in
    assert (outcome.lost, outcome.waiting - outcome.at_the_top) == (0, 0)
    assert outcome.lapsed > 0
    assert outcome.sound
    assert max(len(group) for group in outcome.groups()) >= 3
    assert outcome.unevenness <= 0.1
