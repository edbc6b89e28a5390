"""Simulated reviewers are reproducible, independent of the order of calls, and as accurate as their habits."""

from statistics import mean, median

import pytest
from support.builders import a_task

from hitl_orchestrator import Reviewer, ReviewRequest
from hitl_orchestrator.testing import Habits, SimulatedReviewer
from hitl_orchestrator.testing.clock import MONDAY

RIGHT, WRONG, MANY = "Refund", "Complaint", 2_000
REVIEWER = Reviewer(reviewer_id="r1", name="R1", roles=("domain_reviewer",))


def simulated(seed=0, reviewer=REVIEWER, **habits):
    return SimulatedReviewer(reviewer, Habits(**habits), seed)


def a_request(number=0, domain="customer_support", label=RIGHT, words=1, **fields):
    task = a_task(f"task-{number}", domain=domain, task_description="word " * words)
    request = {
        "review_id": f"case-{number}.0",
        "case_id": f"case-{number}",
        "task_id": task.task_id,
        "task": task,
        "proposal": {"predicted_label": label, "explanation": "It says so"},
        "confidence": 0.9,
        "risk_level": "low",
        "routing_decision": "human_review",
        "rule_id": "rule_1",
        "reason": "rule_1 holds",
        "needed_role": "domain_reviewer",
        "opened_at": MONDAY,
        "queued_at": MONDAY,
        "shown_digest": "a" * 64,
        "level": 0,
    }
    return ReviewRequest.model_validate({**request, **fields})


def share(reviewer, decision, rows, **more):
    return mean(reviewer.answer(row, RIGHT, **more).human_decision == decision for row in rows)


@pytest.fixture(scope="module")
def right():
    return [a_request(number) for number in range(MANY)]


@pytest.fixture(scope="module")
def wrong():
    return [a_request(number, label=WRONG) for number in range(MANY)]


def test_answers_do_not_depend_on_the_order_of_calls(right):
    rows = right[:50]
    forth, back = simulated(), simulated()

    stated = [forth.answer(row, RIGHT) for row in rows]

    assert [back.answer(row, RIGHT) for row in reversed(rows)][::-1] == stated
    assert [back.seconds(row) for row in rows] == [forth.seconds(row) for row in rows]


def test_another_seed_or_reviewer_answers_differently(wrong):
    other = simulated(reviewer=REVIEWER.model_copy(update={"reviewer_id": "r2"}), accuracy=0.5)
    stated = [[each.answer(row, RIGHT).human_decision for row in wrong] for each in (simulated(accuracy=0.5), other)]

    assert stated[0] != stated[1]
    assert [simulated(seed=1, accuracy=0.5).answer(row, RIGHT).human_decision for row in wrong] not in stated


def test_accuracy_follows_the_habits_overall_and_per_domain(right):
    reviewer = simulated(accuracy=0.9, accuracy_in={"finance": 0.6})
    in_finance = [a_request(number, "finance") for number in range(MANY)]

    assert share(reviewer, "approve", right) == pytest.approx(0.9, abs=0.03)
    assert share(reviewer, "approve", in_finance) == pytest.approx(0.6, abs=0.04)


def test_a_biased_reviewer_approves_wrong_outputs(wrong):
    assert share(simulated(accuracy=1), "approve", wrong) == 0
    assert share(simulated(accuracy=1, bias=0.3), "approve", wrong) == pytest.approx(0.3, abs=0.04)


def test_strict_reviewers_reject_and_others_correct(wrong):
    assert share(simulated(accuracy=1, strictness=1), "reject", wrong) == 1
    assert share(simulated(accuracy=1, strictness=0), "modify", wrong) == 1
    assert simulated(accuracy=1, strictness=0).answer(wrong[0], RIGHT).modified_output.predicted_label == RIGHT


def test_fatigue_lowers_accuracy_but_not_below_chance(right):
    reviewer = simulated(accuracy=0.95, tired=0.01)

    assert share(reviewer, "approve", right, done_today=30) == pytest.approx(0.65, abs=0.04)
    assert share(reviewer, "approve", right, done_today=1000) == pytest.approx(0.5, abs=0.04)


def test_doubt_escalates_where_a_higher_role_exists(right):
    reviewer = simulated(doubt=1)

    assert reviewer.answer(a_request(choices=("reject", "escalate")), RIGHT).human_decision == "escalate"
    assert reviewer.answer(right[0], RIGHT).human_decision != "escalate"


def test_review_time_follows_the_habits_and_the_length_of_the_text(right):
    reviewer = simulated(seconds=100, spread=0.4)
    longer = [a_request(number, words=200) for number in range(MANY)]

    assert median(map(reviewer.seconds, right)) == pytest.approx(100, rel=0.1)
    assert median(map(reviewer.seconds, longer)) == pytest.approx(200, rel=0.1)


def test_a_case_without_a_proposal_is_rejected():
    assert simulated().answer(a_request(proposal=None), RIGHT).human_decision == "reject"
