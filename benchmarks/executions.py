"""The cost of an execution: `begin` and `done` of an approved call against its `submit`, and all that `ask` adds."""

import gc
import json
import logging
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from hitl_orchestrator import Go, Orchestrator, Task, proposed_call

CALLS_A_ROUND, ROUNDS = 30, 5
TASK = {"task_type": "refund", "task_description": "Refund an order", "domain": "customer_support", "risk_level": "low"}


def measure(store: str) -> dict[str, float]:
    """Return the milliseconds of a submission, of asking twice, and of `begin` and `done`, and the ratio."""
    submits, asks, executions = [], [], []
    with Orchestrator.open(store, head_file=False) as hitl:
        hitl.cases.prepare()
        for number in range(CALLS_A_ROUND * ROUNDS):
            key, output = f"call-{number}", proposed_call("refund", {"amount": number}, confidence=0.95)
            task = Task(task_id=f"task-{number}", **TASK)
            started = perf_counter()
            hitl.submit(task, output.model_copy(update={"task_id": task.task_id}))
            submitted = perf_counter()
            answer = hitl.ask(key, task, output)
            asked = perf_counter()
            assert isinstance(answer, Go)
            begun = answer.grant.begin(answer.arguments)
            begun.done({"refunded": number})
            ended = perf_counter()
            submits.append(submitted - started)
            asks.append(asked - submitted)
            executions.append(ended - asked)
    skipped = CALLS_A_ROUND
    figures = [1000 * median(each[skipped:]) for each in (submits, asks, executions)]
    submit_ms, ask_ms, execution_ms = figures
    return {
        "submit_ms": submit_ms,
        "ask_ms": ask_ms,
        "begin_and_done_ms": execution_ms,
        "begin_and_done_over_submit": execution_ms / submit_ms,
    }


def main() -> None:
    """Print the figures as JSON."""
    logging.disable(logging.WARNING)
    gc.disable()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(f"sqlite:///{Path(folder) / 'hitl.db'}"), indent=2))


if __name__ == "__main__":
    main()
