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
from hitl_orchestrator import AgentOutput, Orchestrator, Task

COUNTING = {
    "policy_id": "limits",
    "metadata": {"amount": "number", "customer": "text"},
    "history": {
        "cases_1d": {"count": "cases", "same": "customer", "within": "P1D"},
        "paid_30d": {"sum": "amount", "same": "customer", "within": "P30D"},
        "budget": {"sum": "amount", "within": "P1D", "of": "auto_approve"},
    },
    "rules": [{"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.5}, "action": "auto_approve"}],
}
"""A policy with counters of a customer and of the whole store."""


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

        counting = stack.enter_context(Orchestrator.open(new_store(), policy=COUNTING))
        plain = stack.enter_context(Orchestrator.open(new_store(), policy={**COUNTING, "history": {}}))

        def counted(number: int) -> tuple[Task, AgentOutput]:
            task, output = given[number][1]
            return task.model_copy(update={"metadata": {"customer": f"c{number % 10}", "amount": 1}}), output

        parts: dict[str, Callable[[int], object]] = {
            "counting": lambda number: counting.submit(*counted(number)),
            "plain": lambda number: plain.submit(*counted(number)),
        }
        parts |= {"flushed": flushed.prepared(count), "unflushed": unflushed.prepared(count), "graph": run}
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
    counting, plain = taken["counting"], taken["plain"]
    more = Spent(counting.wall - plain.wall, counting.cpu - plain.cpu)
    yield Row(f"submit, auto, {database}: three counters, which one statement reads", more.ms, "ms", 1000 * more.cpu)
