"""Whole `submit` on one PostgreSQL by 1, 2 and 4 processes, and bare LangGraph by as many, in turns."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from statistics import median

from benchmarks.bare import on_postgres
from benchmarks.examples import AUTO, raw, typed
from benchmarks.report import Row, at_least
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Worker, serve, together
from hitl_orchestrator import Orchestrator

AIMS = {1: 600, 2: 1_000, 4: 900}
OURS, BARE = "ours", "bare"


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield two rows for each number of processes."""
    if not stores.has_postgres:
        return
    urls = {OURS: stores.postgres(), BARE: stores.postgres()}
    Orchestrator.open(urls[OURS]).close()
    on_postgres(urls[BARE], "F").close()
    rounds, seconds = size.of((1, 0.02), (2, 0.5), (5, 1.0))
    most = size.of(1, max(AIMS), max(AIMS))
    workers = {who: [Worker(__name__, who, url, str(each)) for each in range(most)] for who, url in urls.items()}
    for worker in (each for some in workers.values() for each in some):
        worker.wait()
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for number in range(rounds):
        for count in filter(lambda each: each <= most, AIMS):
            for who in (OURS, BARE) if number % 2 else (BARE, OURS):
                found.setdefault((count, who), []).append(together(workers[who][:count], seconds))
    for worker in (each for some in workers.values() for each in some):
        worker.end()
    speeds = {key: tuple(median(column) for column in zip(*each, strict=True)) for key, each in found.items()}
    for count in filter(lambda each: each <= most, AIMS):
        ours, bare = speeds[count, OURS], speeds[count, BARE]
        what = f"submit, auto, one PostgreSQL, {count} process{'' if count == 1 else 'es'}"
        yield Row(f"{what}: cases", ours[0], "a second", ours[1], at_least(AIMS[count]))
        ratios = ours[0] / bare[0], ours[1] / bare[1]
        yield Row(f"{what}: x bare F", ratios[0], "x", ratios[1], at_least(1.0), note=f"bare F {bare[0]:,.0f} a second")


def main() -> None:
    """Be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("who", choices=[OURS, BARE])
    parser.add_argument("url")
    parser.add_argument("name")
    given = parser.parse_args()
    if given.who == BARE:
        with closing(on_postgres(given.url, "F")) as bare:
            serve(lambda number: bare.run(*raw(f"{given.name}-{number}", AUTO)))
        return
    with Orchestrator.open(given.url, head_file=False) as hitl:
        serve(lambda number: hitl.submit(*typed(f"{given.name}-{number}", AUTO)))


if __name__ == "__main__":
    main()
