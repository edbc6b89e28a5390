"""The process of an agent is killed, another one decides, a third one goes on: the call is made once, as approved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_orchestrator import Orchestrator

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def processes():
    """Return a function that has an order carried out by a process of its own."""
    command = [sys.executable, "-m", "support.langchain_process"]
    with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:

        def carry_out(**order):
            running.stdin.write(json.dumps(order) + "\n")
            running.stdin.flush()
            return json.loads(running.stdout.readline())

        yield carry_out
        running.stdin.close()


@pytest.fixture
def places(tmp_path):
    log = tmp_path / "ran.txt"
    log.touch()
    return {
        "store": f"sqlite:///{tmp_path / 'hitl.db'}",
        "checkpoints": str(tmp_path / "agent.db"),
        "log": str(log),
    }


EDITED = {"predicted_label": "refund", "arguments": {"amount": 7, "to": "ben"}}
DECISIONS = {
    "approve": ({}, ["('refund', 50, 'ana')"], "refunded 50 to ana"),
    "modify": ({"output": EDITED}, ["('refund', 7, 'ben')"], "A reviewer changed the arguments"),
    "reject": ({"reason": "paid already"}, [], "paid already"),
}


@pytest.mark.parametrize(
    ("mode", "decision"),
    [("per_call", "approve"), ("batched", "modify"), ("per_call", "reject")],
)
def test_a_killed_agent_goes_on_elsewhere_after_the_decision(processes, places, mode, decision):
    fields, ran, content = DECISIONS[decision]
    assert processes(do="run", mode=mode, **places)["paused"] == 1
    with Orchestrator.open(places["store"]) as hitl:
        (review,) = hitl.inbox()
        hitl.decide(review.case_id, decision, reviewer="domain_reviewer", **fields)

    third = processes(do="resume", mode=mode, **places)
    fourth = processes(do="resume", mode=mode, **places)

    assert Path(places["log"]).read_text().splitlines() == ran
    assert third["paused"] == fourth["paused"] == 0
    assert content in third["content"]["call-0"]
    with Orchestrator.open(places["store"]) as hitl:
        assert len(hitl.executions.list()) == len(ran)
        assert hitl.audit.verify().sound


def test_a_process_killed_inside_the_tool_leaves_the_question_to_a_person(processes, places):
    assert processes(do="run", mode="per_call", **places)["paused"] == 1
    with Orchestrator.open(places["store"]) as hitl:
        hitl.decide(hitl.inbox()[0].case_id, "approve", reviewer="domain_reviewer")
    assert processes(do="resume", mode="per_call", die_inside=True, lease=0.01, **places) == {"died": True}

    resumed = processes(do="resume", mode="per_call", **places)

    assert Path(places["log"]).read_text().splitlines() == ["('refund', 50, 'ana')"]
    assert "It is not known whether refund ran" in resumed["content"]["call-0"]
    with Orchestrator.open(places["store"]) as hitl:
        (execution,) = hitl.executions.list()
        assert execution.status == "unknown"
        assert [review.case_id for review in hitl.inbox()] == [execution.check_id]
