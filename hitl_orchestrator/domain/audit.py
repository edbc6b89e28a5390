"""What the ledger holds: events, and the record of how a case ended."""

from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.enums import (
    Action,
    ActorKind,
    Assessment,
    Authentication,
    ConfidenceSource,
    DecisionSource,
    EventKind,
    FinalDecision,
    HumanDecision,
    QualityCheckKind,
    RiskLevel,
    Signal,
)
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value


class Vote(Value):
    """One person's answer among several that a rule asked for, or that came before a case was passed up."""

    review_id: Identifier
    reviewer_id: Identifier | None
    person: Identifier | None = None
    role: Label
    human_decision: HumanDecision
    at: UtcDatetime


class AuditRecord(Value):
    """How one case ended, and why. Exactly one exists per finished case.

    `latency_seconds` runs from the task's timestamp to the decision. `final_output` is what may be carried out;
    it is None for a rejected case, and where a person replaced the agent's answer by words alone.
    `replayed` says that the case and its decision are a record of the past, which nobody authenticated.
    `review_probability` is the chance that a person looked at a case like this, for weighing what reviews show.

    What stands below `replayed` came later. It has defaults, so that an older record can still be read, and a default
    means that it was not recorded. `received_at` and `review_opened_at` are times of this system's clock, in a replay
    those of the replay. `agent_id`, `model`, `model_version` and `prompt_version` are what the agent said of itself in
    its output. `escalations` counts how often the case was passed up before it was decided. What begins with `review`
    or `reviewer`, `options_offered`, `authenticated` and `channel` tell of the review that decided, and of the person
    as they stood at that time: `options_offered` are the answers that would have been taken from them.
    `review_seconds` runs from the opening of that review to its decision, and is not known of a record of the past;
    `seconds_looked_at` from when the one who decided first looked at it. `votes` names every answer of a person, in
    order. `output_patch` leads from the proposal to the final output (JSON Patch, RFC 6902). `own_label` is what a
    blind reviewer said before they saw the agent's answer. A `quality_check` measures a reviewer; its output is never
    carried out.
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
    timestamp: UtcDatetime
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
    task_type: Label | None = None
    domain: Label | None = None
    received_at: UtcDatetime | None = None
    graph_version: Label | None = None
    software_version: Label | None = None
    agent_id: Label | None = None
    model: Label | None = None
    model_version: Label | None = None
    prompt_version: Label | None = None
    confidence_source: ConfidenceSource | None = None
    escalations: int = Field(default=0, ge=0)
    review_id: Identifier | None = None
    assigned_human_role: Label | None = None
    shown_digest: Label | None = None
    options_offered: tuple[HumanDecision, ...] = ()
    reviewer_roles: tuple[Label, ...] = ()
    reviewer_domains: tuple[Label, ...] = ()
    authenticated: Authentication | None = None
    channel: Label | None = None
    human_reason: Text = ""
    confidence_assessment: Assessment | None = None
    review_opened_at: UtcDatetime | None = None
    review_seconds: float | None = Field(default=None, ge=0)
    first_viewed_at: UtcDatetime | None = None
    seconds_looked_at: float | None = Field(default=None, ge=0)
    reason_code: Label | None = None
    approvals_needed: int = Field(default=1, ge=1)
    votes: tuple[Vote, ...] = ()
    output_patch: tuple[dict[str, Any], ...] | None = None
    own_label: Text = ""
    submitted_by: Identifier | None = None
    supersedes: Identifier | None = None
    quality_check: QualityCheckKind | None = None
    quality_check_expected: HumanDecision | None = None
    quality_check_of: Identifier | None = None


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
    at: UtcDatetime
    actor: Actor
    body: dict[str, Any]
    previous: str
    digest: str
