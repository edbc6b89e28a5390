"""One decision: two hundred concurrent, conflicting answers to one review, of which exactly one is accepted."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.races import answer_number, race

from hitl_orchestrator.domain.enums import CaseStage

ANSWERS = 200
PROCESSES = 8
TESTS = Path(__file__).parents[1]


@pytest.fixture
def hitl(opened, store):
    return opened(store, reviewers=None)


@pytest.fixture(autouse=True)
def _nothing_is_left(request, hitl):
    """A finished case leaves no checkpoint behind, however many processes resumed it."""
    yield
    places = {
        each.config["configurable"]["thread_id"] for each in services_of(hitl).runner.graph.checkpointer.list(None)
    }
    assert places <= {row.case_id for row in hitl.inbox()}


def waiting(hitl):
    return hitl.submit(a_task(), an_output(confidence=0.5))


def check_one_decision(hitl, reported):
    """Of all that answered, one was accepted; it is the outcome, and all others got its result."""
    case = hitl.cases.get(task_id="task-1")
    kinds = Counter(event.kind.value for event in hitl.cases.history(task_id="task-1"))
    winners = [each for each in reported if each["result"] == "accepted"]
    (winner,) = winners
    answer = answer_number(winner["number"])

    kinds.pop("refused", None)
    assert kinds == {"submitted": 1, "routed": 1, "review_opened": 1, "decided": 1, "resumed": 1, "finished": 1}
    assert case.stage is CaseStage.FINISHED
    assert case.record.human_decision == answer.human_decision
    assert case.record.human_feedback == answer.human_feedback
    assert case.record.reviewer_id == answer.reviewer_id
    assert case.record.final_output == (
        answer.modified_output
        if answer.human_decision != "approve"
        else case.reviews[0].shown.routing.output.agent_output
    )
    assert list(hitl.audit.records()) == [case.record]
    assert winner["record"] == case.record.model_dump(mode="json")
    lost = [each for each in reported if each["result"] == "refused"]
    assert len(lost) == len(reported) - 1
    assert {(each["reviewer"], each["decision"]) for each in lost} == {
        (answer.reviewer_id, answer.human_decision.value)
    }


def test_one_of_two_hundred_threads_decides(hitl):
    waiting(hitl)

    reported = race(hitl, "task-1", range(ANSWERS))

    check_one_decision(hitl, reported)
    assert hitl.recover() == []


@pytest.mark.parametrize("attempt", range(10))
def test_one_of_several_threads_decides_each_time(hitl, attempt):
    waiting(hitl)

    check_one_decision(hitl, race(hitl, "task-1", range(8)))


def test_two_hundred_equal_answers_are_one_decision_with_one_receipt(hitl):
    waiting(hitl)

    reported = race(hitl, "task-1", [4] * ANSWERS)

    assert Counter(each["result"] for each in reported) == {"accepted": ANSWERS}
    kinds = Counter(event.kind.value for event in hitl.cases.history(task_id="task-1"))
    assert (kinds["decided"], kinds["finished"]) == (1, 1)
    final = hitl.cases.get(task_id="task-1").record.model_dump(mode="json")
    assert [each["record"] for each in reported if each["record"]] == [final] * ANSWERS


def test_concurrent_escalations_rise_one_level(hitl):
    waiting(hitl)
    together = Barrier(16)

    def escalate(number):
        together.wait()
        try:
            return hitl.decide(
                task_id="task-1", decision=a_review("escalate", "senior_manager", reason=f"reason {number}")
            )
        except Exception as refusal:  # noqa: BLE001 - sorted out below
            return refusal

    with ThreadPoolExecutor(16) as pool:
        reported = list(pool.map(escalate, range(16)))

    assert sum(not isinstance(each, Exception) for each in reported) == 1
    assert [row.role for row in hitl.cases.get(task_id="task-1").reviews] == ["domain_reviewer", "compliance_officer"]


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_one_of_two_hundred_decisions_from_eight_processes_counts(hitl, store):
    waiting(hitl)
    command = [
        sys.executable,
        TESTS / "support" / "races.py",
        store,
        "task-1",
        str(PROCESSES),
        str(ANSWERS // PROCESSES),
    ]

    racing = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)

    reported = [json.loads(line) for line in racing.stdout.splitlines()]
    assert sorted(each["number"] for each in reported) == list(range(ANSWERS))
    check_one_decision(hitl, reported)
    assert hitl.recover() == []


@pytest.mark.parametrize("confidence", [0.9, 0.5])
def test_one_task_submitted_by_many_threads_is_one_case(hitl, confidence):
    together = Barrier(16)

    def submit(_):
        together.wait()
        return hitl.submit(a_task(), an_output(confidence=confidence))

    with ThreadPoolExecutor(16) as pool:
        cases = list(pool.map(submit, range(16)))

    assert len({case.case_id for case in cases}) == 1
    hitl.recover()
    kinds = Counter(event.kind.value for event in hitl.cases.history(task_id="task-1"))
    assert set(kinds.values()) == {1}
    assert hitl.cases.get(task_id="task-1").status == ("approved" if confidence == 0.9 else "waiting")


def test_concurrent_recoveries_are_harmless(hitl):
    names = [f"task-{number}" for number in range(12)]
    for number, name in enumerate(names):
        hitl.cases.enqueue(a_task(name), an_output(name, confidence=0.9 if number % 2 else 0.5))
    together = Barrier(8)

    def recover(_):
        together.wait()
        return hitl.recover()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(recover, range(8)))

    counts = Counter((event.case_id, event.kind.value) for event in services_of(hitl).ledger.events() if event.case_id)
    assert set(counts.values()) == {1}
    assert [hitl.cases.get(task_id=name).status for name in names] == ["waiting", "approved"] * 6
    for name in names[::2]:
        assert hitl.decide(task_id=name, decision=a_review("reject", "domain_reviewer")).status == "rejected"
