"""Stores with very many open reviews: some were submitted, and SQL copies one of them as often as is asked for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

from benchmarks.examples import NINE, REVIEWED, typed
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.database.tables import cases, reviews

ROLES = ("domain_reviewer", "senior_manager", "compliance_officer")
DOMAINS = ("customer_support", "trust_and_safety", "account_management")
PEOPLE = [
    {"reviewer_id": "everywhere", "name": "All roles", "roles": list(ROLES)},
    {"reviewer_id": "one_domain", "name": "One role and domain", "roles": [ROLES[0]], "domains": [DOMAINS[0]]},
    {"reviewer_id": "three_domains", "name": "Two roles, three domains", "roles": list(ROLES[:2]), "domains": DOMAINS},
    *({"reviewer_id": f"r{number:02}", "name": f"{number}", "roles": [ROLES[0]]} for number in range(32)),
]
_NAME = {
    "sqlite": "'copy-' || substr('00000000' || i, -9)",
    "postgresql": "'copy-' || lpad(i::text, 9, '0')",
}
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)",
    "postgresql": "(SELECT generate_series(1, {count}) AS i)",
}
_LATER = 1_000_000_000
"""A place in the queue after those of all cases that are submitted."""


def submit(store: str, count: int) -> None:
    """Submit cases that wait for a domain reviewer, before all copies in the queue."""
    times = iter(NINE + timedelta(milliseconds=number) for number in range(count * 20 + 1_000))
    with Orchestrator.open(store, reviewers=PEOPLE, clock=lambda: next(times)) as hitl:
        for number in range(count):
            task, output = typed(f"real-{number}", REVIEWED)
            changed = {"domain": DOMAINS[number % len(DOMAINS)], "timestamp": NINE}
            hitl.submit(task.model_copy(update=changed), output)


def copy(store: str, count: int, *, with_texts: bool = True) -> None:
    """Copy the latest open review and its case, as waiting cases without entries; every tenth for a senior manager.

    The copies come after the submitted cases in every queue. Lists that end before them need none of their texts.
    """
    kind = store.partition(":")[0]
    name, numbers = _NAME[kind], _NUMBERS[kind].format(count=count)
    role = f"CASE WHEN i % 10 = 0 THEN '{ROLES[1]}' ELSE '{ROLES[0]}' END"
    own = {"case_id": name, "task_id": name, "review_id": f"{name} || '.0'", "place": f"{_LATER} + i"}
    own |= {"submitted_seq": f"{_LATER} + i", "role": role, "needed_role": role}
    if not with_texts:
        own["shown"] = "'{}'"
    with connect(store) as connection:
        (case_id,) = connection.execute("SELECT case_id FROM reviews ORDER BY place DESC LIMIT 1").fetchone()
        for table in (cases, reviews):
            columns = [column.name for column in table.columns]
            chosen = ", ".join(own.get(column, f"t.{column}") for column in columns)
            connection.execute(
                f"INSERT INTO {table.name} ({', '.join(columns)}) "
                f"SELECT {chosen} FROM {numbers} AS numbers, {table.name} AS t WHERE t.case_id = '{case_id}'"
            )
        connection.execute("ANALYZE")


@contextmanager
def connect(store: str) -> Iterator[Any]:
    """Connect to the database of a store without the ledger, and commit at the end."""
    if store.startswith("sqlite"):
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("PRAGMA synchronous=OFF")
            yield connection
        return
    import psycopg  # noqa: PLC0415 - only where it is installed

    with psycopg.connect(store) as connection:
        yield connection
