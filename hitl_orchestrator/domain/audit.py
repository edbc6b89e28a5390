"""Ledger events, and the audit record of a finished case."""

from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.decision import ClassifierError, RaisedSignal
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
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value, public

RECORDED_TRUTH = "recorded-truth"
"""The `reviewer_id` of an imported answer that a column of right answers gave, and no person."""


class Vote(Value):
    """The decision of one reviewer: one of several that a rule requires, or one before an escalation."""

    review_id: Identifier
    reviewer_id: Identifier | None
    person: Identifier | None = None
    role: Label
    human_decision: HumanDecision
    at: UtcDatetime


@public
class AuditRecord(Value):
    """The outcome of one case, with its reasons. Every finished case has exactly one.

    `latency_seconds` runs from the task's timestamp to the decision. `final_output` may be carried out; it is None for
    a rejected or replayed case, and for an override by words alone. `replayed` marks a past case and decision that were
    imported, unauthenticated; `unchecked` names the rules that could not be checked for it: `separation_of_duties`,
    `quorum` and `asked_people`, where the record names no reviewer. `review_probability` is the probability that a case
    like this is reviewed; statistics weigh by it. `drawn` is an automatic case that was drawn for a spot check, once,
    when it finished.

    Fields after `replayed` were added later and have defaults, so that older records still load; a default means "not
    recorded". `received_at` and `review_opened_at` are times of this system, in a replay those of the replay.
    `agent_id`, `model`, `model_version` and `prompt_version` are the agent's own statements in its output.
    `escalations` counts the escalations before the decision. Fields that begin with `review` or `reviewer`,
    `options_offered`, `authenticated` and `channel` describe the deciding review and its reviewer at that time;
    `options_offered` are the decisions that they could have taken, and `due_at` is the deadline. `review_seconds` runs
    from the opening of that review to its decision, `seconds_looked_at` from the first view of the deciding reviewer;
    both are None for an imported record. `shown_length` is the number of characters of the proposal as JSON.
    `label_changed` is whether the decided label differs from the proposed one; None where there are not both. `votes`
    has all human decisions in order. `output_patch` turns the proposal into the final output (JSON Patch, RFC 6902).
    `own_label` is a blind reviewer's label before they saw the proposal. A `quality_check` measures a reviewer; its
    output is never carried out. `classifier_error` is why the classifier gave no answer, and `unreadable` names the
    fields of the output that scoring could not read. `raised` has the reasons of the `signals`, and `reviewed` names
    the snapshot of reviewed cases with which the output was compared.
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
    due_at: UtcDatetime | None = None
    review_seconds: float | None = Field(default=None, ge=0)
    first_viewed_at: UtcDatetime | None = None
    seconds_looked_at: float | None = Field(default=None, ge=0)
    reason_code: Label | None = None
    approvals_needed: int = Field(default=1, ge=1)
    votes: tuple[Vote, ...] = ()
    shown_length: int = Field(default=0, ge=0)
    label_changed: bool | None = None
    output_patch: tuple[dict[str, Any], ...] | None = None
    own_label: Text = ""
    submitted_by: Identifier | None = None
    supersedes: Identifier | None = None
    quality_check: QualityCheckKind | None = None
    quality_check_expected: HumanDecision | None = None
    quality_check_of: Identifier | None = None
    classifier_error: ClassifierError | None = None
    unreadable: tuple[Label, ...] = ()
    raised: tuple[RaisedSignal, ...] = ()
    reviewed: Label | None = None
    unchecked: tuple[Label, ...] = ()
    drawn: bool = False

    def __repr__(self) -> str:
        """Return the id of the task, the outcome and its source."""
        return f"<AuditRecord {self.task_id} {self.final_decision.value} by {self.decision_source.value}>"


class Actor(Value):
    """The actor of an event: its identity, how that was established, its roles, and the channel it used.

    `os_user` is the user of the operating system who ran the command, beside the name that the command stated.
    """

    kind: ActorKind
    id: Label | None = None
    authenticated: Authentication = Authentication.NONE
    roles: tuple[Label, ...] = ()
    channel: Label = "library"
    os_user: Label | None = None


class RefusedAttempt(Value):
    """A refused decision, with the reason. `answer` is the digest of the decision; its free text is not stored.

    The ledger records attempts with the same `key` once.
    """

    case_id: Identifier
    review_id: Identifier | None
    human_decision: HumanDecision
    cause: Label
    why: Text
    answer: str
    key: str


class Event(Value):
    """One ledger entry. `digest` is the digest of the stored text, `previous` that of the preceding entry.

    The stored text has keyed digests in place of the free text of agents and people; `body` has the text itself.
    """

    seq: int
    case_id: Identifier | None
    kind: EventKind
    at: UtcDatetime
    actor: Actor
    body: dict[str, Any]
    previous: str
    digest: str

    def __repr__(self) -> str:
        """Return the number, the kind and the case."""
        return f"<Event {self.seq} {self.kind.value}{f' of case {self.case_id}' if self.case_id else ''}>"


_DIGITS = 13


def is_drawn(share: float, lot: str) -> bool:
    """Whether a lot, a digest in hexadecimal, falls into a share of all; if so, it also falls into every larger one."""
    return int(lot[:_DIGITS], 16) < int(share * (1 << 4 * _DIGITS))
