"""What agents can learn from what reviewers decided. Pure over audit records."""

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.value import Identifier, Instant, Label, Text, Value


class Feedback(Value):
    """What an agent can learn from one reviewed case."""

    feedback_id: Identifier
    task_id: Identifier
    agent_correct: bool
    human_override: bool
    error_type: Label | None
    notes: Text
    timestamp: Instant


def feedback_of(record: AuditRecord) -> Feedback | None:
    """Return what an agent can learn from one outcome, None where no person decided it."""
    return None
