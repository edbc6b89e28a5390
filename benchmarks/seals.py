"""The cost of the seals of the ledger: submissions with them and without them, in turn, in one process.

Without seals an entry has no MAC, the head row is not updated, and reading verifies nothing.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks.ledger import OUTPUT, TASK
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.events.chain import Draft, Entry, Head, link
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.statements.events import APPEND

ROUNDS, WARM = 400, 40


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


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median CPU milliseconds of a submission with and without seals, and the ratio of both.

    CPU time does not depend on the load of the machine. Waiting for the disk, which seals do not prolong, is left out.
    """
    figures: dict[str, float] = {}
    for name, risk in (("auto", RiskLevel.LOW), ("waiting", RiskLevel.HIGH)):
        pairs = list(_pairs(rounds, risk))
        sealed, unsealed = (median(each) for each in zip(*pairs, strict=True))
        figures[f"seals_{name}_ms"], figures[f"unsealed_{name}_ms"] = 1000 * sealed, 1000 * unsealed
        figures[f"seals_{name}_ratio"] = sealed / unsealed
    return figures


def _pairs(rounds: int, risk: RiskLevel) -> Iterator[tuple[float, float]]:
    """Yield the CPU seconds of a submission with and without seals, the first of each pair in turn."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = [f"sqlite:///{Path(folder)}/{name}.db" for name in ("a", "b")]
        # No head of a ledger without seals can be signed.
        stores = [stack.enter_context(Orchestrator.open(place, head_file=False)) for place in places]
        log: Any = stores[1]._services.ledger.__dict__["_log"]
        log.__class__ = UnsealedLog
        numbers = count()
        for number in range(rounds + WARM):
            times = [0.0, 0.0]
            for each in (0, 1) if number % 2 else (1, 0):
                times[each] = _seconds(stores[each], f"task-{next(numbers)}", risk)
            if number >= WARM:
                yield times[0], times[1]


def _seconds(hitl: Orchestrator, name: str, risk: RiskLevel) -> float:
    task = TASK.model_copy(update={"task_id": name, "risk_level": risk})
    output = OUTPUT.model_copy(update={"task_id": name})
    began = process_time()
    hitl.submit(task, output)
    return process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))


if __name__ == "__main__":
    main()
