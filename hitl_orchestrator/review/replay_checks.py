"""Checks of recorded past reviews before they are replayed."""

from collections.abc import Iterator
from datetime import datetime

from hitl_orchestrator.domain.enums import WITH_OUTPUT
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Task


def unfit_record(recorded: Review, task: Task | None, latest: datetime) -> Iterator[str]:
    """Yield each problem that prevents the replay of a record, with its field. `modify` needs no edited output here.

    `task` is the decided task, or None if it is not known yet; later times than `latest` count as future.
    """
    if recorded.timestamp is None:
        yield "timestamp: this field is required in a recorded review: the time of the decision"
    elif task is not None and task.timestamp is not None and recorded.timestamp < task.timestamp:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies before the task's, {task.timestamp.isoformat()}"
    elif recorded.timestamp > latest:
        yield f"timestamp: {recorded.timestamp.isoformat()} lies in the future; a recorded review must lie in the past"
    if task is not None and recorded.task_id not in (None, task.task_id):
        yield f"task_id: {recorded.task_id!r} is another task"
    if recorded.human_decision.spec.needs_reason and not recorded.stated_reason:
        yield f"human_decision: {recorded.human_decision} needs a reason, in human_feedback or reason"
    if not recorded.human_decision.spec.takes_output and recorded.modified_output is not None:
        yield f"modified_output: {recorded.human_decision} takes no output; only {' and '.join(WITH_OUTPUT)} do"
