"""What agents can learn from what reviewers decided. Pure over audit records."""

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.value import Identifier, Label, Text, UtcDatetime, Value


class Feedback(Value):
    """What an agent can learn from one reviewed case."""

    feedback_id: Identifier
    task_id: Identifier
    agent_correct: bool
    human_override: bool
    error_type: Label | None
    notes: Text
    timestamp: UtcDatetime


def feedback_of(record: AuditRecord) -> Feedback | None:
    """Return what an agent can learn from one outcome; None without a human decision, or for a quality check.

    The agent was right where the person approved; they overrode it where something else than it proposed was done.
    What kind of error it was is the reason code they named, if any.
    """
    said = record.human_decision
    if said is None or said.final is None or record.quality_check is not None:
        return None
    correct = said.spec.approves_proposal
    return Feedback(
        feedback_id=f"fb_{record.case_id}",
        task_id=record.task_id,
        agent_correct=correct,
        human_override=said.spec.takes_output,
        error_type=None if correct else record.reason_code,
        notes=record.human_feedback or record.human_reason,
        timestamp=record.timestamp,
    )
