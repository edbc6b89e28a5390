"""What scoring and routing say about a proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.enums import Action, Agreement, ConfidenceSource, OnTimeout, RiskLevel, Signal
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import Confidence, Label, Text, Value


class Classification(Value):
    """What is proposed, and how risky the task is. No output means that the agent proposed nothing."""

    risk_level: RiskLevel
    output: AgentOutput | None


class Score(Value):
    """How sure the agent is, and what speaks against trusting that. No confidence is None, never 0."""

    confidence: Confidence | None
    source: ConfidenceSource
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a routing policy may look at. `metadata` is the task's, `moment` its timestamp.

    Without a proposal there is no confidence, whatever stands here.
    """

    risk_level: RiskLevel
    domain: str
    task_type: str
    confidence: float | None
    signals: frozenset[Signal] = frozenset()
    has_proposal: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    moment: datetime | None = None

    @classmethod
    def of(cls, task: Task, risk_level: RiskLevel, output: AgentOutput | None, score: Score) -> "Facts":
        """Return the facts of a task, its settled risk, the proposal, and the score of that."""
        return cls(
            risk_level=risk_level,
            domain=task.domain,
            task_type=task.task_type,
            confidence=score.confidence,
            signals=frozenset(score.signals),
            has_proposal=output is not None,
            metadata=task.metadata,
            moment=task.timestamp,
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
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Facts":
        """Return the facts that `to_json` wrote."""
        timestamp = fields["timestamp"]
        return cls(
            risk_level=RiskLevel(fields["risk_level"]),
            domain=fields["domain"],
            task_type=fields["task_type"],
            confidence=fields["confidence_score"],
            signals=frozenset(map(Signal, fields["signals"])),
            has_proposal=fields["has_proposal"],
            metadata=fields["metadata"],
            moment=None if timestamp is None else datetime.fromisoformat(timestamp),
        )


class RuleTrial(NamedTuple):
    """One rule that was tried: whether it held, and the first condition that did not."""

    rule_id: str
    held: bool
    why: str


class ReviewRequirements(Value):
    """How a rule wants people to be asked, beyond who and until when.

    `approvals` persons must agree on one outcome, each in another role where `distinct_roles`. A reminder goes out
    `remind_before` the answer is due; the time to answer counts in working time where `business_hours`. Where `blind`,
    the agent's answer is hidden from a reviewer until they have committed an own label.
    """

    approvals: int = Field(default=1, ge=1, le=9)
    agreement: Agreement = Agreement.UNANIMITY
    distinct_roles: bool = False
    remind_before: timedelta | None = None
    business_hours: bool = False
    blind: bool = False


SINGLE_REVIEW = ReviewRequirements()
"""One person, who sees everything."""


class LayerAnswer(Value):
    """What one layer of a policy answers by itself: the organization, a domain, or a user; None where it is silent."""

    layer: Label
    rule_id: Label | None
    action: Action | None


class ShadowAnswer(Value):
    """What a policy that is only being watched would have answered."""

    policy_hash: Label
    rule_id: Label
    action: Action
    assigned_human_role: Label | None = None


class RoutingDecision(Value):
    """Where a case goes, which rule said so and why. `rule_id` is `fallback` where no rule holds.

    Each review of it is to be answered `respond_within` its opening, where the rule sets a time; `message` is what the
    rule tells whoever reviews it. An auto-approved case is reviewed afterwards with the probability `spot_check`.
    `layers` names the answer of each layer, where the policy has several; `shadow` that of a policy that is watched.

    `trace` tells of every rule that was tried. It follows from the policy and the facts, so it is never stored.
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
    layers: tuple[LayerAnswer, ...] = ()
    shadow: ShadowAnswer | None = None
    trace: tuple[RuleTrial, ...] = Field(default=(), exclude=True, repr=False)

    @property
    def needs_human(self) -> bool:
        """Whether a person must decide. Anything but a plain auto_approve needs one."""
        return self.action is not Action.AUTO_APPROVE


class Routing(Value):
    """Everything the machine had to say about one case: how risky, what is proposed, how sure, and where it goes."""

    risk_level: RiskLevel
    output: AgentOutput | None
    score: Score
    decision: RoutingDecision
