"""The question whether an execution happened whose owner died, put before a person in a case of its own."""

import logging
from collections.abc import Callable
from contextlib import suppress

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, ActorKind, CaseStage, FinalDecision, RiskLevel
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.domain.input.reserved_ids import change_id
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import HitlError, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.execution_builders import Ending
from hitl_orchestrator.ledger.ports.executions import HeldExecution
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake

__all__ = ["ExecutionChecks"]

HAPPENED = "it happened"
"""The proposal in the question; to approve it is to say so."""

_NOT = "a reviewer stated that it did not happen"
_log = logging.getLogger(__name__)


class ExecutionChecks:
    """Asks a person about executions without an end, and records the answers. Repeating it is harmless."""

    def __init__(
        self,
        ledger: Ledger,
        reader: CaseReader,
        submission: CaseSubmission,
        *,
        withdraw: Callable[[str], None],
        new_id: Callable[[], str],
    ) -> None:
        """`withdraw` ends a case that needs no decision any more."""
        self._ledger, self._reader, self._submission = ledger, reader, submission
        self._withdraw, self._new_id = withdraw, new_id

    def lose(self, held: HeldExecution, *, by_owner: bool = False) -> Execution:
        """Call an execution unknown whose owner is gone, ask a person, and return it as it is then."""
        case_id, at = held.execution.case_id, self._reader.now()
        if self._ledger.lose_execution(case_id, held.fence, self._new_id(), SYSTEM, at, by_owner=by_owner):
            event = {"case_id": case_id, "event": "execution_unknown"}
            _log.warning("case %s was being carried out, and its end is not known", case_id, extra=event)
        return self.settle(case_id)

    def settle(self, case_id: str) -> Execution:
        """Open the question about an execution if its end is unknown, or record the answer that a person gave."""
        held = self._current(case_id)
        if held.execution.status is not ExecutionStatus.UNKNOWN:
            return held.execution
        check = self._opened(held.execution)
        answer = None if check is None else _answer_of(check)
        if answer is None:
            return held.execution
        self._ledger.end_execution(case_id, held.fence, answer, _actor_of(check), self._reader.now())
        return self._current(case_id).execution

    def withdraw(self, execution: Execution) -> None:
        """End the question about an execution whose owner has stated its end after all."""
        if execution.check_id is not None:
            with suppress(HitlError):
                self._withdraw(execution.check_id)

    def settle_all(self) -> None:
        """Find executions whose owner died, ask about each, and record the answers; one that fails blocks no other."""
        for case_id in self._ledger.open_executions():
            try:
                held = self._current(case_id)
                if held.execution.status is ExecutionStatus.STARTED and not held.alive:
                    self.lose(held)
                else:
                    self.settle(case_id)
            except StoreUnavailable:
                raise
            except HitlError as exc:
                event = {"case_id": case_id, "event": "failed"}
                _log.warning("the execution of case %s was not settled: %s", case_id, exc, extra=event)

    def settle_after(self, before: Case, after: Case) -> None:
        """Record the answer of a question that a run has just finished. `recover` does so where this fails."""
        task = after.submission.task
        if before.stage is not CaseStage.FINISHED and task.task_type == EXECUTION_CHECK:
            with suppress(HitlError):
                self.settle(str(task.metadata["case_id"]))

    def _current(self, case_id: str) -> HeldExecution:
        held = self._ledger.execution(case_id)
        if held is None:
            raise UnknownCase(case_id)
        return held

    def _opened(self, execution: Execution) -> Case | None:
        """Return the case of the question; submit it where that was not done yet."""
        check_id = str(execution.check_id)
        with suppress(UnknownCase):
            return self._reader.case(check_id)
        case = self._reader.case(execution.case_id)
        task, output = _question_of(case, execution)
        # Who asked for the call does not state themselves what became of it.
        earlier = case.submission.as_earlier(redacted=case.redacted)
        intake = Intake(task, output, by_system=True, case_id=check_id, earlier=earlier)
        return self._submission.submit(intake, Acting())


def _question_of(case: Case, execution: Execution) -> tuple[Task, AgentOutput]:
    """Return the question about an execution. It is identical each time, and repeats no text of the case."""
    task_id = change_id(EXECUTION_CHECK, str(execution.check_id))
    began = execution.started_at.isoformat(timespec="seconds")
    asked = (
        f"{execution.holder} began to carry out case {case.case_id} at {began}, and died before it recorded the end. "
        "Did it happen? Look where it would show: the call is not made again, whatever you answer."
    )
    task = Task(
        task_id=task_id,
        task_type=EXECUTION_CHECK,
        task_description=asked,
        domain=case.submission.task.domain,
        risk_level=RiskLevel.HIGH if case.record is None else case.record.risk_level,
        metadata={"case_id": case.case_id, "task_id": case.task_id},
    )
    explanation = "Approve if it happened, reject if it did not."
    proposal = {"predicted_label": HAPPENED, "explanation": explanation}
    return task, AgentOutput.model_validate({"task_id": task_id, "agent_output": proposal})


def _answer_of(check: Case) -> Ending | None:
    """Return the end of an execution that a person has stated; None while no person has."""
    record = check.record
    if record is None or not record.human_involved:
        return None
    if record.final_decision is FinalDecision.APPROVED:
        return Ending(ExecutionStatus.FINISHED, None, check.case_id)
    if record.final_decision is FinalDecision.REJECTED:
        return Ending(ExecutionStatus.FAILED, _NOT, check.case_id)
    return None


def _actor_of(check: Case | None) -> Actor:
    """Return the reviewer who has answered a question, as the entry names them."""
    record = None if check is None else check.record
    if record is None:
        return SYSTEM
    return SYSTEM.model_copy(update={"kind": ActorKind.HUMAN, "id": record.reviewer_id, "roles": record.reviewer_roles})
