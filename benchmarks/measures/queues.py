"""The queues: the first fifty of very many open reviews, under one policy and two, and the next best case of them."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import medians, spent
from benchmarks.waiting import ROLES, copy, submit
from hitl_orchestrator import Orchestrator

FIRST, OPEN, WAITING = 50, 1_000_000, 100_000
AIMS = {"SQLite": 1.5, "PostgreSQL": 2.5}
STRICTER = {
    "rule_id": "unsure",
    "priority": 0,
    "conditions": {"risk_level": "medium", "max_confidence": 0.015},
    "action": "human_review",
    "assigned_human_role": ROLES[1],
}


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield rows for both databases."""
    calls = size.of(2, 50, 200)
    for database, store in stores.databases():
        submit(store, calls)
        yield from _first(database, store, size.of(60, 20_000, OPEN), calls)
    for database, store in stores.databases():
        submit(store, calls)
        yield from _two_policies(database, store, size.of(60, 1_000, 20_000), calls)
    for database, store in stores.databases():
        yield from _next(database, store, size.of(30, 10_000, WAITING), calls)


def _first(database: str, store: str, count: int, calls: int) -> Iterator[Row]:
    copy(store, count, with_texts=False)
    with Orchestrator.open(store) as hitl:
        asked: dict[str, dict[str, str]] = {"": {}, ", of one role": {"role": ROLES[0]}}
        for name, given in asked.items():
            what = f"first {FIRST} of {count:,} open reviews{name}, {database}"
            yield _row(what, lambda given=given: hitl.inbox(limit=FIRST, **given), calls, database, count)


def _two_policies(database: str, store: str, count: int, calls: int) -> Iterator[Row]:
    """Measure lists of reviews of a policy that a stricter one has replaced, once their roles are derived."""
    copy(store, count)
    with Orchestrator.open(store) as hitl:
        active = hitl.policy.active()
        rules = [STRICTER, *active.model_dump(mode="json", exclude_defaults=True)["rules"]]
        stricter = {"policy_id": "stricter", "rules": rules}

        def derive() -> None:
            hitl.policy.activate(stricter, reviewer="everywhere", reason="Unsure cases need a senior manager")
            hitl.run_maintenance()

        took = spent(derive)
        what = f"first {FIRST} of {count:,} open reviews, of one role, two policies, {database}"
        row = _row(what, lambda: hitl.inbox(ROLES[0], limit=FIRST), calls, database, count)
        yield row._replace(note=f"after {took.wall:.1f} s to activate it")


def _next(database: str, store: str, count: int, calls: int) -> Iterator[Row]:
    submit(store, 2 * calls)
    copy(store, count)
    with Orchestrator.open(store) as hitl:
        what = f"next best case of {count:,}, {database}"
        row = _row(what, lambda: hitl.reviews.next(reviewer="three_domains"), calls, database, count)
        yield row._replace(aim=at_most(4, WAITING) if database == "PostgreSQL" else None)


def _row(what: str, call: Callable[[], Any], calls: int, database: str, count: int) -> Row:
    taken = medians([spent(call) for _ in range(calls + calls // 2)][calls // 2 :])
    return Row(what, taken.ms, "ms", 1000 * taken.cpu, at_most(AIMS[database], OPEN), count)
