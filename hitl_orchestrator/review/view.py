"""What a reviewer sees of a case. Every face shows this one view."""

from pydantic import Field

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import Action, FinalDecision, HumanDecision, RiskLevel, Signal
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import Confidence, FreeJson, Identifier, Label, Text, UtcDatetime, Value


class Choice(Value):
    """One answer that would be taken, and what it would do."""

    decision: HumanDecision
    does: Text


class SimilarCase(Value):
    """An earlier case of the same kind, and how it was decided."""

    task_id: Identifier
    confidence: Confidence | None
    final_decision: FinalDecision
    decided_by: Label
    decided_at: UtcDatetime


class HistoryItem(Value):
    """One line of the history of a case."""

    at: UtcDatetime
    who: Label
    what: Text


class CaseView(Value):
    """All that a reviewer sees of one review.

    While `hidden`, the proposal, the confidence and all that tells of them are left out: the reviewer has to commit an
    own label first. `why_not` says why this reviewer may not answer, and what would help; empty where they may.
    """

    case_id: Identifier
    task_id: Identifier
    review_id: Identifier
    digest: Label
    state: Label
    task: Task
    risk_level: RiskLevel
    proposal: Proposal | None
    hidden: bool = False
    own_label: Text = ""
    confidence: Confidence | None
    confidence_means: Text
    signals: tuple[Signal, ...] = ()
    action: Action
    rule_id: Label
    reason: Text
    message: Text = Field(default="", description="what the rule tells whoever reviews")
    would_go_through: tuple[Text, ...] = ()
    role: Label = Field(description="who must decide now")
    requirements: ReviewRequirements
    votes_given: int = 0
    passed_up_because: Text = ""
    similar: tuple[SimilarCase, ...] = ()
    history: tuple[HistoryItem, ...] = ()
    opened_at: UtcDatetime
    due_at: UtcDatetime | None = None
    overdue: bool = False
    claimed_by: Identifier | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    choices: tuple[Choice, ...] = ()
    reason_codes: tuple[Label, ...] = ()
    output_schema: FreeJson | None = None
    may_decide: tuple[Identifier, ...] = ()
    why_not: Text = ""

    def _repr_html_(self) -> str:
        """Return the view as a card, for a notebook."""
        from hitl_orchestrator.review.card import card  # noqa: PLC0415 - only a notebook asks for it

        return card(self)
