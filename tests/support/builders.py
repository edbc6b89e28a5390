"""Build values for tests; a test states only the fields that matter to it."""

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing, RoutingDecision, Score
from hitl_orchestrator.domain.enums import ActorKind
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.domain.value import text_digest
from hitl_orchestrator.graph.topology import graph_version
from hitl_orchestrator.services.reviews.audit_records import by_agent, by_person

NINE = datetime(2025, 1, 10, 9, tzinfo=UTC)
AGENT = Actor(kind=ActorKind.AGENT)
PERSON = Actor(kind=ActorKind.HUMAN, id="ana")
POLICY_HASH = "a" * 64


def minutes(number: float) -> datetime:
    """Return the time this number of minutes after nine."""
    return NINE + timedelta(minutes=number)


class FakeClock:
    """Returns the time that it was set to; a tick is a second."""

    def __init__(self, now: datetime = NINE) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def numbered(prefix: str = "case"):
    """Return a maker of ids that can be read in a failing test: case-1, case-2 ..."""
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def canonical(name: str) -> Any:
    """Return one of the data sets that come with the package."""
    return json.loads(files("hitl_orchestrator.data").joinpath(f"{name}.json").read_text("utf-8"))


def a_lot(*names):
    """Draws as a ledger does, under no key."""
    return text_digest("\n".join(names))


def a_task(task_id: str = "task-1", **fields: Any) -> Task:
    """A task of low risk."""
    values = {"task_type": "document_classification", "task_description": "Classify an email", "risk_level": "low"}
    return Task.model_validate(
        {**values, "domain": "customer_support", "timestamp": NINE, "task_id": task_id, **fields}
    )


def an_output(task_id: str = "task-1", confidence: float | None = 0.9, label: str = "Refund", **extra: Any):
    """An output that the canonical policy lets through for a task of low risk."""
    proposal = {"predicted_label": label, "explanation": "It says so", **extra}
    return AgentOutput(task_id=task_id, agent_output=Proposal(**proposal), confidence_score=confidence)


def a_submission(case_id: str = "case-1", task: Task | None = None, output: Any = "one that fits", **fields: Any):
    """A case as it comes in, by default with an output."""
    task = task or a_task()
    given = {
        "case_id": case_id,
        "task": task,
        "output": an_output(task.task_id) if output == "one that fits" else output,
        "policy_id": "p",
        "policy_hash": POLICY_HASH,
        "graph_version": graph_version(),
        "received_at": NINE,
    }
    return Submission(**{**given, **fields})


def a_routing(action: str = "human_review", role: str | None = "domain_reviewer", **fields: Any) -> Routing:
    """The routing of a case; by default to a domain reviewer."""
    decision = RoutingDecision(
        action=action,
        rule_id="rule_1",
        assigned_human_role=None if action == "auto_approve" else role,
        reason="rule_1 holds",
        policy_id="p",
        policy_hash=POLICY_HASH,
    )
    values = {"risk_level": "low", "output": an_output(), "score": Score(confidence=0.9, source="reported")}
    return Routing(**{**values, "decision": decision, **fields})


def a_shown(case_id: str = "case-1", level: int = 0, role: str = "domain_reviewer", **fields: Any) -> ReviewSnapshot:
    """The snapshot that a review shows."""
    values = {"task": a_task(), "routing": a_routing(), "review_id": f"{case_id}.{level}"}
    return ReviewSnapshot(**{**values, "case_id": case_id, "level": level, "role": role, **fields})


def a_review(decision: str = "approve", reviewer: str | None = "domain_reviewer", **fields: Any) -> Review:
    """A person's answer, with the output or the reason that its decision needs."""
    if decision == "modify":
        fields = {"modified_output": Proposal(predicted_label="Edited"), **fields}
    if decision in ("override", "escalate"):
        fields = {"reason": "an exception holds", **fields}
    return Review.model_validate({"human_decision": decision, "reviewer_id": reviewer, **fields})


def a_verdict(decision: str = "approve", reviewer: str = "ana", at: datetime = NINE, **fields: Any) -> RecordedDecision:
    """An answer as it is recorded."""
    answer = a_review(decision, reviewer, **fields)
    return RecordedDecision(review=answer, decided_at=at, role="domain_reviewer", channel="library")


def an_outcome(submission: Submission, row: StoredReview | None = None) -> AuditRecord:
    """The record of a case that a reviewer decided, or that was approved automatically."""
    if row is not None:
        return by_person(submission, row)
    return by_agent(submission, a_routing("auto_approve"), submission.received_at, drawn=False)
