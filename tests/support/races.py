"""Answers that conflict, and processes that each give a share of them at once, from as many threads.

Run as a script: STORE TASKS PROCESSES ANSWERS_EACH, the tasks with commas between. It imports once and forks, and
prints the result of each answer.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier
from typing import Any

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.errors import ReviewAlreadyDecided

KINDS = ("approve", "reject", "modify", "override")
REVIEWERS = ("domain_reviewer", "senior_manager", "compliance_officer")


def answer_number(number: int) -> Review:
    """The answer of this number: no two are alike."""
    kind = KINDS[number % len(KINDS)]
    fields: dict[str, Any] = {"human_decision": kind, "human_feedback": f"answer {number}", "reason": "an exception"}
    if kind == "modify":
        fields["modified_output"] = {"predicted_label": f"label {number}"}
    return Review(reviewer_id=REVIEWERS[number % len(REVIEWERS)], **fields)


def outcome_of(hitl: Orchestrator, task_id: str, number: int) -> dict[str, Any]:
    """Send one answer, and return its result."""
    try:
        case = hitl.decide(task_id=task_id, decision=answer_number(number))
    except ReviewAlreadyDecided as refusal:
        stands = {"reviewer": refusal.reviewer, "decision": refusal.decision}
        return {"task_id": task_id, "number": number, "result": "refused", **stands}
    record = None if case.record is None else case.record.model_dump(mode="json")
    return {"task_id": task_id, "number": number, "result": "accepted", "record": record}


def race(hitl: Orchestrator, task_id: str, numbers: range) -> list[dict[str, Any]]:
    """Send all these answers concurrently, a thread each."""
    together = Barrier(len(numbers))

    def answer(number: int) -> dict[str, Any]:
        together.wait()
        return outcome_of(hitl, task_id, number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(answer, numbers))


def take_a_share(store: str, tasks: Sequence[str], numbers: range, wait: Callable[[], object]) -> None:
    """Open the store in this process, and for each task wait for the others and print the result of each answer."""
    with Orchestrator.open(store) as hitl:
        assert hitl._services.runner
        for task_id in tasks:
            hitl.cases.get(task_id=task_id)
            wait()
            for reported in race(hitl, task_id, numbers):
                os.write(1, f"{json.dumps(reported)}\n".encode())


def warm_up() -> None:
    """Decide a case before the fork, so that no child pays for the first use of anything."""
    task = {"task_id": "t", "task_type": "t", "task_description": "d", "domain": "d", "risk_level": "high"}
    with Orchestrator.open("memory://") as hitl:
        case = hitl.submit(task, {"agent_output": {"predicted_label": "label"}})
        hitl.decide(case.case_id, answer_number(5))


def main(store: str, tasks: Sequence[str], processes: int, each: int) -> None:
    warm_up()
    together = get_context("fork").Barrier(processes, timeout=60)
    children = []
    for share in range(processes):
        child = os.fork()
        if child == 0:
            try:
                take_a_share(store, tasks, range(share * each, (share + 1) * each), together.wait)
            except BaseException:
                together.abort()
                raise
            os._exit(0)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(statuses))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4]))
