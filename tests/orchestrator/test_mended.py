"""Regression tests of defects that users reported."""

import os
import sqlite3
from datetime import timedelta

import pytest
from support.builders import NINE, a_review, a_task, an_output, minutes
from support.internals import services_of

from hitl_orchestrator import AgentOutput, Orchestrator, Review
from hitl_orchestrator.cli import main
from hitl_orchestrator.errors import InvalidInput, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.database import sqlite


def test_a_store_opened_before_a_fork_rejects_the_child_process(opened, sqlite_store):
    hitl = opened(sqlite_store)
    hitl.submit(a_task(), an_output())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            hitl.submit(a_task("in-the-child"), an_output("in-the-child"))
        except Exception as exc:  # noqa: BLE001 - the child reports any error
            os.write(writing, str(exc).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert "opened before this process was forked; open it in the child" in os.read(reading, 1000).decode()


def test_a_closed_store_rejects_calls(sqlite_store):
    hitl = Orchestrator.open(sqlite_store)
    hitl.submit(a_task(), an_output())
    hitl.close()

    with pytest.raises(StoreUnavailable, match="it was closed; open it again"):
        hitl.submit(a_task("later"), an_output("later"))


def test_a_relative_store_path_is_resolved_at_open(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Orchestrator.open("sqlite:///hitl.db") as hitl:
        monkeypatch.chdir(tmp_path / "elsewhere")
        hitl.submit(a_task(risk_level="high"), an_output())

    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "hitl.db").exists()


def test_later_changes_by_the_caller_have_no_effect(hitl):
    extra = {"lines": [1]}
    output = an_output(confidence=0.5, extra=extra)
    hitl.submit(a_task(), output)

    output.agent_output.model_extra["extra"]["lines"].append("evil")
    hitl.inbox()[0].proposal.model_extra["extra"]["lines"].append("evil")

    row = hitl.cases.get(task_id="task-1").open_review
    assert row.shown.digest == row.digest == hitl.inbox()[0].shown_digest
    case = hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    assert case.final_output.model_extra["extra"] == {"lines": [1]}


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda task, output: (task.metadata.update(amount=float("nan")), (task, output))[1],
        lambda task, output: (task, output.model_copy(update={"confidence_score": 5.0})),
        lambda task, output: (task.model_copy(update={"task_id": "no id"}), output),
    ],
)
def test_a_value_that_was_altered_after_validation_is_rejected(hitl, spoiled):
    task, output = spoiled(a_task(), an_output())
    before = list(services_of(hitl).ledger.events())

    with pytest.raises(InvalidInput):
        hitl.submit(task, output)

    assert list(services_of(hitl).ledger.events()) == before


def test_a_record_with_a_future_time_is_rejected(hitl):
    hitl.acting_as("max").submit(a_task(risk_level="high"), an_output(), replay=True)
    recorded = Review(human_decision="approve", human_role="senior_manager", timestamp=NINE + timedelta(days=1))

    with pytest.raises(InvalidInput, match="lies in the future; a recorded review must lie in the past"):
        hitl.acting_as("max").cases.replay(recorded, task_id="task-1")


def test_the_record_of_a_replayed_case_is_marked(hitl, clock):
    clock.tick(3600)
    hitl.acting_as("max").submit(a_task(risk_level="high"), an_output(), replay=True)

    case = hitl.acting_as("max").cases.replay(
        Review(human_decision="approve", human_role="senior_manager", timestamp=minutes(12)), task_id="task-1"
    )

    assert case.record.replayed
    assert not hitl.submit(a_task("live"), an_output("live")).record.replayed


def test_a_task_named_like_a_case_is_refused(hitl):
    case = hitl.submit(a_task(), an_output())

    with pytest.raises(InvalidInput, match="this is the id of a case; use another task id"):
        hitl.submit(a_task(case.case_id), an_output(case.case_id))


