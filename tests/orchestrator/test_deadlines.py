"""Reviews with deadlines: escalated, rejected or left waiting by their rule, and never approved."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import HitlError, NotAuthorized, ReviewExpired

INSTANT, HOUR = "PT0.001S", "PT1H"
A_MOMENT = timedelta(milliseconds=3)


def a_policy(then="escalate", within=INSTANT):
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review", "on_timeout": then}
    return {"policy_id": "timed", "rules": [rule | {"respond_within": within}]}


@pytest.fixture
def timed(opened, store):
    """Open the store under a policy whose reviews are due at once, or in an hour."""
    return lambda then="escalate", within=INSTANT: opened(store, policy=a_policy(then, within))


def let_its_time_pass(hitl, clock, task_id="task-1"):
    """Wait, by the store's own clock, until the open review of a case is out of time; in memory that clock is ours."""
    clock.tick()
    due = hitl.cases.get(task_id=task_id).open_review.due_at
    while services_of(hitl).ledger.now() <= due:
        pass


def kinds(hitl, task_id="task-1"):
    return [event.kind.value for event in hitl.cases.history(task_id=task_id)]


def test_an_overdue_review_is_escalated_to_the_top_and_waits_there(timed, waits, clock):
    hitl = timed()
    waits(hitl)
    for role in ("senior_manager", "compliance_officer"):
        let_its_time_pass(hitl, clock)

        [case] = hitl.run_maintenance()

        assert (case.status, case.open_review.role) == ("waiting", role)
        assert "no reviewer with the role" in case.open_review.shown.passed_up_because
    let_its_time_pass(hitl, clock)

    assert hitl.run_maintenance() == []
    assert (case.open_review.shown.on_timeout, case.open_review.expires_at) == ("wait", None)
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "zoe")).status == "rejected"
    assert hitl.audit.verify().sound


def test_an_overdue_review_is_rejected_if_the_rule_requires_it(timed, waits, clock):
    hitl = timed("reject")
    waits(hitl)
    let_its_time_pass(hitl, clock)

    [case] = hitl.run_maintenance()

    record = case.record
    assert (case.status, record.decision_source, record.human_involved) == ("rejected", "timeout", False)
    assert (record.final_output, record.reviewer_id, record.human_decision) == (None, None, None)
    assert kinds(hitl) == ["submitted", "routed", "review_opened", "expired", "resumed", "finished"]
    assert (hitl.run_maintenance(), hitl.recover()) == ([], [])
    assert hitl.audit.verify().sound


def test_a_review_that_may_wait_is_decided_after_its_deadline(timed, waits, clock):
    hitl = timed("wait")
    waits(hitl)
    let_its_time_pass(hitl, clock)

    assert hitl.run_maintenance() == []
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


@pytest.mark.parametrize("then", ["escalate", "reject"])
def test_a_late_decision_is_rejected_and_recorded_before_and_after_maintenance(timed, waits, clock, then):
    hitl = timed(then)
    review_id = waits(hitl).open_review.review_id
    let_its_time_pass(hitl, clock)
    late = a_review("approve", "ana", review_id=review_id)

    with pytest.raises(ReviewExpired, match="and no longer accepts decisions"):
        hitl.decide(task_id="task-1", decision=late)
    hitl.run_maintenance()
    with pytest.raises(ReviewExpired):
        hitl.decide(task_id="task-1", decision=late)

    refused = [event.body["cause"] for event in hitl.cases.history(task_id="task-1") if event.kind == "refused"]
    assert refused == ["ReviewExpired"]
    assert hitl.cases.get(task_id="task-1").status == ("waiting" if then == "escalate" else "rejected")


def test_a_lower_role_does_not_decide_an_escalated_review(timed, waits, clock):
    hitl = timed()
    waits(hitl)
    let_its_time_pass(hitl, clock)
    hitl.run_maintenance()

    with pytest.raises(NotAuthorized):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))


def test_an_answer_in_time_counts_and_nothing_expires(timed, waits):
    hitl = timed("reject", HOUR)
    waits(hitl)

    assert hitl.run_maintenance() == []
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


@pytest.mark.parametrize("hours", [-24 * 400, -1, 1, 24 * 400])
def test_deadlines_ignore_the_clock_of_the_maintenance_process(opened, durable_store, waits, clock, hours):
    hitl = opened(durable_store, policy=a_policy("reject", HOUR))
    waits(hitl)
    clock.tick(3600 * hours)

    assert hitl.run_maintenance() == []
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


def test_a_review_with_an_altered_deadline_does_not_expire(opened, sqlite_store, waits):
    import sqlite3  # noqa: PLC0415 - an intruder's tool

    hitl = opened(sqlite_store, policy=a_policy("reject", HOUR))
    waits(hitl)
    with sqlite3.connect(sqlite_store.removeprefix("sqlite:///")) as intruder:
        intruder.execute("UPDATE reviews SET expires_at = '2020-01-01T00:00:00.000000Z'")

    with pytest.raises(HitlError, match="seal does not match"):
        hitl.run_maintenance()

    assert hitl.cases.get(task_id="task-1").status == "waiting"
    assert "alarm" in kinds(hitl)
    assert not hitl.audit.verify().sound


@pytest.mark.parametrize("rounds", [10, pytest.param(500, marks=pytest.mark.soak)])
def test_a_decision_at_the_deadline_races_it_and_exactly_one_wins(opened, store, clock, rounds):
    """Ten cases a round: the answers and the sweepers start together, around the instant of the deadline."""
    hitl, reported = opened(store, policy=a_policy("reject", "PT0.4S")), Counter()
    for number in range(rounds):
        names = [f"task-{number}-{each}" for each in range(10)]
        for name in names:
            hitl.submit(a_task(name), an_output(name, confidence=0.5))
        reported += around_the_deadline(hitl, names, clock)
    assert sum(reported.values()) == 10 * rounds
    assert hitl.audit.verify().sound


def around_the_deadline(hitl, names, clock):
    together = Barrier(len(names) + 3)

    def answer(name):
        together.wait()
        try:
            return hitl.decide(task_id=name, decision=a_review("approve", "zoe")).status
        except ReviewExpired:
            return None

    def sweep(_):
        together.wait()
        while services_of(hitl).ledger.stages(CaseStage.WAITING):
            hitl.run_maintenance()
            clock.tick(0.001)

    with ThreadPoolExecutor(len(names) + 2) as pool:
        sweeping = [pool.submit(sweep, each) for each in range(2)]
        answering = [pool.submit(answer, name) for name in names]
        middle = hitl.cases.get(task_id=names[len(names) // 2]).reviews[0].due_at - A_MOMENT
        while services_of(hitl).ledger.now() < middle:
            clock.tick(0.001)
        together.wait()
        answers = {name: each.result() for name, each in zip(names, answering, strict=True)}
        for each in sweeping:
            each.result()
    ended = Counter()
    for name, status in answers.items():
        record = hitl.cases.get(task_id=name).record
        counted = [
            event.kind.value
            for event in hitl.cases.history(task_id=name)
            if event.kind in ("decided", "expired", "finished")
        ]
        assert counted == ([("decided" if status else "expired"), "finished"])
        assert (record.final_decision, record.decision_source) == (
            ("approved", "human") if status else ("rejected", "timeout")
        )
        ended[counted[0]] += 1
    return ended


@pytest.mark.parametrize("bad", ["approve", "approved", "", None])
def test_a_timeout_never_approves(bad):
    with pytest.raises(HitlError, match=r"rules\[0\].on_timeout"):
        Orchestrator.open("memory://", policy=a_policy(bad))
