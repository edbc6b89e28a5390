"""The time and memory of reading a SQLite store into a frame, of all metrics, of a report and of `hitl stats`.

Each runs in a process of its own, so that its peak is its own. The cases are rows of the outcomes, made by a seeded
generator and inserted in bulk, without entries: running that many cases through the graph would take hours.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CASES = 20_000
_FRAME = "print(audit.frame().height)"
_METRICS = "print(audit.metrics().cases.decided)"
_REPORT = "print(audit.full_report(verify=False).report.signal.text)"
_OF_AUDIT = (
    "import sys; from hitl_orchestrator.orchestrator import LedgerAudit\nwith LedgerAudit(sys.argv[1]) as audit: "
)
POLICY = {
    "policy_id": "routing_policy_v1",
    "description": "High risk is escalated, and what an agent is sure of goes ahead.",
    "rules": [
        {
            "rule_id": "rule_001",
            "priority": 1,
            "conditions": {"risk_level": "high"},
            "action": "escalate",
            "assigned_human_role": "senior_manager",
        },
        {
            "rule_id": "rule_002",
            "priority": 2,
            "conditions": {"min_confidence": 0.4},
            "action": "auto_approve",
            "spot_check": 0.05,
        },
        {"rule_id": "rule_003", "priority": 3, "conditions": {}, "action": "human_review"},
    ],
}
RISKS = ("low", "medium", "high")
DOMAINS = ("customer_support", "account_management", "trust_and_safety", "payments", "lending")
TYPES = ("classification", "refund", "moderation", "invoice", "triage", "address_change", "limit_change", "letter")
REASONS = ("wrong_label", "wrong_amount", "missing_fact", "tone")
REVIEWERS = tuple(f"reviewer-{number:02}" for number in range(25))


def cases_of(count: int, policy_hash: str) -> Any:
    """Return outcomes of many kinds over two years, as a polars frame with the columns of the table.

    The policy approved about 40 % of them automatically, and drew a twentieth of these for a spot check. A person
    decided all others.
    """
    import polars as pl  # noqa: PLC0415

    dice = [pl.int_range(0, count).hash(seed) for seed in range(12)]
    sure = (dice[0] % 100_003) / 100_003.0
    confidence = pl.when(dice[1] % 100 < 3).then(None).otherwise(sure)
    auto = (dice[8] % 3 < 2) & (confidence >= 0.4).fill_null(value=False)
    wrong = dice[2] % 100_000 > (55 + 40 * sure) * 1000
    start = pl.datetime(2024, 1, 1, time_zone="UTC") + pl.duration(
        seconds=(pl.int_range(0, count) * (63_072_000 / count)).cast(pl.Int64)
    )
    frame = pl.select(
        number=pl.int_range(0, count), auto=auto, wrong=wrong, sure=sure, confidence_score=confidence, start=start,
        wait=(dice[3] % 86_400).cast(pl.Float64), work=(dice[4] % 600 + 5).cast(pl.Float64),
        how=dice[5] % 10, reviewer=_one_of(pl, dice[6], REVIEWERS), reason=_one_of(pl, dice[7], REASONS),
        risk_level=_one_of(pl, dice[8], RISKS), domain=_one_of(pl, dice[9], DOMAINS),
        task_type=_one_of(pl, dice[10], TYPES), dice=dice[11],
    ).lazy()  # fmt: skip
    by_person = ~pl.col("auto")
    escalated = by_person & (pl.col("risk_level") == "high")

    def when(condition: Any, then: Any, otherwise: Any = None) -> Any:
        return pl.when(condition).then(pl.lit(then) if isinstance(then, str) else then).otherwise(
            pl.lit(otherwise) if isinstance(otherwise, str) else otherwise
        )  # fmt: skip

    wrongly = pl.when(pl.col("how") < 5).then(pl.lit("modify")).when(pl.col("how") < 8).then(pl.lit("override"))
    decision = when(by_person, when(pl.col("wrong"), wrongly.otherwise(pl.lit("reject")), "approve"))
    final = {"approve": "approved", "modify": "modified_and_approved", "override": "override_approved"}
    role = when(escalated, "senior_manager", "domain_reviewer")
    decided = pl.col("start") + pl.duration(seconds=when(by_person, pl.col("wait") + pl.col("work"), 0.2))
    return frame.with_columns(human_decision=decision, role=role, decided=decided).select(
        finished_seq=pl.col("number") + 1_000,
        case_id=pl.format("0197a0b0-0000-7000-8000-{}", pl.col("number").cast(pl.String).str.zfill(12)),
        task_id=pl.format("task-{}", "number"),
        task_type="task_type", domain="domain", risk_level="risk_level",
        confidence_score="confidence_score",
        confidence_source=when(pl.col("confidence_score").is_null(), None, "reported"),
        signals=when(pl.col("sure") < 0.5, "low_confidence", when(pl.col("dice") % 9 == 0, "unusual risky", "")),
        has_proposal=pl.lit(1),
        routing_decision=when("auto", "auto_approve", when(escalated, "escalate", "human_review")),
        rule_id=when("auto", "rule_002", when(escalated, "rule_001", "rule_003")),
        policy_id=pl.lit("routing_policy_v1"),
        policy_hash=pl.lit(policy_hash),
        review_probability=when("auto", 0.05, 1.0),
        assigned_human_role=when(by_person, pl.col("role")),
        approvals_needed=pl.lit(1), escalations=pl.lit(0),
        final_decision=when(by_person, pl.col("human_decision").replace_strict(final, default="rejected"), "approved"),
        decision_source=when(by_person, "human", "agent"),
        human_decision="human_decision",
        reviewer_id=when(by_person, pl.col("reviewer")),
        human_role=when(by_person, pl.col("role")),
        votes=pl.lit(None, pl.String),
        confidence_assessment=when(by_person, "high"),
        reason_code=when(pl.col("human_decision").is_in(["modify", "override", "reject"]), pl.col("reason")),
        quality_check=pl.lit(None, pl.String),
        quality_check_expected=pl.lit(None, pl.String),
        quality_check_of=pl.lit(None, pl.String),
        replayed=pl.lit(0), submitted_by=pl.lit("agent-7"),
        predicted_label=pl.format("label {}", pl.col("dice") % 40),
        label_changed=when(by_person & (pl.col("human_decision") == "modify"), 1, when(by_person, None, 0)),
        shown_length=(pl.col("dice") % 3000).cast(pl.Int64) + 60,
        classifier_failed=pl.lit(0), unreadable=pl.lit(0), redacted=pl.lit(0),
        agent_id=pl.lit("agent-7"), model=pl.lit("model-l"),
        model_version=when(pl.col("number") < count // 3, "2024-01", "2025-02"),
        prompt_version=pl.lit("p3"),
        task_timestamp=_text(pl, pl.col("start")), received_at=_text(pl, pl.col("start")),
        review_opened_at=when(by_person, _text(pl, pl.col("start"))),
        due_at=when(by_person, _text(pl, pl.col("start") + pl.duration(hours=20))),
        timestamp=_text(pl, pl.col("decided")),
        latency_seconds=when(by_person, pl.col("wait") + pl.col("work"), 0.2),
        review_seconds=when(by_person, pl.col("wait") + pl.col("work")),
        seconds_looked_at=when(by_person, pl.col("work")),
        metadata_digest=pl.lit(None, pl.String),
    ).collect()  # fmt: skip


def checks_of(cases: Any) -> Any:
    """Return an answered spot check for nine of ten drawn cases."""
    import polars as pl  # noqa: PLC0415

    from hitl_orchestrator.domain.audit import drawn_for_spot_check  # noqa: PLC0415

    automatic = cases.filter(pl.col("decision_source") == "agent")
    drawn = automatic.filter(
        pl.Series(drawn_for_spot_check(automatic["case_id"].to_list(), automatic["review_probability"].to_list()))
    ).filter(pl.int_range(pl.len()) % 10 > 0)
    wrong = pl.col("finished_seq").hash(3) % 100 < 7
    return drawn.with_columns(
        finished_seq=pl.col("finished_seq") + cases.height,
        case_id=pl.format("0297{}", pl.col("case_id").str.slice(4)),
        quality_check=pl.lit("spot_check"),
        quality_check_of="case_id",
        review_probability=pl.lit(1.0),
        decision_source=pl.lit("human"),
        routing_decision=pl.lit("human_review"),
        rule_id=pl.lit("fallback"),
        assigned_human_role=pl.lit("domain_reviewer"),
        human_decision=pl.when(wrong).then(pl.lit("reject")).otherwise(pl.lit("approve")),
        final_decision=pl.when(wrong).then(pl.lit("rejected")).otherwise(pl.lit("approved")),
        reviewer_id=pl.lit(REVIEWERS[0]),
        human_role=pl.lit("domain_reviewer"),
    )


def _one_of(pl: Any, number: Any, words: tuple[str, ...]) -> Any:
    places = (number % len(words)).cast(pl.Int64)
    return places.replace_strict(list(range(len(words))), list(words), return_dtype=pl.String)


def _text(pl: Any, time: Any) -> Any:
    return time.dt.cast_time_unit("us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")


def write_store(path: Path, count: int) -> None:
    """Create a SQLite store with this number of finished cases and their spot checks."""
    from hitl_orchestrator import Orchestrator  # noqa: PLC0415

    with Orchestrator.open(f"sqlite:///{path}", policy=POLICY) as hitl:
        cases = cases_of(count, str(hitl.policy.status().active))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for frame in (cases, checks_of(cases)):
            names, marks = ", ".join(frame.columns), ", ".join("?" * frame.width)
            connection.executemany(f"INSERT INTO outcomes ({names}) VALUES ({marks})", frame.iter_rows())
    connection.close()


def run(command: list[str]) -> dict[str, float]:
    """Run a process, and return its seconds, CPU seconds and peak memory in megabytes.

    On Linux that peak includes the memory of this process, which therefore makes no frames itself.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seconds, unit = time.perf_counter() - start, 1024 if sys.platform == "darwin" else 1
    return {"s": seconds, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / unit / 1024}


def measure(count: int = CASES) -> dict[str, float]:
    """Return seconds, CPU seconds and the peak memory of each reading of a SQLite store, and the number of cases."""
    figures: dict[str, float] = {"insights_cases": count}
    with tempfile.TemporaryDirectory(prefix="hitl-bench-") as folder:
        path = Path(folder) / "hitl.db"
        run(["-m", "benchmarks.insights", "--cases", str(count), "--write", str(path)])
        store = f"sqlite:///{path}"
        commands = {
            "frame": ["-c", _OF_AUDIT + _FRAME, store],
            "metrics": ["-c", _OF_AUDIT + _METRICS, store],
            "report": ["-c", _OF_AUDIT + _REPORT, store],
            "stats": ["-m", "hitl_orchestrator.cli", "--store", store, "stats"],
        }
        for what, command in commands.items():
            figures |= {f"insights_{what}_{name}": value for name, value in run(command).items()}
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--write", type=Path, help="only write the store to this file")
    given = parser.parse_args()
    if given.write is not None:
        write_store(given.write, given.cases)
        return
    for key, value in measure(given.cases).items():
        print(f"{key:32} {value:14,.2f}")


if __name__ == "__main__":
    main()
