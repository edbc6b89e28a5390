"""Adapters of agent frameworks: what runs is what was approved, once, whatever the framework says or repeats."""

from pathlib import Path

import pytest
from support.agents.payments import payments
from support.sizes import sized

from hitl_orchestrator import Orchestrator

EDITED = {"predicted_label": "refund", "arguments": {"order": "A2", "amount": 5.0}}
ROOT = Path(__file__).parents[2]
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
    """Decide tasks in a process of its own."""

    def decided(*decisions):
        assert run("decide", decisions=decisions)["code"] == 0

    return decided


def decision(task_id, kind, **fields):
    return {"task_id": task_id, "decision": kind, **fields}


@sized("each", ci=32, soak=512)
def test_what_runs_is_what_was_approved_once_in_any_number_of_processes(run, waiting, decide, tmp_path, each):
    assert run("start", dies=True) == {"output": "waiting 5", "code": -9}
    tasks, first = waiting(), {path: path.read_bytes() for name in STATE if (path := tmp_path / name).exists()}
    run("forge")  # approvals in the framework alone
    assert payments(tmp_path) == []

    decide(decision(tasks["A1"], "approve"))
    run("wake", dies=True)
    assert payments(tmp_path) == [["A1", 20.0]]

    decide(
        decision(tasks["A2"], "modify", output=EDITED),
        decision(tasks["A3"], "reject", reason="no such order"),
        decision(tasks["A4"], "override", reason="ask first", output={"predicted_label": "call the customer"}),
    )
    output = run("race", processes=2, each=each)["output"]
    for path, content in first.items():
        path.write_bytes(content)
    output += run("wake")["output"]
    assert payments(tmp_path) == [["A1", 20.0], ["A2", 5.0]]

    decide(decision(tasks["A5"], "approve"))
    (tmp_path / "dies").touch()
    assert run("wake")["code"] == -9
    (tmp_path / "dies").unlink()
    output += run("wake")["output"]

    assert payments(tmp_path) == [["A1", 20.0], ["A2", 5.0], ["A5", 20.0]]
    assert "reviewer states in case" in output  # whether the payment of A5 happened


EXAMPLES = {"openai_agent": "openai_agents", "pydantic_agent": "pydantic_ai", "adk_agent": "adk"}


def test_the_example_tells_its_story(host, request):
    name = EXAMPLES.get(request.node.callspec.params["host"])
    if name is None:
        return  # the examples without an agent framework run in tests/examples

    ran = host({"do": "example", "path": str(ROOT / "examples" / name / "main.py")})

    assert ran["code"] == 0, ran["output"]
    assert ran["output"].count(">>>") == 1
    assert ran["output"].endswith("5. The ledger has one execution, finished; sound: True.\n")
