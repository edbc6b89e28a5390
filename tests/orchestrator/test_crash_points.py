"""Processes that die before each of their commits in turn: after recovery each case is in the right stage."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from langgraph.types import Command
from support.forked_process import answers_to, task_number
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import UnknownCase

AUTO, HUMAN, PASSED_UP = 0, 1, 13
DIED = 9
MOST_COMMITS = 40

# The operation, its task, the steps before it, and the resulting status of the case.
PATHS = {
    "submit what goes ahead": ("submit", AUTO, (), "approved"),
    "submit what needs a person": ("submit", HUMAN, (), "waiting"),
    "decide": ("decide", HUMAN, ("submit",), "approved"),
    "pass up": ("decide", PASSED_UP, ("submit",), "waiting"),
    "decide what was passed up": ("decide", PASSED_UP, ("submit", "decide"), "approved"),
}

# The task of a case that is not finished and does not wait, the steps before it, its status, and the resulting status.
HALF_DONE = {
    "received, and goes ahead": (AUTO, ("enqueue",), "received", "approved"),
    "received, and needs a person": (HUMAN, ("enqueue",), "received", "waiting"),
    "decided": (HUMAN, ("submit", "half_decide"), "decided", "approved"),
}

A_RULE = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review", "respond_within": "PT0.001S"}


def order(do, number, step):
    return {"do": do, "numbers": [number], "steps": [[number, step]]}


@pytest.fixture
def prepared(process, tmp_path):
    """Return a maker of stores in which some steps were done already, each made once and copied."""
    originals: dict[tuple, Path] = {}

    def make(number, before, name):
        if (number, before) not in originals:
            original = originals[number, before] = tmp_path / f"original-{len(originals)}.db"
            for do in before:
                process(**order(do, number, 0), store=f"sqlite:///{original}")
        copy = tmp_path / f"{name}.db"
        if before:
            for end in ("", ".key"):
                shutil.copy(f"{originals[number, before]}{end}", f"{copy}{end}")
        return f"sqlite:///{copy}"

    return make


def stands(store, number):
    """Return the status of the case, after asserting that no step happened twice."""
    with Orchestrator.open(store) as hitl:
        try:
            case = hitl.cases.get(task_id=f"task-{number}")
        except UnknownCase:
            return None
        counts = Counter(event.kind.value for event in hitl.cases.history(case.case_id))
        assert counts.pop("review_opened", 1) == 1 + counts.get("escalated", 0)
        assert set(counts.values()) == {1}
        assert (case.record is not None) == (counts["finished"] == 1)
        if case.record is not None and answers_to(number):
            assert counts["decided"] + counts["expired"] == 1
        return case.status


@pytest.mark.parametrize("path", PATHS)
def test_a_crash_before_any_commit_leaves_a_resumable_case(process, prepared, path):
    do, number, before, after = PATHS[path]
    step = before.count("decide")
    untouched = None if do == "submit" else "waiting"

    for nth in range(1, MOST_COMMITS):
        store = prepared(number, before, f"dies-{nth}")
        died = process(**order(do, number, step), store=store, die_at=nth)
        assert died["status"] in (DIED, 0)

        recovered = process("recover", store=store)
        assert recovered["status"] == 0
        assert process("recover", store=store)["lines"] == []
        # Recorded or not, the answer leaves the case in the state before or after it, never between.
        assert stands(store, number) in ({after} if died["lines"] else {after, untouched})
        if not died["lines"]:
            assert process(**order(do, number, step), store=store)["status"] == 0
        assert stands(store, number) == after
        if died["status"] == 0:
            break

    assert 2 <= nth < MOST_COMMITS


@pytest.mark.parametrize(("then", "after"), [("reject", "rejected"), ("escalate", "waiting")])
def test_a_crash_during_maintenance_leaves_a_resumable_case(process, tmp_path, then, after):
    policy = {"policy_id": "timed", "rules": [A_RULE | {"on_timeout": then}]}
    original = tmp_path / "original.db"
    process(**order("submit", HUMAN, 0), store=f"sqlite:///{original}", policy=policy)

    for nth in range(1, MOST_COMMITS):
        store = f"sqlite:///{tmp_path}/dies-{nth}.db"
        for end in ("", ".key"):
            shutil.copy(f"{original}{end}", f"{tmp_path}/dies-{nth}.db{end}")
        died = process("sweep", store=store, die_at=nth)
        assert died["status"] in (DIED, 0)

        assert process("recover", store=store)["status"] == 0
        with Orchestrator.open(store) as hitl:
            kinds = Counter(event.kind.value for event in hitl.cases.history(task_id=f"task-{HUMAN}"))
            assert kinds["expired"] + kinds["escalated"] <= 1
        # What is passed up is out of time again at once: only what was not swept is swept now.
        if not kinds["expired"] + kinds["escalated"]:
            assert process("sweep", store=store)["status"] == 0
        assert stands(store, HUMAN) == after
        if died["status"] == 0:
            break

    assert 2 <= nth < MOST_COMMITS


def test_a_crash_during_redaction_erases_all_or_nothing(process, prepared):
    """Before the commit all texts exist, after it none; repeating it clears the remains in the file."""
    seen = set()
    for nth in range(1, MOST_COMMITS):
        store = prepared(HUMAN, ("submit", "decide"), f"dies-{nth}")
        died = process(**order("redact", HUMAN, 0), store=store, die_at=nth)
        with Orchestrator.open(store) as hitl:
            case = hitl.cases.get(task_id=f"task-{HUMAN}")
            kinds = Counter(event.kind.value for event in hitl.cases.history(case.case_id))
            assert hitl.audit.verify().problem is None
            assert (case.redacted, kinds["redacted"]) in ((False, 0), (True, 1))
            assert case.redacted == (f"label {HUMAN}" not in case.model_dump_json())
            assert case.redacted or not died["lines"]
            seen.add(case.redacted)

        assert process(**order("redact", HUMAN, 0), store=store)["status"] == 0
        with Orchestrator.open(store) as hitl:
            assert hitl.cases.get(case.case_id).redacted
            assert hitl.audit.verify().problem is None
        assert f"label {HUMAN}".encode() not in Path(store.removeprefix("sqlite:///")).read_bytes()
        if died["status"] == 0:
            break

    assert seen == {True, False}


@pytest.mark.parametrize("path", HALF_DONE)
def test_a_crash_during_recovery_leaves_a_resumable_case(process, prepared, path):
    number, before, status, after = HALF_DONE[path]
    with Orchestrator.open(prepared(number, before, "half-done")) as hitl:
        assert hitl.cases.get(task_id=f"task-{number}").status == status

    died = []
    for again in range(1, MOST_COMMITS):
        store = prepared(number, before, f"dies-{again}")
        died.append(process("recover", store=store, die_at=again)["status"])
        assert process("recover", store=store)["status"] == 0
        assert stands(store, number) == after
        if died[-1] == 0:
            break
    assert died[-1] == 0
    assert DIED in died


@pytest.mark.parametrize("path", ["submit what goes ahead", "submit what needs a person", "decide"])
def test_a_crash_leaves_no_case_half_done(process, prepared, path):
    """A new case is recorded with the end of its run, and a decision with its outcome, or not at all."""
    do, number, before, after = PATHS[path]
    for nth in range(1, MOST_COMMITS):
        store = prepared(number, before, f"dies-{nth}")
        died = process(**order(do, number, 0), store=store, die_at=nth)["status"]
        assert stands(store, number) in ({None, after} if do == "submit" else {"waiting", after})
        if died == 0:
            break
    assert stands(store, number) == after


def test_a_leftover_checkpoint_of_a_finished_case_changes_nothing(process, prepared):
    """Between the outcome and the end of the thread a crash leaves the thread. Resuming it repeats nothing."""
    left = []
    for nth in range(1, MOST_COMMITS):
        store = prepared(HUMAN, ("submit", "look"), f"dies-{nth}")
        if process(**order("decide", HUMAN, 0), store=store, die_at=nth)["status"] == 0:
            break
        with Orchestrator.open(store) as hitl:
            case = hitl.cases.get(task_id=f"task-{HUMAN}")
            thread = services_of(hitl).runner.thread(case.case_id)
            if case.record is None or not services_of(hitl).runner._checkpoints.holds(case.case_id):
                continue
            left.append(nth)
            before = list(services_of(hitl).ledger.events())

            forged = {"human_decision": "override", "reviewer_id": "compliance_officer", "reason": "late"}
            result = services_of(hitl).runner.graph.invoke(Command(resume={"decision": forged}), thread)

            assert result["outcome"]["log_id"] == case.record.log_id
            assert list(services_of(hitl).ledger.events()) == before
            assert task_number(HUMAN)[1].agent_output == hitl.cases.get(case.case_id).final_output
            hitl.recover()
            assert services_of(hitl).runner.graph.checkpointer.get_tuple(thread) is None
            assert list(services_of(hitl).ledger.events()) == before

    assert left, "a crash no longer leaves a checkpoint behind: update the decision on durability"