@pytest.mark.parametrize("limit", [0, -1, 10**20])
def test_an_inbox_of_an_impossible_length_is_refused(hitl, limit):
    with pytest.raises(InvalidInput, match="limit"):
        hitl.inbox(limit=limit)


def test_an_id_that_cannot_be_stored_is_unknown(hitl):
    with pytest.raises(UnknownCase):
        hitl.cases.get(task_id="\ud800")


def test_the_shown_prefix_of_a_digest_identifies_it(hitl, waits):
    row = waits(hitl).open_review

    assert (
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana", shown_digest=row.digest[:12])).status
        == "approved"
    )


def test_resubmitting_an_escalated_task_writes_nothing(opened, sqlite_store, waits):
    hitl = opened(sqlite_store)
    waits(hitl)
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    before = list(services_of(hitl).ledger.events())

    with sqlite3.connect(sqlite_store.removeprefix("sqlite:///")) as connection:
        places = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
        assert waits(hitl).status == "waiting"
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == places
    assert list(services_of(hitl).ledger.events()) == before


def test_acknowledged_writes_are_flushed_and_derived_writes_are_not(sqlite_store, monkeypatch):
    stated, connect, mode = [], sqlite.connect, [""]

    def listened(path):
        connection = connect(path)
        connection.set_trace_callback(stated.append)
        return connection

    def flushed():
        """Return how each transaction that writes was committed since the last call."""
        found = []
        for line in stated:
            if line.startswith("PRAGMA synchronous="):
                mode[0] = line.partition("=")[2]
            elif line == "BEGIN IMMEDIATE":
                found.append(mode[0])
        stated.clear()
        return found

    monkeypatch.setattr(sqlite, "connect", listened)
    with Orchestrator.open(sqlite_store) as hitl:
        hitl.cases.enqueue(a_task("first"))
        assert flushed()[-1:] == ["FULL"]
        hitl.submit(a_task(), an_output())
        assert flushed() == ["FULL"]  # the intake with the outcome
        hitl.submit(a_task("asks", risk_level="high"), an_output("asks"))
        assert flushed() == ["FULL"]  # the intake with the review
        hitl.decide(task_id="asks", decision=a_review("approve", "senior_manager"))
        assert flushed() == ["FULL"]  # the decision with the outcome
        hitl.submit(a_task("again"), an_output("again"), resubmit=True)
        assert flushed() == ["NORMAL", "FULL"]  # the intake, then the outcome, behind which it is acknowledged
        hitl.cases.enqueue(a_task("accepted"))
        assert flushed() == ["FULL"]


def test_a_store_keeps_its_own_chain(sqlite_store):
    people = {
        "escalation_chain": ["clerk", "boss"],
        "reviewers": [{"reviewer_id": "c", "name": "C", "roles": ["clerk"]}],
    }
    rule = {"rule_id": "r", "priority": 1, "conditions": {}, "action": "human_review", "assigned_human_role": "clerk"}
    policy = {"policy_id": "own", "rules": [rule]}
    with Orchestrator.open(sqlite_store, reviewers=people, policy=policy) as hitl:
        hitl.submit(a_task(), an_output())

    with Orchestrator.open(sqlite_store) as hitl:
        assert [row.needed_role for row in hitl.inbox()] == ["clerk"]
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "c")).status == "approved"


def test_a_run_without_a_policy_uses_that_of_the_store(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--data-into", "data"]) == 0
    (tmp_path / "strict.json").write_text('{"policy_id": "asks_always", "rules": []}')
    given = ["run", "data/tasks.json", "--outputs", "data/agent_outputs.json"]
    (tmp_path / "one.json").write_text(a_task("one").model_dump_json())
    output = AgentOutput(task_id="one", agent_output={"predicted_label": "x"}, confidence_score=0.99)
    (tmp_path / "out.json").write_text(output.model_dump_json())
    assert main([*given, "--policy", "strict.json"]) == 0
    capsys.readouterr()

    assert main(["run", "one.json", "--outputs", "out.json", "--json"]) == 0

    assert '"status": "waiting"' in capsys.readouterr().out
