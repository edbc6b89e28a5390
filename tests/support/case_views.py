"""Build case views for tests; a test states only the fields that matter to it."""

from typing import Any

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.review.view import CaseView, Choice, HistoryItem, SimilarCase
from support.builders import NINE, a_task, minutes

DOES = {
    "approve": "ends the case as approved; the proposal is carried out as it is",
    "reject": "ends the case as rejected; nothing is carried out",
    "modify": "ends the case as modified_and_approved; your edited output is carried out",
    "override": "ends the case as override_approved, on your word; it needs a reason",
    "escalate": "passes the case up to senior_manager; it needs a reason",
}


def a_view(**fields: Any) -> CaseView:
    """A reviewer's view of a refund with medium confidence."""
    values = {
        "case_id": "case-1",
        "task_id": "task-1",
        "review_id": "case-1.0",
        "digest": "a" * 64,
        "state": "open",
        "task": a_task(metadata={"customer": "C-204", "amount": 129.9}),
        "risk_level": "medium",
        "proposal": Proposal(predicted_label="Refund Request", explanation="The customer asks for the money back"),
        "confidence": 0.68,
        "confidence_means": "of 40 outputs of this type at this confidence, 31 were upheld",
        "signals": ("ambiguous",),
        "action": "human_review",
        "rule_id": "rule_003",
        "reason": "rule_003 holds: the risk is medium, the confidence 0.68 is at least 0.6",
        "would_go_through": ("a confidence of 0.75 or more: rule_002",),
        "role": "domain_reviewer",
        "requirements": ReviewRequirements(),
        "similar": (
            SimilarCase(
                task_id="task-0", confidence=0.71, final_decision="approved", decided_by="r02", decided_at=minutes(-60)
            ),
        ),
        "history": (HistoryItem(at=NINE, who="agent", what="submitted"),),
        "opened_at": NINE,
        "due_at": minutes(240),
        "choices": tuple(Choice(decision=decision, does=DOES[decision]) for decision in HumanDecision),
        "reason_codes": ("agent_error", "policy_exception", "missing_information", "ambiguous_input"),
        "may_decide": ("r01", "r02"),
    }
    return CaseView.model_validate({**values, **fields})
