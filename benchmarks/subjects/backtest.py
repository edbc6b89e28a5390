"""The time and memory of a backtest on millions of past cases, from Parquet and from a SQLite store.

Each runs in a process of its own, so that its peak is its own. The cases of the store are rows of its outcomes,
inserted in bulk: running that many cases through the graph would take hours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import create_engine, insert

from benchmarks.examples import AUTO, typed
from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import child
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.database.tables import outcomes
from hitl_orchestrator.ledger.events.outcomes import Outcome

PARQUET_CASES, STORE_CASES = 10_000_000, 1_000_000
_SCRIPT = """
import sys
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.services.config_files import load_policy
from hitl_orchestrator.backtest import run_backtest
from hitl_orchestrator.backtest.history import frames, scan
from hitl_orchestrator.wiring.stores import open_to_audit

where, policy = sys.argv[1], load_policy(None, DEFAULT_CHAIN)
past = [scan(where)] if where.endswith(".parquet") else frames(open_to_audit(where), needs=frozenset())
assert run_backtest(policy, past).cases
"""


def write_parquet(path: Path, cases: int) -> None:
    """Write cases of many kinds over a year: a fifth was approved automatically, most others by a reviewer."""
    dice = [pl.int_range(0, cases).hash(seed) for seed in range(6)]
    sure = (dice[0] % 10_001) / 10_000.0
    through = (sure >= 0.8).alias("through")
    seconds = pl.int_range(0, cases) * (31_536_000 / cases)
    frame = pl.select(
        through,
        confidence_score=pl.when(dice[1] % 100 < 3).then(None).otherwise(sure),
        risk_level=_one_of(dice[2], RISKS),
        domain=_one_of(dice[3], DOMAINS),
        task_type=_one_of(dice[4], TYPES),
        signals=pl.lit("[]"),
        metadata=pl.lit("{}"),
        proposed_output=pl.lit('{"predicted_label":"x"}'),
        wrong=dice[5] % 100 < 9,
        task_timestamp=(pl.datetime(2025, 1, 1, time_zone="UTC") + pl.duration(seconds=seconds)).dt.strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
    ).lazy()
    answer = pl.when("through").then(None).when("wrong").then(pl.lit("reject")).otherwise(pl.lit("approve"))
    frame.with_columns(
        routing_decision=pl.when("through").then(pl.lit("auto_approve")).otherwise(pl.lit("human_review")),
        rule_id=pl.when("through").then(pl.lit("sure")).otherwise(pl.lit("unsure")),
        assigned_human_role=pl.when("through").then(None).otherwise(pl.lit("domain_reviewer")),
        review_probability=pl.when("through").then(0.0).otherwise(1.0),
        human_decision=answer,
    ).drop("through", "wrong").sink_parquet(path)


RISKS = ("low", "medium", "high")
DOMAINS = ("customer_support", "account_management", "trust_and_safety", "payments", "lending")
TYPES = ("document_classification", "policy_decision", "sentiment_analysis")


def _one_of(number: Any, words: tuple[str, ...]) -> Any:
    places = (number % len(words)).cast(pl.Int64)
    return places.replace_strict(list(range(len(words))), list(words), return_dtype=pl.String)


def write_store(path: Path, cases: int) -> None:
    """Create a store with this number of finished cases."""
    with Orchestrator.open(f"sqlite:///{path}") as hitl:
        hitl.submit(*typed("first", AUTO))
        outcome = Outcome._make(next(hitl._services.ledger.outcomes(*Outcome._fields)))
    engine = create_engine(f"sqlite:///{path}")
    for rows in _outcomes(outcome._asdict(), cases):
        with engine.begin() as conn:
            conn.execute(insert(outcomes), rows)
    engine.dispose()


def _outcomes(outcome: dict[str, Any], cases: int, at_a_time: int = 20_000) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, cases, at_a_time):
        yield [
            outcome
            | {
                "finished_seq": number + 1_000,
                "case_id": f"case-{number}",
                "confidence_score": number * 7919 % 10_001 / 10_000,
                "risk_level": RISKS[number % 3],
                "domain": DOMAINS[number % 5],
            }
            for number in range(first, min(first + at_a_time, cases))
        ]


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield time and peak memory of both."""
    file, store = stores.file("parquet"), stores.file("db")
    write_parquet(file, parquet_cases := size.of(100, 1_000_000, PARQUET_CASES))
    write_store(store, store_cases := size.of(100, 50_000, STORE_CASES))
    for name, where, count, aim in (
        ("Parquet", str(file), parquet_cases, at_most(5, PARQUET_CASES)),
        ("a SQLite store", f"sqlite:///{store}", store_cases, None),
    ):
        ran = child(["-c", _SCRIPT, where])
        yield Row(f"backtest of {count:,} cases from {name}: time", ran.s, "s", ran.cpu_s, aim, count)
        yield Row(f"backtest of {count:,} cases from {name}: peak memory", ran.peak_mb, "MB", None, at_most(2_000))
