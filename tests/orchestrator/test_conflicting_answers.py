"""Many conflicting answers to many requests, from threads, processes and an event loop: each request has one winner."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.builders import a_task, an_output
from support.races import answer_number, outcome_of, race

from hitl_orchestrator.domain.enums import CaseStage

TESTS = Path(__file__).parents[1]
SIZES = [(16, 10), (64, 3), pytest.param(64, 200, marks=pytest.mark.soak)]


def by_threads(hitl, store, tasks, answers):
    return [reported for task_id in tasks for reported in race(hitl, task_id, range(answers))]


def by_processes(hitl, store, tasks, answers):
    processes = 4
    command = [
        sys.executable,
        TESTS / "support" / "races.py",
        store,
        ",".join(tasks),
        str(processes),
        str(answers // processes),
    ]
    racing = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in racing.stdout.splitlines()]


def by_a_loop(hitl, store, tasks, answers):
    """As `adecide` does, which is `decide` in a thread of the loop."""

    async def all_of_them(task_id):
        return await asyncio.gather(
            *(asyncio.to_thread(outcome_of, hitl, task_id, number) for number in range(answers))
        )

    return [reported for task_id in tasks for reported in asyncio.run(all_of_them(task_id))]


@pytest.mark.parametrize("ways", [by_threads, by_processes, by_a_loop], ids=["threads", "processes", "asyncio"])
@pytest.mark.parametrize(("answers", "requests"), SIZES)
def test_one_of_many_concurrent_decisions_is_accepted(opened, durable_store, ways, answers, requests):
    hitl = opened(durable_store, reviewers=None)
    tasks = [f"task-{number}" for number in range(requests)]
    for name in tasks:
        hitl.submit(a_task(name), an_output(name, confidence=0.5))

    reported = ways(hitl, durable_store, tasks, answers)

    assert len(reported) == answers * requests
    for name in tasks:
        check_one_winner(hitl, name, [each for each in reported if each["task_id"] == name])
    assert sorted(record.task_id for record in hitl.audit.records()) == sorted(tasks)
    assert hitl.recover() == []
    assert hitl.audit.verify().sound


def check_one_winner(hitl, task_id, reported):
    """Assert that one answer was accepted and executed once, and that all others got its result."""
    case = hitl.cases.get(task_id=task_id)
    kinds = Counter(event.kind.value for event in hitl.cases.history(task_id=task_id))
    (winner,) = [each for each in reported if each["result"] == "accepted"]
    answer = answer_number(winner["number"])

    assert (kinds["decided"], kinds["resumed"], kinds["finished"]) == (1, 1, 1)
    assert case.stage is CaseStage.FINISHED
    assert winner["record"] == case.record.model_dump(mode="json")
    assert (case.record.reviewer_id, case.record.human_decision) == (answer.reviewer_id, answer.human_decision)
    assert case.record.human_feedback == answer.human_feedback
    stands = (answer.reviewer_id, answer.human_decision.value)
    assert {(each["reviewer"], each["decision"]) for each in reported if each["result"] == "refused"} == {stands}
