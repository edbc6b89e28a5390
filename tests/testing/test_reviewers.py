"""Simulated reviewers: the same every time, in whatever order they are asked, and as good as they are stated to be."""

from statistics import mean, median

import pytest
from support.builders import a_routing, a_shown, a_task, an_output

from hitl_orchestrator import Reviewer
from hitl_orchestrator.ledger.events.builders import row_opened
from hitl_orchestrator.testing import Habits, SimulatedReviewer
from hitl_orchestrator.testing.clock import MONDAY

RIGHT, WRONG, MANY = "Refund", "Complaint", 2_000
REVIEWER = Reviewer(reviewer_id="r1", name="R1", roles=("domain_reviewer",))


def one(seed=0, reviewer=REVIEWER, **habits):
    return SimulatedReviewer(reviewer, Habits(**habits), seed)


def a_row(number=0, domain="customer_support", label=RIGHT, words=1):
    task = a_task(f"task-{number}", domain=domain, task_description="word " * words)
    routing = a_routing(output=an_output(task.task_id, label=label))
    return row_opened(a_shown(f"case-{number}", task=task, routing=routing), MONDAY)


def share(reviewer, decision, rows, **more):
    return mean(reviewer.answer(row, RIGHT, **more).human_decision == decision for row in rows)


@pytest.fixture(scope="module")
def right():
    return [a_row(number) for number in range(MANY)]


@pytest.fixture(scope="module")
def wrong():
    return [a_row(number, label=WRONG) for number in range(MANY)]


def test_they_say_the_same_in_whatever_order_they_are_asked(right):
    rows = right[:50]
    forth, back = one(), one()

    stated = [forth.answer(row, RIGHT) for row in rows]

    assert [back.answer(row, RIGHT) for row in reversed(rows)][::-1] == stated
    assert [back.seconds(row) for row in rows] == [forth.seconds(row) for row in rows]


def test_another_seed_or_another_person_says_something_else(wrong):
    other = one(reviewer=REVIEWER.model_copy(update={"reviewer_id": "r2"}), accuracy=0.5)
    stated = [[each.answer(row, RIGHT).human_decision for row in wrong] for each in (one(accuracy=0.5), other)]

    assert stated[0] != stated[1]
    assert [one(seed=1, accuracy=0.5).answer(row, RIGHT).human_decision for row in wrong] not in stated


def test_accuracy_follows_the_habits_overall_and_per_domain(right):
    reviewer = one(accuracy=0.9, accuracy_in={"finance": 0.6})
    in_finance = [a_row(number, "finance") for number in range(MANY)]

    assert share(reviewer, "approve", right) == pytest.approx(0.9, abs=0.03)
    assert share(reviewer, "approve", in_finance) == pytest.approx(0.6, abs=0.04)


def test_who_is_biased_approves_what_is_wrong(wrong):
    assert share(one(accuracy=1), "approve", wrong) == 0
    assert share(one(accuracy=1, bias=0.3), "approve", wrong) == pytest.approx(0.3, abs=0.04)


def test_who_is_strict_rejects_and_who_is_not_corrects(wrong):
    assert share(one(accuracy=1, strictness=1), "reject", wrong) == 1
    assert share(one(accuracy=1, strictness=0), "modify", wrong) == 1
    assert one(accuracy=1, strictness=0).answer(wrong[0], RIGHT).modified_output.predicted_label == RIGHT


def test_who_is_tired_sees_less_but_no_less_than_a_coin(right):
    reviewer = one(accuracy=0.95, tired=0.01)

    assert share(reviewer, "approve", right, done_today=30) == pytest.approx(0.65, abs=0.04)
    assert share(reviewer, "approve", right, done_today=1000) == pytest.approx(0.5, abs=0.04)


def test_doubt_escalates_where_a_higher_role_exists(right):
    reviewer = one(doubt=1)

    assert reviewer.answer(right[0], RIGHT, may_pass_up=True).human_decision == "escalate"
    assert reviewer.answer(right[0], RIGHT).human_decision != "escalate"


def test_review_time_follows_the_habits_and_the_length_of_the_text(right):
    reviewer = one(seconds=100, spread=0.4)
    longer = [a_row(number, words=200) for number in range(MANY)]

    assert median(map(reviewer.seconds, right)) == pytest.approx(100, rel=0.1)
    assert median(map(reviewer.seconds, longer)) == pytest.approx(200, rel=0.1)


def test_nothing_proposed_is_rejected():
    row = row_opened(a_shown(routing=a_routing(output=None)), MONDAY)

    assert one().answer(row, RIGHT).human_decision == "reject"
