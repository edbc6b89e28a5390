"""Review requests from stored reviews."""

from typing import Any

from hitl_orchestrator.domain.review import ReviewRequest, StoredReview
from hitl_orchestrator.review.authority import options

__all__ = ["request_of"]


def request_of(services: Any, row: StoredReview) -> ReviewRequest:
    """Return an open review as the inbox offers it."""
    rights, routing, task = services._desk.rights(row), row.shown.routing, row.shown.task
    asking = getattr(rights, "asking", None) or rights.requirements
    visible = not asking.blind
    return ReviewRequest(
        review_id=row.review_id,
        case_id=row.case_id,
        task_id=task.task_id,
        task=task,
        proposal=routing.output.agent_output if routing.output is not None and visible else None,
        confidence=routing.score.confidence if visible else None,
        risk_level=routing.risk_level,
        routing_decision=routing.decision.action,
        rule_id=routing.decision.rule_id,
        reason=routing.decision.reason if visible else None,
        needed_role=rights.needed,
        choices=options(row, rights.needed, services.people.chain),
        opened_at=row.opened_at,
        due_at=row.due_at,
        claimed_by=row.claimed_by,
        claimed_until=row.claimed_until,
        delegated_by=row.delegated_by,
        signals=routing.score.signals if visible else (),
        message=routing.decision.message or "",
        escalated_because=row.shown.passed_up_because,
        on_timeout=row.shown.on_timeout,
        approvals_given=len(rights.given) if asking.approvals > 1 else 0,
        approvals_needed=asking.approvals,
        shown_digest=row.digest,
        level=row.level,
        hidden=() if visible else ("proposal", "confidence", "reason"),
    )
