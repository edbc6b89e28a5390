"""The inbox: the first fifty open reviews of a thousand, and of a million, on both databases.

The rows equal those that the product writes, inserted by SQL in bulk; `Orchestrator.inbox` is timed.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.ledger import NINE, OUTPUT, TASK
from benchmarks.postgres import IS_THERE, postgres_server
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.ledger.database.tables import cases, reviews
from hitl_orchestrator.ledger.events.chain import instant_text

FEW, MANY, FIRST, CALLS, AT_ONCE = 1_000, 1_000_000, 50, 200, 5_000
ROLE, LAST = "domain_reviewer", 1_000_000_000
"""`LAST` is a place in the queue after those of all cases that are submitted."""
CASE_COLUMNS, REVIEW_COLUMNS = (tuple(column.name for column in table.columns) for table in (cases, reviews))
# A migrated store has its columns in another order.
_CASES, _REVIEWS = f"cases ({', '.join(CASE_COLUMNS)})", f"reviews ({', '.join(REVIEW_COLUMNS)})"


@contextmanager
def connect(store: str) -> Iterator[Any]:
    """Connect to the database of a store without the ledger."""
    if store.startswith("sqlite"):
        import sqlite3  # noqa: PLC0415 - one of two

        with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("PRAGMA synchronous=OFF")
            yield connection
        return
    import psycopg  # noqa: PLC0415 - only where it is installed

    with psycopg.connect(store) as connection:
        yield connection


def one_row(store: str, reviewers: list[dict[str, Any]] | None) -> tuple[dict[str, Any], Any]:
    """Return the rows of a case that waits, as the product writes them; then decide it, so that it is in no queue."""
    with Orchestrator.open(store, reviewers=reviewers) as hitl:
        task = TASK.model_copy(update={"task_id": "first", "risk_level": RiskLevel.MEDIUM})
        waiting = hitl.submit(task, OUTPUT.model_copy(update={"task_id": "first", "confidence_score": 0.65}))
        with connect(store) as connection:
            row = connection.execute(f"SELECT {', '.join(REVIEW_COLUMNS)} FROM reviews").fetchone()
            case = connection.execute(f"SELECT {', '.join(CASE_COLUMNS)} FROM cases").fetchone()
        # The bundled placeholder of a role has its name.
        hitl.decide(waiting.case_id, "approve", reviewer=reviewers[0]["reviewer_id"] if reviewers else ROLE)
    return dict(zip(REVIEW_COLUMNS, row, strict=True)), case


def fill(store: str, size: int, reviewers: list[dict[str, Any]] | None = None) -> None:
    """Fill a new store with this number of waiting cases, in order of submission; the first reviewer is of `ROLE`."""
    row, case = one_row(store, reviewers)
    with connect(store) as connection:
        for first in range(1, size, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, size))
            names = {number: f"case-{number:09}" for number in numbers}
            waiting = [(names[number], names[number], *case[2:]) for number in numbers]
            _write(connection, _CASES, waiting)
            _write(connection, _REVIEWS, [_review(row, names[number], number) for number in numbers])
        if not store.startswith("sqlite"):
            connection.execute("ANALYZE")


def _review(row: dict[str, Any], name: str, number: int) -> tuple[Any, ...]:
    """Return the row of a review; every tenth needs a senior manager."""
    own = {
        "review_id": f"{name}.0",
        "case_id": name,
        "role": ROLE if number % 10 else "senior_manager",
        "shown": row["shown"].replace(row["case_id"], name),
        "opened_at": instant_text(NINE + timedelta(seconds=number)),
        "place": LAST + number,
    }
    return tuple({**row, **own}.values())


def _write(connection: Any, table: str, rows: list[tuple[Any, ...]]) -> None:
    if hasattr(connection, "executemany"):
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        return
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def milliseconds(store: str) -> dict[str, float]:
    """Return the median milliseconds of a call: for all roles, for one, for one and a domain."""
    asked: dict[str, dict[str, str]] = {
        "all": {},
        "role": {"role": ROLE},
        "role_and_domain": {"role": ROLE, "domain": "customer_support"},
        "domain": {"domain": "customer_support"},
        "unassigned": {"role": "compliance_officer"},
    }
    with Orchestrator.open(store) as hitl:
        return {name: _median(hitl, given) for name, given in asked.items()}


def _median(hitl: Orchestrator, given: dict[str, str]) -> float:
    taken = []
    for _ in range(CALLS):
        began = perf_counter()
        hitl.inbox(limit=FIRST, **given)
        taken.append((perf_counter() - began) * 1000)
    return median(taken)


def measure(many: int = MANY) -> dict[str, float]:
    """Return milliseconds at a thousand and at `many`, and the ratio of the two, for each database."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures |= _compared("sqlite", [f"sqlite:///{Path(folder, f'{name}.db')}" for name in ("few", "many")], many)
    if IS_THERE:
        with postgres_server() as server:
            figures |= _compared("postgres", [server.new_database(), server.new_database()], many)
    return figures


def _compared(database: str, stores: list[str], many: int) -> dict[str, float]:
    for store, size in zip(stores, (FEW, many), strict=True):
        fill(store, size)
    few, lots = map(milliseconds, stores)
    return ratios(f"inbox_{database}", few, lots)


def ratios(prefix: str, few: dict[str, float], many: dict[str, float]) -> dict[str, float]:
    """Return the milliseconds with few and with many open reviews, and their ratio, by name."""
    figures = {}
    for name, milliseconds_of_few in few.items():
        figures[f"{prefix}_{name}_few_ms"] = milliseconds_of_few
        figures[f"{prefix}_{name}_many_ms"] = many[name]
        figures[f"{prefix}_{name}_ratio"] = many[name] / milliseconds_of_few
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=MANY)
    print(json.dumps(measure(parser.parse_args().size), indent=2))


if __name__ == "__main__":
    main()
