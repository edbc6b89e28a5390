"""What each promise costs: a whole `submit` beside its parts alone, in turns in one process."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

from benchmarks.bare import graph_on
from benchmarks.examples import AUTO, raw, typed
from benchmarks.floor import Floor
from benchmarks.report import Row
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Spent, in_turns
from hitl_orchestrator import Orchestrator


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the milliseconds of each part of a submission that a rule approves."""
    rounds, warm = size.of((2, 1), (60, 10), (300, 20))
    for database in ("SQLite", "PostgreSQL") if stores.has_postgres else ("SQLite",):
        new = stores.sqlite if database == "SQLite" else stores.postgres
        with ExitStack() as stack:
            hitl = stack.enter_context(Orchestrator.open(new()))
            flushed = stack.enter_context(closing(Floor(new(), AUTO, decide=False)))
            unflushed = stack.enter_context(closing(Floor(new(), AUTO, decide=False, flush=False)))
            graph = graph_on(None)
            given = [(raw(f"t{number}", AUTO), typed(f"t{number}", AUTO)) for number in range(rounds + warm)]

            def run(number: int) -> None:
                (task, output), _ = given[number]  # noqa: B023 - called in this round
                graph.invoke({"submission": {"task": task, "output": output}})  # noqa: B023

            taken = in_turns(
                {
                    "submit": lambda number: hitl.submit(*given[number][1]),  # noqa: B023
                    "flushed": flushed.prepared(rounds + warm),
                    "unflushed": unflushed.prepared(rounds + warm),
                    "graph": run,
                },
                rounds,
                warm,
            )
        yield from _parts(database, taken)


def _parts(database: str, taken: dict[str, Spent]) -> Iterator[Row]:
    whole, graph, written, lasting = (taken[each] for each in ("submit", "graph", "unflushed", "flushed"))
    flush = Spent(lasting.wall - written.wall, lasting.cpu - written.cpu)
    rest = Spent(whole.wall - graph.wall - lasting.wall, whole.cpu - graph.cpu - lasting.cpu)
    for name, each in (
        ("whole", whole),
        ("five nodes in LangGraph, without a checkpointer", graph),
        ("its rows: ledger, case, outcome, texts", written),
        ("the flush: it is on disk", flush),
        ("the rest: validation, policy, authority, digests, seals", rest),
    ):
        yield Row(f"submit, auto, {database}: {name}", each.ms, "ms", 1000 * each.cpu)
