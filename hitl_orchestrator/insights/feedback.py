"""Feedback for agents from the decisions of reviewers."""

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.value import Identifier, Label, Text, UtcDatetime, Value


class Feedback(Value):
    """The feedback from one reviewed case."""

    feedback_id: Identifier
    task_id: Identifier
    agent_correct: bool
    human_override: bool
    error_type: Label | None
    notes: Text
    timestamp: UtcDatetime


def feedback_of(record: AuditRecord) -> Feedback | None:
    """Return the feedback from an outcome; None where no person decided it, or where it was a quality check.

    The agent was correct if the reviewer approved, and overridden if another output was executed. The error type is
    the reason code of the reviewer, if any.
    """
    decision = record.human_decision
    if decision is None or decision.final is None or record.quality_check is not None:
        return None
    correct = decision.spec.approves_proposal
    return Feedback(
        feedback_id=f"fb_{record.case_id}",
        task_id=record.task_id,
        agent_correct=correct,
        human_override=decision.spec.takes_output,
        error_type=None if correct else record.reason_code,
        notes=record.human_feedback or record.human_reason,
        timestamp=record.timestamp,
    )
