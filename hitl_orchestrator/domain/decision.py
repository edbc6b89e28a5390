"""Results of classification, scoring and routing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from hitl_orchestrator.domain.counting.counters import Counted, values_of
from hitl_orchestrator.domain.enums import Action, Agreement, ConfidenceSource, OnTimeout, RiskLevel, Signal
from hitl_orchestrator.domain.shown.numbers import confidence_text
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value, public, short_name

FALLBACK = "fallback"
"""The rule id of decisions that no rule made, since none matched. Every policy has it."""

NOT_ROUTED = "not_routed"
"""In place of a rule: the case was superseded or canceled before it was routed."""

MAX_ERROR = 500
"""The maximum length of the error of a classifier, in characters."""

ClassifierError = Annotated[str, Field(min_length=1, max_length=MAX_ERROR)]
"""Why the classifier gave no usable answer: one line, with invisible characters escaped."""


class Classification(Value):
    """The output and the risk level of a task. No output means that the agent proposed nothing.

    `error` is the reason if the classifier failed; then there is no output, so that no policy can approve the case.
    """

    risk_level: RiskLevel
    output: AgentOutput | None
    error: ClassifierError | None = None

    @model_validator(mode="after")
    def _failed_has_no_output(self) -> "Classification":
        if self.error is not None and self.output is not None:
            raise ValueError("a classification that failed has no output")
        return self


class ConfidencePart(Value):
    """One statement of confidence in an output: its source, its value, None if unknown, and how it was derived."""

    source: ConfidenceSource
    value: Confidence | None
    how: Text

    @property
    def sentence(self) -> str:
        """The part for readers, such as `verbalised: 0.85, stated by the agent`."""
        return f"{self.source.value}: {'unknown' if self.value is None else confidence_text(self.value)}, {self.how}"


@public
class RaisedSignal(Value):
    """Why a signal was raised: a measured `value`, the `bound` that it passed, and a sentence for the reviewer.

    `value` is None if nothing was measured, or nothing could be: the agent marks its output, or a field is unreadable.
    """

    signal: Signal
    value: float | None
    bound: float | None
    sentence: Text

    def __repr__(self) -> str:
        """Return the signal and the sentence."""
        return f"<RaisedSignal {self.signal.value}: {self.sentence}>"


class Score(Value):
    """The confidence of the agent, its source, and warning signals. A missing confidence is None, never 0.

    `raised` has the reasons of the `signals`, one or more for each. `unreadable` names the fields of the output that
    scoring could not read; each counts as a warning. `reviewed` names the snapshot of reviewed cases with which the
    output was compared, None if there was none.
    """

    confidence: Confidence | None
    source: ConfidenceSource
    signals: tuple[Signal, ...] = ()
    unreadable: tuple[Label, ...] = ()
    parts: tuple[ConfidencePart, ...] = Field(
        default=(), description="what the confidence was derived from; none for a reported confidence alone"
    )
    raised: tuple[RaisedSignal, ...] = ()
    reviewed: Label | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that a routing policy may read. `metadata` is the task's, `moment` its timestamp.

    `proposal` has the label, the explanation and the further fields of the proposal. `agent` has the `id`, `model` and
    `version` that the output states in its fields `agent_id`, `model` and `model_version`, where these are short names:
    the same statements as in the audit record, which the software does not verify. Without a proposal there is neither
    a confidence nor a field of the proposal, whatever these facts have. `received` is when the store received the task;
    its own timestamp is a statement of the submitter.
    `history` has the known values of counters, by the keys of the counters or by the names that the policy gives them.
    `derived` has the values of what the policy calculates; it is None before that.
    """

    risk_level: RiskLevel
    domain: str
    task_type: str
    confidence: float | None
    signals: frozenset[Signal] = frozenset()
    has_proposal: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    moment: datetime | None = None
    proposal: Mapping[str, Any] = field(default_factory=dict, hash=False)
    agent: Mapping[str, Any] = field(default_factory=dict, hash=False)
    received: datetime | None = None
    history: Mapping[str, float] = field(default_factory=dict, hash=False)
    derived: Mapping[str, float] | None = field(default=None, hash=False)

    @classmethod
    def of(
        cls,
        task: Task,
        risk_level: RiskLevel,
        output: AgentOutput | None,
        score: Score,
        received: datetime | None,
        *,
        history: Iterable[Counted] = (),
    ) -> "Facts":
        """Return the facts of a task: its settled risk, the proposal and its score, and when the store received it.

        `history` has the values of counters.
        """
        return cls(
            risk_level=risk_level,
            domain=task.domain,
            task_type=task.task_type,
            confidence=score.confidence,
            signals=frozenset(score.signals),
            has_proposal=output is not None,
            metadata=task.metadata,
            moment=task.timestamp,
            proposal={} if output is None else dict(output.agent_output),
            agent={} if output is None else _agent_of(output.agent_output.model_extra or {}),
            received=received,
            history=values_of(history),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON, under the field names of tasks and outputs."""
        return {
            "risk_level": self.risk_level.value,
            "domain": self.domain,
            "task_type": self.task_type,
            "confidence_score": self.confidence,
            "signals": sorted(self.signals),
            "has_proposal": self.has_proposal,
            "metadata": dict(self.metadata),
            "timestamp": None if self.moment is None else self.moment.isoformat(),
            "proposal": dict(self.proposal),
            "agent": dict(self.agent),
            "received": None if self.received is None else self.received.isoformat(),
            "history": dict(self.history),
            "derived": None if self.derived is None else dict(self.derived),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Facts":
        """Return the facts that `to_json` wrote."""
        timestamp, received = fields["timestamp"], fields["received"]
        return cls(
            risk_level=RiskLevel(fields["risk_level"]),
            domain=fields["domain"],
            task_type=fields["task_type"],
            confidence=fields["confidence_score"],
            signals=frozenset(map(Signal, fields["signals"])),
            has_proposal=fields["has_proposal"],
            metadata=fields["metadata"],
            moment=None if timestamp is None else datetime.fromisoformat(timestamp),
            proposal=fields["proposal"],
            agent=fields["agent"],
            received=None if received is None else datetime.fromisoformat(received),
            history=fields["history"],
            derived=fields["derived"],
        )


def _agent_of(stated: Mapping[str, Any]) -> dict[str, str]:
    """Return the statements of an output about its agent, under the names that policies use."""
    named = {"id": "agent_id", "model": "model", "version": "model_version"}
    names = {name: short_name(stated.get(column)) for name, column in named.items()}
    return {name: value for name, value in names.items() if value is not None}


class RuleTrial(NamedTuple):
    """The evaluation of one rule: whether it matched, and its first condition that did not."""

    rule_id: str
    held: bool
    why: str


class ReviewRequirements(Value):
    """The requirements of a rule on its reviews, beyond role and deadline.

    `approvals` people must agree on one outcome, each in another role if `distinct_roles`. A reminder is sent
    `remind_before` the deadline, which counts working time if `business_hours`. In a `blind` review the agent's output
    is hidden until the reviewer has committed their own label. Only members of all `teams` may decide, and no account
    of the persons of `not_by`.
    """

    approvals: int = Field(default=1, ge=1, le=9)
    agreement: Agreement = Agreement.UNANIMITY
    distinct_roles: bool = False
    remind_before: timedelta | None = None
    business_hours: bool = False
    blind: bool = False
    teams: tuple[Label, ...] = ()
    not_by: tuple[Identifier, ...] = ()


SINGLE_REVIEW = ReviewRequirements()
"""One reviewer, who sees everything."""


class LayerAnswer(Value):
    """The answer of one policy layer (organization, domain or user); None if none of its rules matches."""

    layer: Label
    rule_id: Label | None
    action: Action | None


class ShadowAnswer(Value):
    """The answer of a shadow policy."""

    policy_hash: Label
    rule_id: Label
    action: Action
    assigned_human_role: Label | None = None


class RoutingDecision(Value):
    """The routing of a case, with its rule and reason. `rule_id` is `fallback` if no rule matches.

    Each review is due `respond_within` its opening, if the rule sets a deadline; `message` is the rule's message to the
    reviewer. An auto-approved case is reviewed afterwards with the probability `spot_check`. A person decides a case
    first with the probability `hold`, and it is `held` if it was drawn. `layers` has the answer of each layer, if there
    are several; `shadow` that of a shadow policy. `trace` has every evaluated rule; it follows from the policy and the
    facts, so it is not stored.
    """

    action: Action
    rule_id: Label
    assigned_human_role: Label | None = Field(description="who must decide; None for auto_approve")
    reason: Text
    policy_id: Label
    policy_hash: Label
    respond_within: timedelta | None = None
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    requirements: ReviewRequirements = SINGLE_REVIEW
    message: Text | None = None
    spot_check: Confidence = 0.0
    hold: Confidence = 0.0
    held: bool = False
    layers: tuple[LayerAnswer, ...] = ()
    shadow: ShadowAnswer | None = None
    trace: tuple[RuleTrial, ...] = Field(default=(), exclude=True, repr=False)

    @property
    def needs_human(self) -> bool:
        """Whether a reviewer must decide: for every action but auto_approve."""
        return self.action is not Action.AUTO_APPROVE

    @property
    def review_probability(self) -> float:
        """The probability that a person looks at a case like this one: before it goes ahead, or afterwards."""
        drawn = self.hold + (1 - self.hold) * self.spot_check
        return drawn if self.held or not self.needs_human else 1.0


class Routing(Value):
    """The automatic part of one case: risk level, output or error of the classifier, score and routing decision.

    `received` is the moment that time conditions judged: when the store received the task.
    `history` has the values of counters by which the policy decided.
    """

    risk_level: RiskLevel
    output: AgentOutput | None
    score: Score
    decision: RoutingDecision
    error: ClassifierError | None = None
    received: UtcDatetime | None = None
    history: tuple[Counted, ...] = ()
