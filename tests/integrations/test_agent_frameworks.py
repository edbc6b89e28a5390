"""Adapters of agent frameworks: what runs is what was approved, once, whatever the framework says or repeats."""

import json
from pathlib import Path

import pytest
from support.agents.payments import payments
from support.sizes import sized

EDITED = {"predicted_label": "refund", "arguments": {"order": "A2", "amount": 5.0}}
SOUND = "5. The ledger has one execution, finished; sound: True."
EXAMPLES = {
    "plain_agent": {
        "support_agent": [
            "   >>> mail to ann@example.com: You may return it within 30 days.",
            "   >>> 20.00 EUR paid for order A-17",
            "6. Executions: 2; the ledger is sound: True.",
        ],
        "batch_classifier": [
            "   mail-4: a person decides; proposed is delivery (0.63)",
            "   mail-6: refund (0.82)",
            "5. Decided so far: {'agent': 5, 'human': 2}.",
        ],
    },
    "openai_agent": {"openai_agents": ["   >>> 100.00 EUR paid for order A-17", SOUND]},
    "pydantic_agent": {"pydantic_ai": ["   >>> 120.00 EUR paid for order A-17", SOUND]},
    "adk_agent": {"adk": ["   >>> 100.00 EUR paid for order A-17", SOUND]},
}
"""The examples that run in the host of each agent, which has imported what they need, and lines of their stories."""

ROOT = Path(__file__).parents[2]
STATE = ("state", "pending")


@pytest.fixture
def examples(request):
    """Return the examples that run in this host."""
    return EXAMPLES[request.node.callspec.params["host"]]


@pytest.fixture
def decide(run):
    """Decide tasks in a process of its own."""

    def decided(*decisions):
        assert run("decide", decisions=decisions)["code"] == 0

    return decided


def decision(task_id, kind, **fields):
    return {"task_id": task_id, "decision": kind, **fields}


@sized("each", ci=32, soak=512)
def test_what_runs_is_what_was_approved_once_in_any_number_of_processes(run, decide, tmp_path, each, examples):
    assert run("start", dies=True) == {"output": "waiting 5", "code": -9}
    tasks = json.loads(run("list")["output"])
    first = {path: path.read_bytes() for name in STATE if (path := tmp_path / name).exists()}
    run("forge")  # approvals in the framework alone
    assert payments(tmp_path) == []

    decide(decision(tasks["A1"], "approve"))
    for path, content in first.items():
        if (other := content.replace(b"20.0", b"90.0")) != content:
            path.write_bytes(other)
            run("forge")  # a saved state with other arguments than the approved ones
            assert payments(tmp_path) == []
            path.write_bytes(content)
    run("wake", dies=True)
    assert payments(tmp_path) == [["A1", 20.0]]

    decide(
        decision(tasks["A2"], "modify", output=EDITED),
        decision(tasks["A3"], "reject", reason="no such order"),
        decision(tasks["A4"], "override", reason="ask first"),
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

    for name, lines in examples.items():
        printed = run("example", path=str(ROOT / "examples" / name / "main.py"))["output"].splitlines()
        effects = [line for line in printed if ">>>" in line]
        assert [line for line in lines if line not in printed] == [], printed
        assert [line for line in lines if ">>>" in line] == effects
