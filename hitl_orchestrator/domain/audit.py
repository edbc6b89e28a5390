"""What the ledger holds: events, and the record of how a case ended."""

from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import Confidence, Identifier, Instant, Label, Text, Value
from hitl_orchestrator.domain.words import (
    Action,
    ActorKind,
    Authentication,
    DecisionSource,
    EventKind,
    FinalDecision,
    HumanDecision,
    RiskLevel,
    Signal,
)


class AuditRecord(Value):
    """How one case ended, and why. Exactly one exists per finished case.

    `latency_seconds` runs from the task's timestamp to the decision. `final_output` is what may be carried out;
    it is None for a rejected case, and where a person replaced the agent's answer by words alone.
    `replayed` says that the case and its decision are a record of the past, which nobody authenticated.
    `review_probability` is the chance that a person looked at a case like this, for weighing what reviews show.
    """

    log_id: Identifier
    task_id: Identifier
    risk_level: RiskLevel
    confidence_score: Confidence | None
    routing_decision: Action
    human_involved: bool
    final_decision: FinalDecision
    decision_source: DecisionSource
    latency_seconds: float = Field(ge=0)
    timestamp: Instant
    case_id: Identifier
    policy_id: Label
    policy_hash: Label
    rule_id: Label
    reason: Text
    signals: tuple[Signal, ...] = ()
    reviewer_id: Identifier | None = None
    human_role: Label | None = None
    human_decision: HumanDecision | None = None
    human_feedback: Text = ""
    proposed_output: Proposal | None
    final_output: Proposal | None
    review_probability: float = Field(ge=0, le=1)
    replayed: bool = False


class Actor(Value):
    """Who did something, how that is known, in which roles, and through which door."""

    kind: ActorKind
    id: Label | None = None
    authenticated: Authentication = Authentication.NONE
    roles: tuple[Label, ...] = ()
    channel: Label = "library"


class RefusedAttempt(Value):
    """An answer that was refused: what was tried, and why not. `answer` is its digest; its free text is not kept.

    Attempts with the same `key` are one: the ledger tells of them once.
    """

    case_id: Identifier
    review_id: Identifier | None
    human_decision: HumanDecision
    cause: Label
    why: Text
    answer: str
    key: str


class Event(Value):
    """One entry of the ledger. `digest` is that of the text as it is stored, `previous` that of the entry before.

    The stored text names what agents and people wrote by keyed digests; here it stands in its place.
    """

    seq: int
    case_id: Identifier | None
    kind: EventKind
    at: Instant
    actor: Actor
    body: dict[str, Any]
    previous: str
    digest: str
