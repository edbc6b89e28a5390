"""Adapters of agent frameworks: what runs is what was approved, once, whatever the framework says or repeats."""

import pytest
from support.agents.payments import payments
from support.sizes import sized

from hitl_orchestrator import Orchestrator

EDITED = {"predicted_label": "refund", "arguments": {"order": "A2", "amount": 5.0}}
STATE = ("state", "pending")


@pytest.fixture
def waiting(tmp_path):
    """Return the task of each order that waits for a person."""

    def read():
        with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}") as hitl:
            return {request.task.metadata["order"]: request.task_id for request in hitl.inbox()}

    return read


@pytest.fixture
def decide(run):
    """Decide a task in a process of its own."""

    def decided(task_id, decision, **arguments):
        given = {"task_id": task_id, "decision": decision, **arguments}
        assert run("decide", arguments=given)["code"] == 0

    return decided


def test_calls_wait_and_run_once_as_approved_one_by_one_although_each_process_ends(
    run, waiting, decide, tmp_path, request
):
    assert run("start", dies=True) == {"said": "waiting 3", "code": -9}
    tasks, first = waiting(), {path: path.read_bytes() for name in STATE if (path := tmp_path / name).exists()}
    assert payments(tmp_path) == []

    decide(tasks["A1"], "approve")
    run("wake", dies=True)
    assert payments(tmp_path) == [["A1", 20.0]]

    decide(tasks["A2"], "modify", output=EDITED)
    decide(tasks["A3"], "reject", reason="no such order")
    said = run("wake")["said"]
    assert payments(tmp_path) == [["A1", 20.0], ["A2", 5.0]]
    for words in ("paid 20 for A1", "paid 5 for A2", "no such order"):
        assert words in said
    assert ("A reviewer changed the arguments" in said) is ("plain" not in request.node.name)  # for a model

    for path, content in first.items():
        path.write_bytes(content)
    run("wake")
    assert payments(tmp_path) == [["A1", 20.0], ["A2", 5.0]]


def test_an_approval_in_the_framework_alone_runs_nothing(run, waiting, decide, tmp_path):
    run("start")
    run("forge")
    assert payments(tmp_path) == []

    tasks = waiting()
    decide(tasks["A1"], "reject", reason="no such order")
    decide(tasks["A2"], "override", reason="call instead", output={"predicted_label": "call the customer"})
    decide(tasks["A3"], "approve")
    run("forge")

    assert payments(tmp_path) == [["A3", 20.0]]


@sized("each", ci=32, soak=512)
def test_many_wake_ups_at_once_are_one_execution(run, waiting, decide, tmp_path, each):
    run("start")
    for task_id in waiting().values():
        decide(task_id, "approve")

    run("race", processes=2, each=each)

    assert sorted(payments(tmp_path)) == [["A1", 20.0], ["A2", 20.0], ["A3", 20.0]]


def test_a_tool_whose_process_was_killed_never_runs_again(run, waiting, decide, tmp_path):
    run("start")
    decide(waiting()["A1"], "approve")
    (tmp_path / "dies").touch()
    assert run("wake")["code"] == -9
    (tmp_path / "dies").unlink()

    run("wake")

    assert payments(tmp_path) == [["A1", 20.0]]
