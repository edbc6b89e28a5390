"""A running case is left to its owner, and resumed by other processes once the owner is gone."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import AgentOutput, Orchestrator
from hitl_orchestrator.errors import CaseBusy, InvalidInput, RecoveryIncomplete


def proposes(task):
    proposed = {"predicted_label": "Refund"}
    return AgentOutput.model_validate({"task_id": task.task_id, "agent_output": proposed, "confidence_score": 0.95})


RAISING = {"on_classifier_error": "raise"}


class Thinking:
    """A classifier that blocks until it may answer, and counts its calls."""

    def __init__(self):
        self.asked, self.asking, self.may_answer = 0, Event(), Event()

    def invoke(self, task):
        self.asked += 1
        self.asking.set()
        self.may_answer.wait()
        return proposes(task)


def test_a_running_case_is_left_to_its_owner(opened, store):
    thinking = Thinking()
    hitl = opened(store, classifier=thinking)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hitl.submit, a_task())
        thinking.asking.wait()

        assert hitl.recover() == []
        again = pool.submit(hitl.submit, a_task())
        thinking.may_answer.set()

        assert first.result().record == again.result().record
    assert (thinking.asked, hitl.cases.get(task_id="task-1").status) == (1, "approved")


def test_a_case_that_outlives_its_lease_is_taken_over_once(opened, durable_store):
    thinking = Thinking()
    slow = opened(durable_store, classifier=thinking, lease=0)
    other = opened(durable_store, classifier=proposes)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow.submit, a_task())
        thinking.asking.wait()

        [case] = other.recover()
        thinking.may_answer.set()

        assert first.result().record == case.record
    assert [event.kind.value for event in other.cases.history(task_id="task-1")] == ["submitted", "routed", "finished"]


def test_waiting_for_a_worker_that_hangs_is_bounded_and_names_it(opened, store):
    hangs = Thinking()
    hitl = opened(store, classifier=hangs, wait=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(hitl.submit, a_task())
        hangs.asking.wait()
        try:
            with pytest.raises(CaseBusy, match=rf"is run by process {os.getpid()} on .* since .*'hitl recover' after"):
                hitl.submit(a_task())
            assert hitl.cases.get(task_id="task-1").status == "received"
        finally:
            hangs.may_answer.set()
        assert first.result().status == "approved"


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 86_401])
@pytest.mark.parametrize("name", ["lease", "wait"])
def test_the_time_of_a_lease_is_at_most_a_day(name, seconds):
    with pytest.raises(InvalidInput, match=rf"{name}: .* is not in \[0, 86400\] seconds"):
        Orchestrator.open("memory://", **{name: seconds})


def test_a_case_that_failed_can_be_resumed_at_once(opened, durable_store):
    def broken(task):
        raise ConnectionError("the model is away")

    first, other = opened(durable_store, classifier=broken, **RAISING), opened(durable_store, classifier=proposes)
    with pytest.raises(ConnectionError):
        first.submit(a_task())

    assert [case.status for case in other.recover()] == ["approved"]


def test_a_case_of_another_graph_version_is_left_to_compatible_code(opened, durable_store):
    changed, able = opened(durable_store), opened(durable_store)
    able.cases.enqueue(a_task(), an_output())
    services_of(changed).reader.graph_version = "g-changed"

    with pytest.raises(RecoveryIncomplete, match="g-changed"):
        changed.recover()

    with ThreadPoolExecutor(1) as pool:
        assert [case.status for case in pool.submit(able.recover).result()] == ["approved"]


def test_any_process_may_run_an_enqueued_case(opened, durable_store):
    opened(durable_store).cases.enqueue(a_task(), an_output())

    assert [case.status for case in opened(durable_store).recover()] == ["approved"]


DECIDES_AND_HANGS = """
import sys
from threading import Event
from support.builders import a_review
from support.internals import decide_and_stop
from hitl_orchestrator import Orchestrator

hitl = Orchestrator.open(sys.argv[1])
decide_and_stop(hitl, a_review("approve", "domain_reviewer"), task_id="task-1")
print("decided", flush=True)
Event().wait()
"""


def test_a_decision_of_a_dead_process_is_completed_by_another(durable_store):
    with Orchestrator.open(durable_store) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.5))
        child = subprocess.Popen(
            [sys.executable, "-c", DECIDES_AND_HANGS, durable_store],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        assert child.stdout.readline() == "decided\n"
        assert hitl.cases.get(task_id="task-1").status == "decided"
        assert hitl.recover() == []

        child.kill()
        child.communicate()

        assert [case.status for case in hitl.recover()] == ["approved"]
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "domain_reviewer")).status == "approved"
