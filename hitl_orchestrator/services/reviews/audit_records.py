"""What the audit record of a case says, from what came in and what was decided. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import DecisionSource, FinalDecision
from hitl_orchestrator.domain.json_patch import json_patch
from hitl_orchestrator.domain.review import RecordedDecision, Review, StoredReview
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import IncompleteOutcome
from hitl_orchestrator.services.reviews.evidence import of_case, of_review, votes


def by_agent(submission: Submission, routing: Routing, now: datetime) -> AuditRecord:
    """Return the record of a case that went ahead by itself.

    In a replay it was decided at the task's own time plus the seconds that the run really took.

    Raises:
        IncompleteOutcome: no rule approved it, or there is nothing to approve.
    """
    if routing.decision.needs_human or routing.output is None:
        raise IncompleteOutcome(submission.case_id, "no rule lets it go ahead by itself")
    started = submission.task.timestamp
    decided_at = started + (now - submission.received_at) if submission.replayed else now
    return AuditRecord(
        **_common(submission, routing, decided_at),
        human_involved=False,
        final_decision=FinalDecision.APPROVED,
        decision_source=DecisionSource.AGENT,
        final_output=None if submission.quality_check else routing.output.agent_output,
        review_probability=0.0 if submission.replayed else routing.decision.spot_check,
    )


def by_person(
    submission: Submission, row: StoredReview, before: Sequence[StoredReview] = (), chance: float = 1.0
) -> AuditRecord:
    """Return the record of a case that a person decided, about exactly what that person was shown, or nobody in time.

    `before` are the answered reviews before the one that settled it: votes, and what was passed up. `chance` is the
    probability with which a case like it comes before a person.

    Raises:
        IncompleteOutcome: the review is not answered, was passed up, or was one vote of several.
    """
    verdict = row.verdict
    final = None if verdict is None else verdict.final
    if verdict is None or final is None:
        raise IncompleteOutcome(submission.case_id, f"review {row.review_id!r} has no final decision")
    routing = row.shown.routing
    said = {
        **_common(submission, routing, verdict.decided_at),
        **of_review(row, verdict),
        "final_decision": final,
        "decision_source": verdict.source,
        "votes": votes([*before, row]),
    }
    if verdict.source is not DecisionSource.HUMAN:
        nobody = {"human_involved": False, "final_output": None, "review_probability": chance}
        return AuditRecord(**said | nobody | _why_nobody(verdict))
    output = _output_after(verdict.review, routing)
    return AuditRecord(
        **said,
        human_involved=True,
        reviewer_id=verdict.review.reviewer_id,
        human_role=verdict.role,
        human_decision=verdict.review.human_decision,
        human_feedback=verdict.review.human_feedback or verdict.review.reason,
        final_output=None if submission.quality_check else output,
        output_patch=_patch(routing, verdict.review),
        review_probability=chance,
    )


def _why_nobody(verdict: RecordedDecision) -> dict[str, Any]:
    """Return why a case ended without a decision; of one that nobody answered in time the deadline says all."""
    return {"human_reason": "" if verdict.source is DecisionSource.TIMEOUT else verdict.review.reason}


def _patch(routing: Routing, review: Review) -> tuple[dict[str, Any], ...] | None:
    """Return what leads from the proposal to an edited output, where both are there."""
    if review.modified_output is None or routing.output is None:
        return None
    proposed, final = routing.output.agent_output, review.modified_output
    return json_patch(proposed.model_dump(mode="json"), final.model_dump(mode="json"))


def _output_after(review: Review, routing: Routing) -> Proposal | None:
    """Return what may be carried out. What a person overrode in words alone leaves nothing of the agent's to do."""
    if review.human_decision.spec.approves_proposal:
        return None if routing.output is None else routing.output.agent_output
    return review.modified_output


def _common(submission: Submission, routing: Routing, decided_at: datetime) -> dict[str, Any]:
    task, decision = submission.task, routing.decision
    return {
        **of_case(submission, routing),
        "log_id": f"log_{submission.case_id}",
        "replayed": submission.replayed,
        "task_id": task.task_id,
        "case_id": submission.case_id,
        "risk_level": routing.risk_level,
        "confidence_score": routing.score.confidence,
        "signals": routing.score.signals,
        "routing_decision": decision.action,
        "rule_id": decision.rule_id,
        "reason": decision.reason,
        "policy_id": decision.policy_id,
        "policy_hash": decision.policy_hash,
        "proposed_output": None if routing.output is None else routing.output.agent_output,
        "latency_seconds": max(0.0, (decided_at - task.timestamp).total_seconds()),
        "timestamp": decided_at,
    }
