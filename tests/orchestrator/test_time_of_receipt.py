"""Conditions on the time judge when the store received a task, and not what its submitter states."""

from datetime import UTC, datetime, timedelta

import pytest
from support.builders import FakeClock, a_task, an_output

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.services.reviews.requirements import facts_of

NOON, NIGHT = datetime(2025, 1, 10, 12, tzinfo=UTC), datetime(2025, 1, 10, 23, tzinfo=UTC)


def by_time(**of):
    rules = [
        {"rule_id": "night", "conditions": {"time": {"begins": "22:00", "ends": "06:00"} | of}, "action": "escalate"},
        {"rule_id": "sure", "conditions": {"min_confidence": 0.5}, "action": "auto_approve"},
    ]
    return {"policy_id": "nights", "rules": [rule | {"priority": place} for place, rule in enumerate(rules)]}


def submitted(opened, policy, stated, received, **more):
    clock = FakeClock(received)
    hitl = opened("memory://", policy=policy, clock=clock)
    return hitl.submit(a_task(timestamp=stated), an_output(confidence=0.9), **more)


@pytest.mark.parametrize(
    ("stated", "received", "rule"), [(NOON, NIGHT, "night"), (NIGHT - timedelta(days=1), NOON, "sure")]
)
def test_a_backdated_task_does_not_escape_a_rule_for_the_night(opened, stated, received, rule):
    assert submitted(opened, by_time(), stated, received).rule_id == rule


def test_a_rule_may_judge_the_time_that_the_task_states(opened):
    assert submitted(opened, by_time(of="task"), NOON, NIGHT).rule_id == "sure"


def test_a_case_is_judged_again_by_the_time_of_its_receipt(opened):
    case = submitted(opened, by_time(), NOON, NIGHT)
    routing = case.reviews[0].shown.routing

    assert routing.received == NIGHT
    assert facts_of(case.submission.task, routing) == Facts.of(
        case.submission.task, routing.risk_level, routing.output, routing.score, received=NIGHT
    )
