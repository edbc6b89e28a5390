"""A simulated month: no case is lost when reviewers are absent or leave, and the load is even."""

from datetime import UTC, datetime, timedelta

import pytest
from support.sizes import sized
from support.stores import address_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.working_hours import Absence
from hitl_orchestrator.review.people import People
from hitl_orchestrator.testing import Clock, Organization, Scenario, simulate

# A database judges claims and loads by its own clock, so that a month there must not be long ago.
LATELY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NO_DEADLINES = {
    "policy_id": "no_deadlines",
    "rules": [
        {"rule_id": "high", "priority": 1, "conditions": {"risk_level": "high"}, "action": "escalate"},
        {"rule_id": "sure", "priority": 2, "conditions": {"min_confidence": 0.8}, "action": "auto_approve"},
        {"rule_id": "two", "priority": 3, "conditions": {"domain": "legal"}, "action": "human_review", "approvals": 2},
        {"rule_id": "one", "priority": 4, "conditions": {}, "action": "human_review"},
    ],
}


def with_absences(staff, scenario):
    """Send three teams of two on holiday at different times, and no other reviewer."""
    first = scenario.starts.date()
    away = {
        place: (Absence(first=first + timedelta(days=7 * place), last=first + timedelta(days=7 * place + 4)),)
        for place in range(3)
    }
    return [changed(one, away=away.get(place // 2, ())) for place, one in enumerate(staff)]


def changed(one, **fields):
    return type(one)(one.reviewer.model_copy(update=fields), one.habits, one.seed)


def unevenness(outcome):
    """Return the largest relative deviation of a reviewer's answers from the mean of their group.

    A difference of one answer counts as even, since cases cannot be divided.
    """
    apart = [0.0]
    for group in outcome.groups():
        mean = sum(load.answers for load in group) / len(group)
        apart += [abs(load.answers - mean) / mean for load in group if abs(load.answers - mean) > 1]
    return max(apart)


@pytest.mark.timeout(3600)
@sized(("days", "a_day"), ci=(30, 12), soak=(30, 500))
def test_a_month_of_twenty_reviewers_loses_nothing_and_shares_the_work_evenly(days, a_day):
    scenario = Scenario(days=days, tasks_per_day=a_day, sick=0, leaves=0.003)

    outcome = simulate(scenario, with_absences(scenario.staff(20), scenario))

    assert outcome.came_in == days * a_day
    assert outcome.went_ahead + outcome.reviewed + outcome.at_the_top == outcome.came_in
    assert (outcome.lost, outcome.waiting - outcome.at_the_top) == (0, 0)
    assert outcome.lapsed > 0
    assert outcome.sound
    assert max(len(group) for group in outcome.groups()) >= 3
    assert unevenness(outcome) <= 0.1


@pytest.mark.parametrize("strategy", ["push", "pull"])
@sized(("days", "a_day"), ci=(2, 12), soak=(5, 200))
def test_the_same_month_is_the_same_on_every_store_decision_by_decision(
    tmp_path, postgres_store, strategy, days, a_day
):
    scenario = Scenario(days=days, tasks_per_day=a_day, strategy=strategy, sick=0, leaves=0, starts=LATELY)

    in_memory, on_sqlite, on_postgres = (
        lived_through(scenario, store) for store in ("memory://", address_of("sqlite", tmp_path), postgres_store)
    )

    assert in_memory[0].reviewed > 0
    assert on_sqlite == in_memory
    assert on_postgres == in_memory


def lived_through(scenario, store):
    """Return the outcome of a month on a store, and every decision with its reviewers."""
    staff = [changed(one, working_hours=None, away=()) for one in scenario.staff(12)]
    clock, people = Clock(scenario.starts), People([one.reviewer for one in staff])
    with Orchestrator.open(store, policy=NO_DEADLINES, reviewers=people, clock=clock) as hitl:
        outcome = Organization(hitl, clock, staff, scenario).run()
        return outcome, [decided(record) for record in hitl.audit.records()]


def decided(record):
    votes = [(vote.reviewer_id, vote.role, vote.human_decision, vote.at) for vote in record.votes]
    return record.task_id, record.final_decision, record.decision_source, record.timestamp, record.final_output, votes
