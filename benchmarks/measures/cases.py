"""The cost of a case: our whole `submit` and `decide` beside bare LangGraph, case by case in turns in one process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

from benchmarks.bare import VARIANTS, Bare, on_postgres, on_sqlite
from benchmarks.examples import AUTO, REVIEWED, REVIEWER, raw, typed
from benchmarks.floor import Floor
from benchmarks.report import Aim, Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Spent, in_turns
from hitl_orchestrator import Orchestrator

WARM = 10
NAMES = {AUTO: "submit, auto", REVIEWED: "submit + decide"}
AIMS: dict[tuple[str, int, str], Aim] = {
    ("SQLite", AUTO, "F"): at_most(0.85),
    ("SQLite", AUTO, "default"): at_most(0.40),
    ("SQLite", REVIEWED, "F"): at_most(1.0),
    ("SQLite", REVIEWED, "default"): at_most(0.60),
    ("PostgreSQL", AUTO, "F"): at_most(0.90),
    ("PostgreSQL", REVIEWED, "F"): at_most(1.15),
}


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield a row for each path and database: ours as a multiple of each other way."""
    for database in ("SQLite", "PostgreSQL") if stores.has_postgres else ("SQLite",):
        for kind in (AUTO, REVIEWED):
            taken = _times(database, kind, size.of(2, 60, 300), stores)
            yield from _ratios(database, kind, taken)


def _times(database: str, kind: int, rounds: int, stores: Stores) -> dict[str, Spent]:
    decide, warm = kind == REVIEWED, min(WARM, rounds)
    with ExitStack() as stack:
        store, floor_store = ((stores.sqlite if database == "SQLite" else stores.postgres)() for _ in range(2))
        hitl = stack.enter_context(Orchestrator.open(store))
        floor = stack.enter_context(closing(Floor(floor_store, kind, decide=decide)))
        bares = {each: stack.enter_context(closing(_bare(database, each, stores))) for each in VARIANTS}
        given = [(raw(f"t{number}", kind), typed(f"t{number}", kind)) for number in range(rounds + warm)]

        def ours(number: int) -> None:
            case = hitl.submit(*given[number][1])
            if decide:
                hitl.decide(case.case_id, "approve", reviewer=REVIEWER)

        def bare(graph: Bare) -> Callable[[int], None]:
            return lambda number: graph.run(*given[number][0], decide=decide)

        contenders: dict[str, Callable[[int], Any]] = {"ours": ours, "floor": floor.prepared(rounds + warm)}
        contenders |= {name: bare(graph) for name, graph in bares.items()}
        return in_turns(contenders, rounds, warm)


def _bare(database: str, variant: str, stores: Stores) -> Bare:
    if database == "SQLite":
        return on_sqlite(stores.file("db"), variant)
    return on_postgres(stores.postgres(), variant)


def _ratios(database: str, kind: int, taken: dict[str, Spent]) -> Iterator[Row]:
    ours = taken["ours"]
    for other in ("F", "default", "N", "floor"):
        wall, cpu = ours.over(taken[other])
        named = "the floor of its rows" if other == "floor" else f"bare {other}"
        note = f"{ours.ms:.2f} / {taken[other].ms:.2f} ms"
        what = f"{NAMES[kind]}, {database}: x {named}"
        yield Row(what, wall, "x", cpu, AIMS.get((database, kind, other)), note=note)
