"""The review desk: thirty-two reviewers who claim and decide at once. A claim is a commit, and is part of the time."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

from benchmarks.report import Row
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.waiting import submit
from hitl_orchestrator import HitlError, Orchestrator, Review
from hitl_orchestrator.errors import RequestRejected

REVIEWERS, DECIDED, MOST_FAILURES = 32, 640, 200


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the throughput of concurrent reviewers, each in a thread, until no review is left."""
    for database, store in stores.databases():
        yield from _throughput(database, store, size.of(4, 128, DECIDED))


def _throughput(database: str, store: str, count: int) -> Iterator[Row]:
    submit(store, count)
    with Orchestrator.open(store) as hitl, ThreadPoolExecutor(REVIEWERS) as pool:
        began = perf_counter()
        done = list(pool.map(lambda number: _work(hitl, f"r{number:02}"), range(REVIEWERS)))
        seconds = perf_counter() - began
        left, records = len(hitl.inbox()), sum(1 for _ in hitl.audit.records())
    waits = [wait for mine, _ in done for wait in mine]
    failed = sum((failures for _, failures in done), Counter[str]())
    assert (left, records) == (0, count), f"{left} are left, {records} are decided, {dict(failed)}"
    what = f"{REVIEWERS} reviewers, {database}"
    yield Row(f"{what}: claimed and decided", count / seconds, "a second")
    note = f"slowest {max(waits):.0f} ms"
    yield Row(f"{what}: one case, from asking for it to its decision", median(waits), "ms", note=note)
    least, most = min(len(mine) for mine, _ in done), max(len(mine) for mine, _ in done)
    yield Row(f"{what}: failed", float(failed.total()), "errors", note=f"{least} to {most} cases by one reviewer")


def _work(hitl: Orchestrator, who: str) -> tuple[list[float], Counter[str]]:
    """Claim and decide until no review is left; return the time of each case, and the errors."""
    taken: list[float] = []
    failed: Counter[str] = Counter()
    while True:
        began = perf_counter()
        try:
            row = hitl.reviews.next(reviewer=who)
            if row is None:
                return taken, failed
            hitl.decide(row.case_id, Review(human_decision="approve", reviewer_id=who))
        except (HitlError, RequestRejected) as exc:
            failed[type(exc).__name__] += 1
            if failed.total() > MOST_FAILURES:
                return taken, failed
        taken.append((perf_counter() - began) * 1000)
