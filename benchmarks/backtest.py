"""The time and memory of a backtest on millions of past cases, from Parquet and from a SQLite store.

Each runs in a process of its own, so that its peak is its own. The cases of the store are rows of its outcomes,
inserted in bulk: running that many cases through the graph would take hours.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PARQUET_CASES, STORE_CASES = 10_000_000, 1_000_000
_SCRIPT = r"""
import json, re, sys, time
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.services.config_files import load_policy
from hitl_orchestrator.backtest import run_backtest
from hitl_orchestrator.backtest.history import frames, scan
from hitl_orchestrator.wiring.stores import open_to_audit

where, policy = sys.argv[1], load_policy(None, DEFAULT_CHAIN)
start, spent = time.perf_counter(), time.process_time()
if where.endswith(".parquet"):
    found = run_backtest(policy, [scan(where)])
else:
    found = run_backtest(policy, frames(open_to_audit(where), tasks=False))
# The peak of getrusage includes that of the parent process.
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
report = {"s": time.perf_counter() - start, "cpu_s": time.process_time() - spent, "peak_mb": peak, "cases": found.cases}
print(json.dumps(report))
"""


def write_parquet(path: Path, cases: int) -> None:
    """Write cases of many kinds over a year: a fifth was approved automatically, most others by a reviewer."""
    import polars as pl  # noqa: PLC0415

    dice = [pl.int_range(0, cases).hash(seed) for seed in range(6)]
    sure = (dice[0] % 10_001) / 10_000.0
    through = (sure >= 0.8).alias("through")
    seconds = pl.int_range(0, cases) * (31_536_000 / cases)
    frame = pl.select(
        through,
        confidence_score=pl.when(dice[1] % 100 < 3).then(None).otherwise(sure),
        risk_level=_one_of(pl, dice[2], RISKS),
        domain=_one_of(pl, dice[3], DOMAINS),
        task_type=_one_of(pl, dice[4], TYPES),
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


def _one_of(pl: Any, number: Any, words: tuple[str, ...]) -> Any:
    places = (number % len(words)).cast(pl.Int64)
    return places.replace_strict(list(range(len(words))), list(words), return_dtype=pl.String)


def write_store(path: Path, cases: int) -> None:
    """Create a store with this number of finished cases."""
    from sqlalchemy import create_engine, insert  # noqa: PLC0415

    from hitl_orchestrator import AgentOutput, Orchestrator, Task  # noqa: PLC0415
    from hitl_orchestrator.ledger.database.tables import outcomes  # noqa: PLC0415
    from hitl_orchestrator.ledger.events.outcomes import Outcome  # noqa: PLC0415
    from hitl_orchestrator.services.config_files import canonical  # noqa: PLC0415

    task, output = (json.loads(canonical(name))[0] for name in ("tasks.json", "agent_outputs.json"))
    with Orchestrator.open(f"sqlite:///{path}") as hitl:
        now = datetime.now(UTC).isoformat()
        hitl.submit(Task.model_validate(task | {"timestamp": now}), AgentOutput.model_validate(output))
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


def run(where: str) -> dict[str, float]:
    """Run a backtest in its own process, and return the time and memory."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT, where], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(parquet_cases: int = PARQUET_CASES, store_cases: int = STORE_CASES) -> dict[str, float]:
    """Return seconds and peak megabytes of both."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        file, store = Path(name, "past.parquet"), Path(name, "past.db")
        write_parquet(file, parquet_cases)
        write_store(store, store_cases)
        for kind, where in (("parquet", str(file)), ("store", f"sqlite:///{store}")):
            figures |= {f"backtest_{kind}_{key}": value for key, value in run(where).items()}
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parquet-cases", type=int, default=PARQUET_CASES)
    parser.add_argument("--store-cases", type=int, default=STORE_CASES)
    given = parser.parse_args()
    for key, value in measure(given.parquet_cases, given.store_cases).items():
        print(f"{key:32} {value:14,.2f}")


if __name__ == "__main__":
    main()
