"""Many threads that submit one new task at once: one case, and for each other thread that case or a conflict."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator.errors import TaskConflict

THREADS = 64


def at_once(submit):
    """Call `submit` with the number of each thread, all at once; return the cases and the conflicts."""
    together = Barrier(THREADS)

    def wait_and_submit(number):
        together.wait()
        try:
            return submit(number)
        except TaskConflict as exc:
            return exc

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(wait_and_submit, range(THREADS)))
    conflicts = [answer for answer in answers if isinstance(answer, TaskConflict)]
    return [answer for answer in answers if not isinstance(answer, TaskConflict)], conflicts


def assert_one_case(hitl, case_ids, status):
    (case_id,) = case_ids
    assert hitl.cases.get(task_id="task-1").case_id == case_id
    assert hitl.cases.get(case_id).status == status
    kinds = Counter(event.kind.value for event in services_of(hitl).ledger.events() if event.case_id)
    assert kinds == Counter(["submitted", "routed", "finished" if status == "approved" else "review_opened"])
    assert len(list(hitl.audit.records())) == (status == "approved")
    assert hitl.recover() == []
    assert hitl.audit.verify().sound


@pytest.mark.parametrize(("confidence", "status"), [(0.9, "approved"), (0.5, "waiting")])
def test_one_task_of_many_threads_is_one_case(hitl, confidence, status):
    cases, conflicts = at_once(lambda number: hitl.submit(a_task(), an_output(confidence=confidence)))

    assert (len(cases), conflicts) == (THREADS, [])
    assert {case.status for case in cases} == {status}
    assert_one_case(hitl, {case.case_id for case in cases}, status)


@pytest.mark.parametrize(("confidence", "status"), [(0.9, "approved"), (0.5, "waiting")])
def test_one_task_with_other_content_in_each_thread_is_one_case_and_conflicts(hitl, confidence, status):
    cases, conflicts = at_once(
        lambda number: hitl.submit(a_task(task_description=f"number {number}"), an_output(confidence=confidence))
    )

    assert (len(cases), len(conflicts)) == (1, THREADS - 1)
    assert_one_case(hitl, {case.case_id for case in cases}, status)
