"""What each promise costs: a whole `submit` beside its parts alone, in turns in one process."""

from collections.abc import Callable, Iterator
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
    yield from _parts("SQLite", _times(stores.sqlite, rounds, warm))
    if stores.has_postgres:
        yield from _parts("PostgreSQL", _times(stores.postgres, rounds, warm))


def _times(new_store: Callable[[], str], rounds: int, warm: int) -> dict[str, Spent]:
    with ExitStack() as stack:
        hitl = stack.enter_context(Orchestrator.open(new_store()))
        flushed, unflushed = (
            stack.enter_context(closing(Floor(new_store(), AUTO, decide=False, flush=flush))) for flush in (True, False)
        )
        graph, count = graph_on(None), rounds + warm
        given = [(raw(f"t{number}", AUTO), typed(f"t{number}", AUTO)) for number in range(count)]

        def run(number: int) -> None:
            (task, output), _ = given[number]
            graph.invoke({"submission": {"task": task, "output": output}})

        parts = {"flushed": flushed.prepared(count), "unflushed": unflushed.prepared(count), "graph": run}
        return in_turns({"submit": lambda number: hitl.submit(*given[number][1]), **parts}, rounds, warm)


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
