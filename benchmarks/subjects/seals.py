"""The cost of the seals of the ledger: submissions with them and without them, in turn, in one process.

Without seals an entry has no MAC, the head row is not updated, and reading verifies nothing.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from statistics import median
from typing import Any

from benchmarks.examples import AUTO, REVIEWED, typed
from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import spent
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.events.chain import Draft, Entry, Head, link
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.sql.events import APPEND


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the ratio of a submission with seals to one without.

    CPU time alone counts: it depends less on the load of the machine, and seals do not prolong the wait for the disk.
    """
    rounds, warm = size.of((2, 1), (100, 20), (400, 40))
    for name, kind in (("auto", AUTO), ("waiting", REVIEWED)):
        pairs = list(_pairs(rounds, warm, kind, stores))
        sealed, unsealed = (median(each) for each in zip(*pairs, strict=True))
        note = f"{1000 * sealed:.2f} / {1000 * unsealed:.2f} ms of CPU"
        yield Row(f"submit, {name}: with seals / without", sealed / unsealed, "x", aim=at_most(1.03), note=note)


class UnsealedLog(EventLog):
    """An event log as it would be without seals."""

    def _link(
        self, transaction: StoreTransaction, row: Any, drafts: list[Draft], seals: Seals | None = None
    ) -> list[Entry]:
        linked = link(Head(0, "0" * 64) if row["seq"] is None else Head(row["seq"], row["digest"]), drafts)
        transaction.run_each(APPEND, [entry._asdict() for entry in linked])
        return linked

    def _check(self, seq: int, entry: object, digest: object, mac: object) -> None:
        pass

    def _check_governed(self, rows: list[Any], last: Any, seals: Any) -> None:
        pass


def _pairs(rounds: int, warm: int, kind: int, stores: Stores) -> Iterator[tuple[float, float]]:
    """Yield the CPU seconds of a submission with and without seals, the first of each pair in turn."""
    with ExitStack() as stack:
        # No head of a ledger without seals can be signed.
        opened = [stack.enter_context(Orchestrator.open(stores.sqlite(), head_file=False)) for _ in range(2)]
        log: Any = opened[1]._services.ledger.__dict__["_log"]
        log.__class__ = UnsealedLog
        numbers = count()
        for number in range(rounds + warm):
            times = [0.0, 0.0]
            for each in (0, 1) if number % 2 else (1, 0):
                given = typed(f"t{next(numbers)}", kind)
                times[each] = spent(lambda: opened[each].submit(*given)).cpu  # noqa: B023 - called at once
            if number >= warm:
                yield times[0], times[1]
