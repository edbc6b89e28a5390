"""Entries a second: by one writer, by 32 threads on SQLite, and by 8 processes on PostgreSQL, each entry flushed."""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import count
from statistics import median
from time import perf_counter

from benchmarks.examples import AUTO, NINE, typed
from benchmarks.report import Row, at_least
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Worker, serve, together
from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.enums import ActorKind
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.wiring.stores import open_ledger

THREADS, CLIENTS = 32, 8
AGENT = Actor(kind=ActorKind.AGENT)
TASK, OUTPUT = typed("task", AUTO)


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield a row for each kind of writers."""
    rounds, seconds = size.of((1, 0.02), (3, 0.5), (5, 1.0))
    for threads, aim in ((1, None), (THREADS, at_least(6_000))):
        speed = median(_by_threads(stores.sqlite(), threads, seconds) for _ in range(rounds))
        yield Row(f"appends, SQLite, {threads} thread{'' if threads == 1 else 's'}", speed, "a second", aim=aim)
    if stores.has_postgres:
        url = stores.postgres()
        open_ledger(url).close()
        workers = [Worker(__name__, url, str(each)) for each in range(size.of(1, CLIENTS, CLIENTS))]
        for worker in workers:
            worker.wait()
        for clients, aim in ((1, None), (CLIENTS, at_least(9_000))):
            pairs = [together(workers[:clients], seconds) for _ in range(rounds)]
            speed = median(each for each, _ in pairs)
            named = f"{clients} client{'' if clients == 1 else 's'}"
            yield Row(f"appends, PostgreSQL, {named}", speed, "a second", aim=aim)
        for worker in workers:
            worker.end()


def append(ledger: Ledger, name: str) -> None:
    """Append the entry of one submission, in its own transaction that waits for the disk."""
    named = {"task_id": name}
    intake = Submission(
        case_id=name,
        task=TASK.model_copy(update=named),
        output=OUTPUT.model_copy(update=named),
        policy_id="p",
        policy_hash="a" * 64,
        graph_version="1",
        received_at=NINE + timedelta(hours=1),
    )
    ledger.receive(intake, AGENT)


def _by_threads(store: str, threads: int, seconds: float) -> float:
    """Return the entries a second of threads that append as often as they can."""
    with closing(open_ledger(store)) as ledger, ThreadPoolExecutor(threads) as pool:
        for number in range(5):
            append(ledger, f"warm-{number}")
        began, numbers = perf_counter(), count()

        def work(_: int) -> int:
            done = 0
            while perf_counter() - began < seconds:
                append(ledger, f"case-{next(numbers)}")
                done += 1
            return done

        done = sum(pool.map(work, range(threads)))
        return done / (perf_counter() - began)


def main() -> None:
    """Be one of the clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("name")
    given = parser.parse_args()
    with closing(open_ledger(given.store)) as ledger:
        serve(lambda number: append(ledger, f"{given.name}-{number}"))


if __name__ == "__main__":
    main()
