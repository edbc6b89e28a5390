"""What a crash has left is driven on, and one bad case holds up no other."""

import sqlite3

import pytest
from support.builders import a_review, a_task
from support.internals import look_at, services_of

from hitl_orchestrator import AgentOutput, Orchestrator
from hitl_orchestrator.errors import RecoveryIncomplete, StoreUnavailable


def picky(task):
    if task.task_id == "broken":
        raise ConnectionError("the model is away")
    return AgentOutput.model_validate(
        {"task_id": task.task_id, "agent_output": {"predicted_label": "Refund"}, "confidence_score": 0.95}
    )


def test_a_case_that_cannot_resume_blocks_no_other():
    with Orchestrator.open("memory://", classifier=picky, on_classifier_error="raise") as hitl:
        for name in ("first", "broken", "last"):
            hitl.cases.enqueue(a_task(name))

        with pytest.raises(RecoveryIncomplete, match="the model is away") as reported:
            hitl.recover()

        assert reported.value.moved == 2
        assert [hitl.cases.get(task_id=name).status for name in ("first", "broken", "last")] == [
            "approved",
            "received",
            "approved",
        ]
        assert list(reported.value.failures) == [hitl.cases.get(task_id="broken").case_id]


def test_recovery_deletes_only_checkpoints_of_finished_cases(hitl, waits):
    for name in ("done", "waits"):
        look_at(hitl, waits(hitl, name).case_id)
    checkpoints, stranger = services_of(hitl).runner._checkpoints, services_of(hitl).runner.thread("foreign-thread")
    left = checkpoints.get_tuple(services_of(hitl).runner.thread(hitl.cases.get(task_id="done").case_id))
    done = hitl.decide(task_id="done", decision=a_review("approve", "ana"))
    checkpoints.put(left.config, left.checkpoint, left.metadata, left.checkpoint["channel_versions"])
    services_of(hitl).runner.graph.update_state(stranger, {"submission": {}}, as_node="classify")
    assert checkpoints.threads() == {done.case_id, hitl.cases.get(task_id="waits").case_id, "foreign-thread"}

    assert hitl.recover() == []

    assert checkpoints.threads() == {hitl.cases.get(task_id="waits").case_id, "foreign-thread"}
    assert hitl.cases.get(task_id="done") == done
    assert hitl.decide(task_id="waits", decision=a_review("approve", "ana")).status == "approved"


def test_an_error_of_a_callback_is_reported_and_stops_no_other_case(opened, store):
    hitl = opened(store)
    for name in ("first", "second"):
        hitl.cases.enqueue(a_task(name))
    reported = []

    def on_case(case):
        reported.append(case.task_id)
        raise ConnectionError("no mail server")

    with pytest.raises(RecoveryIncomplete, match="no mail server") as incomplete:
        hitl.recover(on_case)

    assert (reported, incomplete.value.moved) == (["first", "second"], 2)
    assert [request.task_id for request in hitl.inbox()] == ["first", "second"]


def test_every_failed_step_of_maintenance_is_logged(opened, sqlite_store, caplog):
    hitl = opened(sqlite_store)
    with sqlite3.connect(sqlite_store.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TABLE spot_checks")
        connection.execute("DROP TABLE reviews")

    with pytest.raises(StoreUnavailable):
        hitl.recover()

    assert [name in caplog.text for name in ("spot_checks", "reviews")] == [True, True]
