"""Many tasks at once: `submit_many` beside a loop of the bare graph as it comes, and a file of tasks by `hitl run`."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.bare import on_sqlite
from benchmarks.examples import AUTO, mixed, raw, typed
from benchmarks.report import Row, at_least, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import child, medians, spent
from hitl_orchestrator import Orchestrator

CHUNK = 1_000
FILE = 100_000
AIMS = {("auto", "SQLite"): (at_least(15_000), at_least(60)), ("60 % auto", "SQLite"): (at_least(10_000), at_least(45))}


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the rows of tasks approved by a rule, of a mixture, and of a file."""
    rounds, count = size.of((1, 20), (3, 2_000), (5, 5_000))
    for database in ("SQLite", "PostgreSQL") if stores.has_postgres else ("SQLite",):
        yield from _many("auto", database, (rounds, count), stores)
        yield from _many("60 % auto", database, (rounds, count), stores)
    yield from _file(size.of(20, 5_000, FILE), stores)


def _many(name: str, database: str, how_many: tuple[int, int], stores: Stores) -> Iterator[Row]:
    """Submit many tasks, and after each run some by the bare graph, so that both meet the same load."""
    (rounds, count), loop = how_many, max(1, how_many[1] // 40)
    store = stores.sqlite() if database == "SQLite" else stores.postgres()
    many, alone = [], []
    with Orchestrator.open(store) as hitl, closing(on_sqlite(stores.file("db"), "default")) as bare:
        for first in range(0, (rounds + 1) * count, count):
            given = [
                (f"t{number}", AUTO if name == "auto" else mixed(number)) for number in range(first, first + count)
            ]
            tasks, outputs = zip(*(typed(*each) for each in given), strict=True)
            many.append(spent(lambda: hitl.submit_many(tasks, outputs, chunk=CHUNK)))  # noqa: B023 - called at once
            looped = [raw(*each) for each in given[:loop]]
            alone.append(spent(lambda: [bare.run(*each) for each in looped]))  # noqa: B023
    ours, other = medians(many[1:]), medians(alone[1:])
    speeds = count / ours.wall, count / ours.cpu
    rates = speeds[0] * other.wall / loop, speeds[1] * other.cpu / loop
    speed, rate = AIMS.get((name, database), (None, None))
    what, note = f"submit_many, {name}, {database}", f"bare default {1000 * other.wall / loop:.2f} ms a task"
    yield Row(f"{what}: tasks", speeds[0], "a second", speeds[1], speed)
    yield Row(f"{what}: x a loop of bare default on SQLite", rates[0], "x", rates[1], rate, note=note)


def _file(count: int, stores: Stores) -> Iterator[Row]:
    tasks, outputs = stores.file("jsonl"), stores.file("jsonl")
    _write(tasks, (raw(f"t{number}", mixed(number))[0] for number in range(count)))
    _write(outputs, (raw(f"t{number}", mixed(number))[1] for number in range(count)))
    files = [str(tasks), "--outputs", str(outputs), "--store", stores.sqlite()]
    ran = child(["-m", "hitl_orchestrator.cli", "run", *files])
    what, note = f"hitl run, {count:,} tasks of a file, 60 % auto", f"{count / ran.s:,.0f} tasks a second"
    yield Row(f"{what}: time", ran.s, "s", ran.cpu_s, at_most(15, FILE), count, note)
    yield Row(f"{what}: peak memory", ran.peak_mb, "MB", None, at_most(200, FILE), count)


def _write(path: Path, records: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)
