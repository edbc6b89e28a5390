"""A whole process of the command line: `hitl inbox`, from start to end."""

from collections.abc import Iterator

from benchmarks.examples import REVIEWED, typed
from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Spent, child, medians
from hitl_orchestrator import Orchestrator

WAITING = 50


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the milliseconds of processor time of the command."""
    store = stores.sqlite()
    with Orchestrator.open(store) as hitl:
        for number in range(size.of(2, WAITING, WAITING)):
            hitl.submit(*typed(f"t{number}", REVIEWED))
    command = ["-m", "hitl_orchestrator.cli", "inbox", "--store", store]
    child(command)
    ran = [child(command) for _ in range(size.of(1, 5, 15))]
    took = medians([Spent(1000 * each.s, 1000 * each.cpu_s) for each in ran])
    note = f"{took.wall:.0f} ms by the clock, {max(each.peak_mb for each in ran):.0f} MB"
    yield Row(f"hitl inbox, {WAITING} open reviews, whole process: CPU", took.cpu, "ms", aim=at_most(240), note=note)
