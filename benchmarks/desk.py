"""The review desk: the next best case of a hundred thousand, and thirty-two reviewers who claim and decide at once.

The hundred thousand are put in by SQL in bulk, as for the inbox. The cases that are really claimed were submitted; they
came before all others, so that they are the best next ones. A claim is a commit, and is part of what is timed.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from benchmarks.inbox import fill
from benchmarks.ledger import NINE
from benchmarks.postgres import IS_THERE, postgres_server
from hitl_orchestrator import AgentOutput, HitlError, Orchestrator, Proposal, Review, Task
from hitl_orchestrator.errors import RequestRejected

MANY, CALLS, REVIEWERS, DECIDED = 100_000, 200, 32, 640
DOMAINS = ("customer_support", "trust_and_safety", "account_management")
PEOPLE = [
    {"reviewer_id": "everywhere", "name": "One role, everywhere", "roles": ["domain_reviewer"]},
    {
        "reviewer_id": "in_three_domains",
        "name": "Two roles, three domains",
        "roles": ["domain_reviewer", "senior_manager"],
        "domains": DOMAINS,
    },
    *(
        {"reviewer_id": f"r{number:02}", "name": f"{number}", "roles": ["domain_reviewer"]}
        for number in range(REVIEWERS)
    ),
]


def submit(store: str, count: int) -> None:
    """Submit cases that wait for a domain reviewer, in the queue before those put in by SQL."""
    before = NINE - timedelta(days=1)
    times = iter(before + timedelta(milliseconds=number) for number in range(count * 20))
    with Orchestrator.open(store, reviewers=PEOPLE, clock=lambda: next(times)) as hitl:
        for number in range(count):
            reported = {"task_id": f"real-{number}", "task_type": "document_classification", "risk_level": "medium"}
            reported |= {
                "domain": DOMAINS[number % len(DOMAINS)],
                "task_description": "Classify it",
                "timestamp": before,
            }
            proposal = Proposal(predicted_label="refund", explanation="It says so")
            output = AgentOutput(task_id=f"real-{number}", agent_output=proposal, confidence_score=0.65)
            hitl.submit(Task.model_validate(reported), output)


def next_ms(store: str, many: int = MANY) -> dict[str, float]:
    """Return the milliseconds of `next` by number of waiting cases: the median and the 95th percentile."""
    fill(store, many, PEOPLE)
    submit(store, 2 * CALLS)
    figures = {}
    with Orchestrator.open(store, reviewers=PEOPLE) as hitl:
        for who in ("everywhere", "in_three_domains"):
            taken = [_milliseconds(lambda who=who: _given(hitl, who)) for _ in range(CALLS)]
            figures |= {f"next_{who}_ms": median(taken), f"next_{who}_p95_ms": quantiles(taken, n=20)[-1]}
    return figures


def _given(hitl: Orchestrator, who: str) -> None:
    row = hitl.reviews.next(reviewer=who)
    assert row is not None
    assert row.task.task_id.startswith("real-")


def throughput(store: str, count: int = DECIDED) -> dict[str, float]:
    """Return the throughput of thirty-two concurrent reviewers, each in a thread, until no review is left."""
    submit(store, count)
    with Orchestrator.open(store, reviewers=PEOPLE) as hitl, ThreadPoolExecutor(REVIEWERS) as pool:
        began = perf_counter()
        done = list(pool.map(lambda number: _work(hitl, f"r{number:02}"), range(REVIEWERS)))
        seconds = perf_counter() - began
        left, records = len(hitl.inbox()), sum(1 for _ in hitl.audit.records())
    waits = [wait for mine, _ in done for wait in mine]
    failed = sum((failures for _, failures in done), Counter[str]())
    assert (left, records) == (0, count), f"{left} are left, {records} are decided, {dict(failed)}"
    return {
        "decided_a_second": count / seconds,
        "decided_median_ms": median(waits),
        "decided_slowest_ms": max(waits),
        "decided_least_by_one": float(min(len(mine) for mine, _ in done)),
        "decided_most_by_one": float(max(len(mine) for mine, _ in done)),
        "decided_errors": float(sum(failed.values())),
    }


def _work(hitl: Orchestrator, who: str) -> tuple[list[float], Counter[str]]:
    """Claim and decide until no review is left; return the time of each case, and the errors."""
    taken: list[float] = []
    failed: Counter[str] = Counter()
    while True:
        began = perf_counter()
        try:
            row = hitl.reviews.next(reviewer=who)
            if row is None:
                return taken, failed
            hitl.decide(row.case_id, Review(human_decision="approve", reviewer_id=who))
        except (HitlError, RequestRejected) as exc:
            failed[type(exc).__name__] += 1
            if failed.total() > CALLS:
                return taken, failed
        taken.append((perf_counter() - began) * 1000)


def measure(many: int = MANY) -> dict[str, float]:
    """Return all figures, for each database."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _of("sqlite", lambda name: f"sqlite:///{Path(folder, f'{name}.db')}", many)
    if IS_THERE:
        with postgres_server() as server:
            figures |= _of("postgres", lambda name: server.new_database(), many)
    return figures


def _of(database: str, new_store: Callable[[str], str], many: int) -> dict[str, float]:
    found = {**next_ms(new_store("next"), many), **throughput(new_store("decided"))}
    return {f"desk_{database}_{name}": value for name, value in found.items()}


def _milliseconds(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=MANY)
    print(json.dumps(measure(parser.parse_args().size), indent=2))


if __name__ == "__main__":
    main()
