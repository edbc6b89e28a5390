"""Measure reviewers: gold cases with a known answer, and second reviews of decided cases. Neither is executed."""

from hitl_orchestrator.domain.case import Case, QualityCheck
from hitl_orchestrator.domain.enums import CaseStage, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.execution import CallForm
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake

__all__ = ["QualityChecks"]


class QualityChecks:
    """Submits cases that measure reviewers. Reviewers cannot recognize them."""

    def __init__(self, reader: CaseReader, submission: CaseSubmission) -> None:
        self._reader, self._submission = reader, submission

    def add_gold_case(
        self, task: Task, output: AgentOutput | None, expected: HumanDecision, call: CallForm | None, acting: Acting
    ) -> Case:
        """Submit a case whose right decision is known; `call` is the form that the calls of its type have."""
        check = QualityCheck(kind=QualityCheckKind.KNOWN_ANSWER, expected=expected)
        return self._submit(Intake(task, output, quality_check=check, call=call), acting)

    def add_second_review(self, key: CaseKey, task_id: str, acting: Acting) -> Case:
        """Submit a decided case again, under another task id, for a reviewer who has not decided it."""
        case = self._reader.get(key)
        persons = {vote.person or vote.reviewer_id for vote in case.record.votes} if case.record else set()
        if not persons or case.redacted or not case.record or case.record.quality_check:
            why = "no reviewer has decided it; name a case that a reviewer decided"
            raise InvalidInput([f"second review of {key.text!r}: {why}"])
        task = case.submission.task.model_copy(update={"task_id": task_id, "timestamp": None})
        output = case.reviews[-1].shown.routing.output
        output = output and output.model_copy(update={"task_id": task_id})
        not_by = tuple(sorted(person for person in persons if person is not None))
        check = QualityCheck(kind=QualityCheckKind.SECOND_REVIEW, of=case.case_id, not_by=not_by)
        earlier, call, held = case.submission.as_earlier(), case.submission.call, case.submission.held
        intake = Intake(task, output, quality_check=check, earlier=earlier, call=call, held=held)
        return self._submit(intake, acting)

    def _submit(self, intake: Intake, acting: Acting) -> Case:
        case, task_id = self._submission.submit(intake, acting), intake.task.task_id
        if case.submission.quality_check != intake.quality_check:
            why = f"it was submitted before, and is case {case.case_id!r}"
            raise InvalidInput([f"task {task_id!r}: task_id: {why}; give this one another id"])
        if case.stage is not CaseStage.WAITING:
            raise InvalidInput([f"task {task_id!r}: the policy approves it automatically, so that no reviewer sees it"])
        return case
