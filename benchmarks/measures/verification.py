"""The verification of a ledger of a million entries with all its tables: `hitl audit verify` as a whole process."""

from collections.abc import Iterator

from benchmarks.examples import AUTO, typed
from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import child
from hitl_orchestrator import Orchestrator

ENTRIES, ENTRIES_A_CASE = 1_000_000, 3


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield time and memory."""
    count = size.of(30, 30_000, ENTRIES)
    store = stores.sqlite()
    with Orchestrator.open(store) as hitl:
        cases = -(-count // ENTRIES_A_CASE)
        task, output = typed("task", AUTO)
        named = ({"task_id": f"t{number}"} for number in range(cases))
        pairs = [(task.model_copy(update=each), output.model_copy(update=each)) for each in named]
        hitl.submit_many([task for task, _ in pairs], [output for _, output in pairs])
    ran = child(["-m", "hitl_orchestrator.cli", "audit", "verify", "--store", store])
    what = f"verification of {count:,} entries and their tables, SQLite"
    yield Row(f"{what}: time", ran.s, "s", ran.cpu_s, at_most(9, ENTRIES), count)
    yield Row(f"{what}: peak memory", ran.peak_mb, "MB", of=count)
