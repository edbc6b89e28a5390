"""An agent is killed while its call waits, another process decides, a third resumes it: the call is made once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.orchestrator import LedgerAudit

TESTS = Path(__file__).parents[1]
CALLS = [{"id": "call_0", "arguments": {"to": "ann", "cents": 4000}}]


class Processes:
    """Processes that carry an order out each, and are killed when they have reported."""

    def __init__(self, program, folder, threads):
        self._program, self.effects = program, folder / "effects"
        self.environment = {
            "AGENT_STORE": f"sqlite:///{folder / 'hitl.db'}",
            "AGENT_THREADS": threads,
            "AGENT_EFFECTS": str(self.effects),
        }

    def report(self, do, environment=None, **order):
        given = {"do": do, "thread": "t", "environment": {**self.environment, **(environment or {})}, **order}
        self._program.stdin.write(f"{json.dumps(given)}\n")
        self._program.stdin.flush()
        return json.loads(self._program.stdout.readline())

    def did(self, do, environment=None, **order):
        report = self.report(do, environment, **order)
        assert "did" in report, report
        return report["did"]

    def made(self):
        """The arguments with which the tool was called."""
        return [json.loads(line) for line in self.effects.read_text().splitlines()] if self.effects.exists() else []

    def store(self):
        return Orchestrator.open(self.environment["AGENT_STORE"])

    def check_ledger(self):
        with LedgerAudit(self.environment["AGENT_STORE"]) as audit:
            verified = audit.verify()
            assert verified.problem is None, verified


@pytest.fixture(scope="module")
def program():
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "support.embedded_agent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as child:
        yield child
        child.stdin.close()


@pytest.fixture
def on_sqlite(program, tmp_path):
    return Processes(program, tmp_path, str(tmp_path / "threads.db"))


DECISIONS = {
    "approve": ({}, [{"to": "ann", "cents": 4000}], "sent to ann"),
    "modify": (
        {"modified_output": {"predicted_label": "send", "arguments": {"to": "bob", "cents": 1}}},
        [{"to": "bob", "cents": 1}],
        "sent to bob",
    ),
    "reject": ({"reason": "too much"}, [], "no: it was rejected: too much"),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_killed_agent_is_resumed_by_a_process_that_knows_a_reference_to_it(on_sqlite, decision):
    check_life_of_a_call(on_sqlite, decision)


def test_a_killed_agent_on_postgresql_is_resumed_as_well(program, tmp_path, empty_database):
    threads = empty_database.replace("postgresql+psycopg", "postgresql")
    check_life_of_a_call(Processes(program, tmp_path, threads), "modify")


def check_life_of_a_call(processes, decision):
    """Kill the process that asked, decide in another one, resume in a third."""
    more, called, result = DECISIONS[decision]
    (pause,) = processes.did("start", calls=CALLS)["pauses"]

    review = {"human_decision": decision, "reviewer_id": "domain_reviewer", **more}
    processes.did("decide", case_id=pause["case_id"], review=review)
    done = processes.did("resume", case_id=pause["case_id"], namespace="")

    assert done == [result, "end"]
    assert processes.made() == called
    processes.check_ledger()


def test_the_process_that_decides_resumes_the_agents_of_parallel_calls_in_any_order(on_sqlite):
    calls = [{"id": "call_0", "arguments": {"to": to}} for to in ("ann", "bob", "eve")]
    pauses = on_sqlite.did("start", calls=calls)["pauses"]
    waiting = {each["proposal"]["arguments"]["to"]: each["case_id"] for each in pauses}
    for to in ("eve", "ann", "bob"):
        review = {"human_decision": "approve", "reviewer_id": "domain_reviewer"}
        on_sqlite.did("decide", case_id=waiting[to], review=review, resuming=True)

    assert on_sqlite.did("state") == {"done": ["sent to ann", "sent to bob", "sent to eve", "end"], "pauses": []}
    assert [each["to"] for each in on_sqlite.made()] == ["eve", "ann", "bob"]
    with on_sqlite.store() as hitl:
        assert hitl.cases.wakeups() == []


def test_an_agent_that_is_killed_inside_of_its_tool_asks_a_person_and_never_makes_the_call_again(on_sqlite):
    (pause,) = on_sqlite.did("start", calls=CALLS)["pauses"]
    review = {"human_decision": "approve", "reviewer_id": "domain_reviewer"}
    on_sqlite.did("decide", case_id=pause["case_id"], review=review)
    short = {"AGENT_LEASE": "0.5"}
    assert on_sqlite.report("go on", {**short, "AGENT_DIES_IN_TOOL": "1"}) == {"raised": "killed"}

    while (now := on_sqlite.did("go on", short)["pauses"][0])["review_id"] is None:
        assert "is carried out by" in now["refused"]
    assert now["review_id"].startswith(now["check_id"])
    assert "did not record its end" in now["refused"]
    with on_sqlite.store() as hitl:
        hitl.decide(now["check_id"], "approve", reviewer="senior_manager")

    assert on_sqlite.did("go on", short)["pauses"] == []
    assert len(on_sqlite.made()) == 1
    on_sqlite.check_ledger()
