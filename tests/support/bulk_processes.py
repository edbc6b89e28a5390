"""Processes that submit overlapping tasks in chunks. Run as a script: STORE CHUNK FIRST LAST; prints each case."""

import sys

from hitl_orchestrator import Orchestrator
from support.forked_process import task_number


def main() -> None:
    store, chunk, first, last = sys.argv[1], *map(int, sys.argv[2:])
    given = [task_number(number) for number in range(first, last)]
    with Orchestrator.open(store) as hitl:
        sys.stdin.readline()
        hitl.submit_many(
            (task for task, _ in given),
            (output for _, output in given),
            chunk=chunk,
            on_case=lambda case: print(case.task_id, case.case_id, case.status, flush=True),  # noqa: T201 - what the parent reads
        )


if __name__ == "__main__":
    main()
