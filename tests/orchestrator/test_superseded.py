"""A case that a newer attempt replaced before it was routed ends as superseded, and is never approved as well."""

import threading

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import decide_and_stop

from hitl_orchestrator.errors import CaseNotWaiting, InvalidInput, NotAuthorized

APPROVES_ALL = {
    "policy_id": "open",
    "rules": [{"rule_id": "all", "priority": 1, "conditions": {}, "action": "auto_approve"}],
}


def an_unavailable_model(task):
    raise ConnectionError


def statuses(hitl, *cases):
    return [hitl.cases.get(case.case_id).status for case in cases]


def assert_ended_once(hitl, old, new):
    assert statuses(hitl, old, new) == ["superseded", "approved"]
    assert hitl.cases.get(old.case_id).record.decision_source == "resubmission"
    kinds = [event.kind for event in hitl.cases.history(old.case_id)]
    assert kinds == ["submitted", "routed", "review_opened", "superseded", "resumed", "finished"]
    assert (hitl.recover(), list(hitl.cases.unfinished()), hitl.inbox()) == ([], [], [])
    assert hitl.audit.verify().sound


def test_a_stored_case_is_superseded_by_a_newer_attempt(opened, store):
    hitl = opened(store, policy=APPROVES_ALL)
    old = hitl.cases.enqueue(a_task(), an_output())

    new = hitl.submit(a_task(), an_output(label="B"), resubmit=True)

    assert_ended_once(hitl, old, new)


def test_recovery_routes_only_the_latest_attempt(opened, store):
    hitl = opened(store, policy=APPROVES_ALL)
    attempts = [hitl.cases.enqueue(a_task(), an_output(label=label), resubmit=True) for label in "ABC"]

    hitl.recover()

    assert statuses(hitl, *attempts) == ["superseded", "superseded", "approved"]
    assert_ended_once(hitl, *attempts[1:])


def test_a_case_whose_classifier_failed_is_superseded_without_one(opened, durable_store):
    failing = opened(durable_store, policy=APPROVES_ALL, classifier=an_unavailable_model, on_classifier_error="raise")
    with pytest.raises(ConnectionError):
        failing.submit(a_task())
    old = failing.cases.get(task_id="task-1")
    hitl = opened(durable_store, policy=APPROVES_ALL)
    new = hitl.cases.enqueue(a_task(), an_output(), resubmit=True)

    hitl.recover()

    assert_ended_once(hitl, old, new)


def test_a_case_that_runs_while_it_is_replaced_is_superseded(opened, durable_store):
    asked, replaced, ended = threading.Event(), threading.Event(), []

    def classify(task):
        asked.set()
        assert replaced.wait(30)
        return an_output(task.task_id)

    slow = opened(durable_store, policy=APPROVES_ALL, classifier=classify)
    hitl = opened(durable_store, policy=APPROVES_ALL)
    thread = threading.Thread(target=lambda: ended.append(slow.submit(a_task())))
    thread.start()
    assert asked.wait(30)
    new = hitl.submit(a_task(), an_output(), resubmit=True)
    replaced.set()
    thread.join(30)

    assert [case.status for case in ended] == ["superseded"]
    assert_ended_once(hitl, ended[0], new)


def test_a_decision_that_was_recorded_before_the_newer_attempt_is_carried_out_first(opened, durable_store):
    hitl = opened(durable_store)
    old = hitl.submit(a_task(), an_output(confidence=0.5))
    decide_and_stop(hitl, a_review("approve", "ana"), task_id="task-1")
    assert hitl.cases.get(old.case_id).status == "decided"

    new = hitl.submit(a_task(), an_output(confidence=0.4), resubmit=True)

    assert statuses(hitl, old, new) == ["approved", "waiting"]


def test_a_superseded_case_takes_no_decision(opened, store):
    hitl = opened(store, policy=APPROVES_ALL)
    old = hitl.cases.enqueue(a_task(), an_output())
    hitl.cases.enqueue(a_task(), an_output(label="B"), resubmit=True)

    with pytest.raises(CaseNotWaiting):
        hitl.decide(old.case_id, a_review("approve", "ana"))


def test_the_submitter_can_cancel_a_case_that_was_not_routed(opened, store):
    hitl = opened(store, policy=APPROVES_ALL)
    case = hitl.cases.enqueue(a_task(), an_output(), submitted_by="app")

    for who, reason, error in (("ana", "no", NotAuthorized), ("app", " ", InvalidInput), ("app", "\0", InvalidInput)):
        with pytest.raises(error):
            hitl.cases.cancel(case.case_id, submitted_by=who, reason=reason)
        assert hitl.cases.get(case.case_id).status == "received"
    assert hitl.cases.cancel(case.case_id, submitted_by="app", reason="sent twice").status == "canceled"

    assert (hitl.recover(), list(hitl.cases.unfinished()), hitl.inbox()) == ([], [], [])
    assert hitl.audit.verify().sound
