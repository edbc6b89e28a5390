"""Executions under concurrent wake-ups, and with processes that die at each point: never twice, and never forgotten."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Lock

import pytest
from support import forked_process
from support.calls import approved
from support.forked_process import execute
from support.wake_ups import race

from hitl_orchestrator import Orchestrator

WAKE_UPS = 64
DIED, KILLED, MOST_COMMITS = 9, -9, 40
NUMBER = 1


def test_of_64_concurrent_wake_ups_one_makes_the_call(opened, store):
    hitl, calls, lock = opened(store, reviewers=None), [], Lock()
    approved(hitl, reviewer="domain_reviewer")

    def call(arguments):
        with lock:
            calls.append(arguments)
        return "made"

    results = Counter(race(hitl, "call-1", WAKE_UPS, call))

    assert len(calls) == 1
    assert results["made"] >= 1
    assert results["made"] + results["AlreadyRunning"] == WAKE_UPS
    assert set(race(hitl, "call-1", 2, call)) == {"made"}
    assert len(calls) == 1


def test_of_many_processes_one_makes_the_call(durable_store, tmp_path):
    effects = tmp_path / "effects"
    with Orchestrator.open(durable_store) as hitl:
        approved(hitl, reviewer="domain_reviewer")
    script = Path(__file__).parents[1] / "support" / "wake_ups.py"
    command = [sys.executable, script, durable_store, "call-1", "4", "4", effects]

    environment = {**os.environ, "PYTHONPATH": str(script.parents[1])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)

    results = Counter(done.stdout.split())
    assert effects.read_text() == "5\n"
    assert results["made"] + results["AlreadyRunning"] == 16
    with Orchestrator.open(durable_store) as hitl:
        assert hitl.executions.list()[0].status == "finished"
        assert hitl.audit.verify().sound


def order(effects, **dies):
    return {"numbers": [NUMBER], "effects": str(effects), **dies}


def copies(original, copy):
    for end in ("", ".key"):
        shutil.copy(f"{original}{end}", f"{copy}{end}")
    return f"sqlite:///{copy}"


def check_settled(store, effects, made):
    """Recover, wake up again, and check that the call was made at most once, and that a person knows of an open end."""
    with Orchestrator.open(store) as hitl:
        hitl.recover()
        again = []
        execute(hitl, order(effects), again.append)
        (execution,) = hitl.executions.list()
        asked = [request.case_id for request in hitl.inbox()]
        assert hitl.audit.verify().sound
    made_now = lines_of(effects)
    if execution.status == "unknown":
        assert (again, asked, made_now) == (["ExecutionUnknown"], [execution.check_id], made)
    else:
        assert (execution.status, execution.result) == ("finished", "done")
        assert (again, asked, made_now) == (["done"], [], [str(NUMBER)])
    return execution.status


def lines_of(effects):
    return effects.read_text().splitlines() if effects.exists() else []


def test_a_process_that_dies_at_any_commit_of_an_execution_makes_no_call_twice(process, tmp_path):
    original, ends = tmp_path / "original.db", Counter()
    with Orchestrator.open(f"sqlite:///{original}") as hitl:
        hitl.decide(forked_process.ask(hitl, NUMBER).case_id, "approve", reviewer="senior_manager")
    for nth in range(1, MOST_COMMITS):
        effects, store = tmp_path / f"effects-{nth}", copies(original, tmp_path / f"dies-{nth}.db")
        died = process("execute", store=store, **order(effects, die_at=nth, dies_in_run=True))
        made = lines_of(effects)

        ends[check_settled(store, effects, made)] += 1

        if died["status"] == 0:
            break
        assert died["status"] == DIED
    assert 6 <= nth < MOST_COMMITS
    assert set(ends) == {"unknown", "finished"}


def test_a_process_that_is_killed_inside_the_call_is_put_before_a_person(process, tmp_path):
    effects, store = tmp_path / "effects", f"sqlite:///{tmp_path / 'hitl.db'}"
    killed = process("execute", store=store, **order(effects, dies_inside=True))

    assert killed["status"] == KILLED
    check_settled(store, effects, [str(NUMBER)])
    with Orchestrator.open(store) as hitl:
        (execution,) = hitl.executions.list("unknown")
        hitl.decide(execution.check_id, "approve", reviewer="senior_manager")
        assert hitl.executions.get(execution.case_id).status == "finished"


@pytest.mark.parametrize("died_at", [1, 2, 3])
def test_a_process_that_dies_while_it_asks_the_person_leaves_that_to_the_next(process, tmp_path, died_at):
    effects, store = tmp_path / "effects", f"sqlite:///{tmp_path / 'hitl.db'}"
    process("execute", store=store, **order(effects, dies_inside=True))

    assert process("recover", store=store, die_at=died_at + 1)["status"] == DIED

    check_settled(store, effects, [str(NUMBER)])
