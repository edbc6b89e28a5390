"""Recorded reviews of the past: what must be true of one before it can be replayed. Pure."""

from collections.abc import Iterator
from datetime import datetime

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Task

_NEED_A_REASON = (HumanDecision.OVERRIDE, HumanDecision.ESCALATE)
_TAKE_AN_OUTPUT = (HumanDecision.MODIFY, HumanDecision.OVERRIDE)


def unfit_record(recorded: Review, task: Task | None, latest: datetime) -> Iterator[str]:
    """Yield what stands against replaying this record, each with its field. An edit need not bring the edited output.

    `task` is the task it decided, None where that is not known yet; `latest` is the last time that is not yet future.
    """
    if recorded.timestamp is None:
        yield "timestamp: this field is required in a recorded review: the time of the decision"
    elif task is not None and recorded.timestamp < task.timestamp:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies before the task's, {task.timestamp.isoformat()}"
    elif recorded.timestamp > latest:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies in the future; a record is of the past"
    if task is not None and recorded.task_id not in (None, task.task_id):
        yield f"task_id: {recorded.task_id!r} is another task"
    if recorded.human_decision in _NEED_A_REASON and not recorded.stated_reason:
        yield f"human_decision: {recorded.human_decision} needs a reason, in human_feedback or reason"
    if recorded.human_decision not in _TAKE_AN_OUTPUT and recorded.modified_output is not None:
        yield f"modified_output: {recorded.human_decision} takes no output; only modify and override do"
