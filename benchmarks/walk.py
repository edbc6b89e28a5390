"""Walk one submission and one decision: the code that they enter, and their database statements.

`python -m benchmarks.walk` profiles a warm `submit` of a task that needs a reviewer, and a warm final `decide`, on
SQLite, compared with the figures before the restructuring.
"""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import hitl_orchestrator
from hitl_orchestrator import AgentOutput, Orchestrator, Task
from hitl_orchestrator.ledger.database.sqlite import SqliteDatabase, SqliteTransaction

PACKAGE = str(Path(hitl_orchestrator.__file__).parent)

BEFORE = {
    "submit": {"calls": 567, "files": 45, "changes of file": 184, "changes of package": 79, "depth": 27}
    | {"transactions": 5, "statements": 12},
    "decide": {"calls": 1140, "files": 51, "changes of file": 332, "changes of package": 159, "depth": 27}
    | {"transactions": 10, "statements": 21},
}


@dataclass
class Walk:
    """The calls of one operation, in order, and its use of the database. LangGraph's own statements are left out."""

    calls: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    depth: int = 0
    transactions: int = 0
    statements: int = 0

    def figures(self) -> dict[str, int]:
        """Return the figures of the table."""
        packages = [str(Path(file).parent) for file in self.calls]
        return {
            "calls": len(self.calls),
            "files": len(set(self.calls)),
            "changes of file": _changes(self.calls),
            "changes of package": _changes(packages),
            "depth": self.depth,
            "transactions": self.transactions,
            "statements": self.statements,
        }


def walked(operation: Callable[[], object]) -> Walk:
    """Run an operation under the profiler."""
    walk = Walk()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and _is_ours(frame):
            walk.calls.append(frame.f_code.co_filename)
            walk.names.append(frame.f_code.co_name)
            walk.depth = max(walk.depth, _depth(frame))

    with _counted(walk):
        threading.setprofile(profile)
        sys.setprofile(profile)
        try:
            operation()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return walk


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(PACKAGE)


def _depth(frame: FrameType | None) -> int:
    count = 0
    while frame is not None:
        count += _is_ours(frame)
        frame = frame.f_back
    return count


def _changes(places: list[str]) -> int:
    return sum(place != before for before, place in itertools.pairwise(places))


@contextmanager
def _counted(walk: Walk) -> Iterator[None]:
    """Count the transactions and statements of our own tables."""
    run, run_each = SqliteTransaction.run, SqliteTransaction.run_each
    read, write = SqliteDatabase.read, SqliteDatabase.write

    def counting(method: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            setattr(walk, name, getattr(walk, name) + 1)
            return method(*args, **named)

        return counted

    patched: Any = SqliteTransaction, SqliteDatabase
    patched[0].run, patched[0].run_each = counting(run, "statements"), counting(run_each, "statements")
    patched[1].read, patched[1].write = counting(read, "transactions"), counting(write, "transactions")
    try:
        yield
    finally:
        patched[0].run, patched[0].run_each, patched[1].read, patched[1].write = run, run_each, read, write


def walks() -> dict[str, Walk]:
    """Return the walks of a warm submission and a warm decision."""
    with TemporaryDirectory() as folder, Orchestrator.open(f"sqlite:///{folder}/hitl.db") as hitl:
        done: dict[str, Walk] = {}
        for number in range(2):  # the first round imports and compiles
            task, output = _task(f"task-{number}")
            done["submit"] = walked(lambda task=task, output=output: hitl.submit(task, output))  # type: ignore[misc]
            case_id = hitl.cases.get(task_id=task.task_id).case_id
            done["decide"] = walked(
                lambda case_id=case_id: hitl.decide(case_id, "approve", reviewer="domain_reviewer")  # type: ignore[misc]
            )
        return done


def _task(task_id: str) -> tuple[Task, AgentOutput]:
    task = Task(
        task_id=task_id,
        task_type="document_classification",
        task_description="Classify an email",
        domain="customer_support",
        risk_level="low",
        timestamp=datetime(2025, 1, 10, 9, tzinfo=UTC),
    )
    proposal = {"predicted_label": "Refund", "explanation": "It asks for the money back"}
    return task, AgentOutput(task_id=task_id, agent_output=proposal, confidence_score=0.5)


def main() -> None:
    """Print the table."""
    print(f"{'':20}{'submit':>10}{'before':>10}{'decide':>10}{'before':>10}")
    figures = {name: walk.figures() for name, walk in walks().items()}
    for row in BEFORE["submit"]:
        cells = [value for name in ("submit", "decide") for value in (figures[name][row], BEFORE[name][row])]
        print(f"{row:20}{''.join(f'{cell:>10}' for cell in cells)}")


if __name__ == "__main__":
    main()
