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
from hitl_orchestrator.ledger.events.chain import Draft, Entry, Head, HeadRow, instant_text, link
from hitl_orchestrator.ledger.events.contents import content_digest, marked, new_contents
from hitl_orchestrator.wiring.stores import open_ledger

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


def one_case(store: str, reviewers: list[dict[str, Any]] | None) -> tuple[dict[str, Any], dict[str, Any], Draft]:
    """Return the rows of a case that waits and its intake, as the product writes them.

    It is then decided, so that it is in no queue.
    """
    with Orchestrator.open(store, reviewers=reviewers) as hitl:
        task = TASK.model_copy(update={"task_id": "first", "risk_level": RiskLevel.MEDIUM})
        waiting = hitl.submit(task, OUTPUT.model_copy(update={"task_id": "first", "confidence_score": 0.65}))
        with connect(store) as connection:
            row = connection.execute(f"SELECT {', '.join(REVIEW_COLUMNS)} FROM reviews").fetchone()
            case = connection.execute(f"SELECT {', '.join(CASE_COLUMNS)} FROM cases").fetchone()
        (intake, *_) = hitl.cases.history(waiting.case_id)
        # The bundled placeholder of a role has its name.
        hitl.decide(waiting.case_id, "approve", reviewer=reviewers[0]["reviewer_id"] if reviewers else ROLE)
    draft = Draft(intake.case_id, intake.kind, intake.at, intake.actor, intake.body)
    return dict(zip(REVIEW_COLUMNS, row, strict=True)), dict(zip(CASE_COLUMNS, case, strict=True)), draft


def fill(store: str, size: int, reviewers: list[dict[str, Any]] | None = None) -> None:
    """Fill a new store with this number of waiting cases, in order of submission; the first reviewer is of `ROLE`."""
    row, case, intake = one_case(store, reviewers)
    with closing(open_ledger(store)) as ledger, connect(store) as connection:
        end, seals = ledger.head(), ledger.seals
        assert seals is not None
        for first in range(1, size, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, size))
            stated = [new_contents() for _ in numbers]
            drafts = [marked(_intake(intake, _name(n)), kept) for n, kept in zip(numbers, stated, strict=True)]
            entries = link(end, drafts, seals.entry)
            end = Head(entries[-1].seq, entries[-1].digest)
            _write(connection, f"events ({', '.join(Entry._fields)})", list(map(tuple, entries)))
            waiting = [_case(case, entry, draft) for entry, draft in zip(entries, drafts, strict=True)]
            _write(connection, _CASES, waiting)
            kept_of = [(_name(n), kept.key, kept.body) for n, kept in zip(numbers, stated, strict=True)]
            _write(connection, "contents (case_id, key, body)", kept_of)
            _write(connection, _REVIEWS, [_review(row, _name(number), number) for number in numbers])
        governed, latest = connection.execute("SELECT governed, latest FROM ledger_head").fetchone()
        mac = seals.head(HeadRow(ledger.ledger_id, *end, governed=governed, latest=latest))
        connection.execute(f"UPDATE ledger_head SET seq = {end.seq}, digest = '{end.digest}', mac = '{mac}'")
        if not store.startswith("sqlite"):
            connection.execute("ANALYZE")


def _name(number: int) -> str:
    return f"case-{number:09}"


def _intake(first: Draft, name: str) -> Draft:
    """Return the intake of a case and of a task of this name."""
    named = {part: {**first.body[part], "task_id": name} for part in ("task", "output")}
    return first._replace(case_id=name, body=first.body | named)


def _case(first: dict[str, Any], entry: Entry, intake: Draft) -> tuple[Any, ...]:
    own = {"case_id": entry.case_id, "task_id": entry.case_id, "submitted_seq": entry.seq}
    return tuple({**first, **own, "content": content_digest(intake.body)}.values())


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
