"""Queues of real cases: inbox, desk, next and assign with few and with many open reviews, on both databases.

The cases are submitted through the facade, for three roles in three domains. Two thirds were routed under the previous
policy; the active one requires a higher role for one in a hundred of these. Maintenance has run since.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.inbox import ratios
from benchmarks.ledger import NINE
from benchmarks.postgres import IS_THERE, postgres_server
from hitl_orchestrator import AgentOutput, Orchestrator, Proposal, Task
from hitl_orchestrator.cli.desk.client import DeskClient, Filters

FEW, MANY, FIRST, LISTED, CALLS = 100, 1_000, 50, 500, 9
DOMAINS = ("customer_support", "trust_and_safety", "account_management")
ROLES = ("domain_reviewer", "senior_manager", "compliance_officer")
EVERYWHERE, IN_ONE_DOMAIN = "everywhere", "in_one_domain"
PEOPLE = [
    {"reviewer_id": EVERYWHERE, "name": "All roles", "roles": ROLES},
    {"reviewer_id": IN_ONE_DOMAIN, "name": "One role and domain", "roles": ROLES[:1], "domains": DOMAINS[:1]},
]


def _rule(rule_id: str, role: str, **conditions: Any) -> dict[str, Any]:
    return {
        "rule_id": rule_id,
        "priority": 1,
        "conditions": conditions,
        "action": "human_review",
        "assigned_human_role": role,
    }


OFFICERS = _rule("billing", ROLES[2], task_type="billing")
UNSURE = _rule("unsure", ROLES[1], risk_level="medium", max_confidence=0.015)
PREVIOUS, ACTIVE = ({"policy_id": "queue", "rules": rules} for rules in ([OFFICERS], [OFFICERS, UNSURE]))


def fill(store: str, size: int) -> None:
    """Submit cases, the first two thirds of them under the previous policy."""
    with Orchestrator.open(store, policy=PREVIOUS, reviewers=PEOPLE, clock=lambda: NINE) as hitl:
        for number in range(size):
            if number == size * 2 // 3:
                hitl.policy.activate(ACTIVE, reviewer=EVERYWHERE, reason="Unsure cases need a senior manager")
            hitl.submit(*case(number))
        hitl.run_maintenance()


def case(number: int) -> tuple[Task, AgentOutput]:
    """Return a case; one in five is for a compliance officer, and one in a hundred for a senior manager now."""
    reported = {
        "task_id": f"task-{number}",
        "task_type": "billing" if number % 5 == 0 else "document_classification",
        "domain": DOMAINS[number % len(DOMAINS)],
        "risk_level": "medium",
        "task_description": "Classify it",
        "timestamp": NINE,
        "metadata": {"customer": f"customer-{number % 50}"},
    }
    proposal = Proposal(predicted_label="refund", explanation="It says so")
    confidence = (number * 37 % 100) / 100
    output = AgentOutput(task_id=f"task-{number}", agent_output=proposal, confidence_score=confidence)
    return Task.model_validate(reported), output


def milliseconds(store: str) -> dict[str, float]:
    """Return the milliseconds of each call: the median, and the first call of a role in a new process."""
    with Orchestrator.open(store) as hitl:
        first = {f"first_{role}": _once(lambda role=role: hitl.inbox(role, limit=FIRST)) for role in ROLES}
        desk = replace(DeskClient.of(hitl, EVERYWHERE), most=LISTED)
        calls: dict[str, Callable[[], Any]] = {
            "inbox": lambda: hitl.inbox(limit=FIRST),
            **{role: lambda role=role: hitl.inbox(role, limit=FIRST) for role in ROLES},
            "reviewer": lambda: hitl.inbox(reviewer=EVERYWHERE, limit=FIRST),
            "reviewer_in_one_domain": lambda: hitl.inbox(reviewer=IN_ONE_DOMAIN, limit=FIRST),
            "desk": lambda: desk.queue(Filters()),
        }
        taken = {name: median(_once(call) for _ in range(CALLS)) for name, call in calls.items()}
        taken["next"] = median(_once(lambda: hitl.reviews.next(reviewer=IN_ONE_DOMAIN)) for _ in range(CALLS))
        taken["assign"] = _once(lambda: hitl.reviews.assign(strategy="push", limit=FIRST, reviewer=EVERYWHERE))
        taken["maintenance"] = _once(hitl.run_maintenance)
    return first | taken


def _once(call: Callable[[], Any]) -> float:
    began = perf_counter()
    call()
    return (perf_counter() - began) * 1000


def measure(many: int = MANY, few: int = FEW) -> dict[str, float]:
    """Return the milliseconds with few and with many open reviews, and their ratio, for each database."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures |= _compared("sqlite", [f"sqlite:///{Path(folder, f'{name}.db')}" for name in (few, many)], (few, many))
    if IS_THERE:
        with postgres_server() as server:
            figures |= _compared("postgres", [server.new_database(), server.new_database()], (few, many))
    return figures


def _compared(database: str, stores: list[str], sizes: tuple[int, int]) -> dict[str, float]:
    for store, size in zip(stores, sizes, strict=True):
        fill(store, size)
    few, lots = map(milliseconds, stores)
    return ratios(f"queues_{database}", few, lots)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=MANY)
    print(json.dumps(measure(parser.parse_args().size), indent=2))


if __name__ == "__main__":
    main()
