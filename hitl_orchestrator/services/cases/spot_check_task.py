"""The task by which a case that went ahead by itself is put before a person afterwards. Pure."""

from hitl_orchestrator.domain.case import Case, QualityCheck
from hitl_orchestrator.domain.enums import QualityCheckKind
from hitl_orchestrator.domain.input.reserved_ids import spot_check_id
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.review.people import People


def spot_check_of(case: Case, people: People) -> tuple[Task, AgentOutput, QualityCheck] | None:
    """Return the task, what the agent proposed, and what it is for; None where nothing is left to look at.

    It is the same to the letter each time, so that opening it again is the same case. Whoever submitted the case is
    not asked about it.
    """
    record, name = case.record, spot_check_id(case.case_id)
    if record is None or record.proposed_output is None:
        return None
    task = case.submission.task.model_copy(update={"task_id": name, "timestamp": record.timestamp})
    given = case.submission.output
    sure = record.confidence_score if given is None else given.confidence_score
    output = AgentOutput(task_id=name, agent_output=record.proposed_output, confidence_score=sure)
    by = case.submission.submitted_by
    not_by = () if by is None else (people.human(by),)
    return task, output, QualityCheck(kind=QualityCheckKind.SPOT_CHECK, of=case.case_id, not_by=not_by)
