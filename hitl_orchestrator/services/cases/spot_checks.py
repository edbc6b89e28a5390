"""Spot checks: review a sample of automatically approved cases afterwards, without delaying them."""

import logging
from contextlib import suppress
from secrets import token_hex

from hitl_orchestrator.domain.case import Case, QualityCheck
from hitl_orchestrator.domain.enums import CaseStage, QualityCheckKind
from hitl_orchestrator.domain.input.reserved_ids import spot_check_id
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.errors import HitlError, InvalidInput, StoreUnavailable, TaskConflict
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake

__all__ = ["SpotChecks"]

_PAGE = 1000
_log = logging.getLogger(__name__)


class SpotChecks:
    """Submits sampled cases for review, each once."""

    def __init__(self, ledger: Ledger, people: People, reader: CaseReader, submission: CaseSubmission) -> None:
        self._ledger, self._people, self._reader, self._submission = ledger, people, reader, submission

    def open_for(self, before: Case, after: Case) -> None:
        """Open the spot check of a case that a run has just finished, if it was sampled."""
        if before.stage is not CaseStage.FINISHED and after.record is not None and after.record.drawn:
            # The case itself is finished and acknowledged; `recover` opens a spot check that fails here.
            with suppress(HitlError):
                self._open(after)

    def open_due(self) -> None:
        """Open the spot checks that a crash has left; one that fails does not block the others."""
        tried = set[str]()
        while due := [each for each in self._ledger.spot_checks_due(_PAGE + len(tried)) if each not in tried]:
            tried.update(due)
            for case_id in due:
                try:
                    self._open(self._reader.case(case_id))
                except StoreUnavailable:
                    raise
                except HitlError as exc:
                    event = {"case_id": case_id, "event": "failed"}
                    _log.warning("the spot check of case %s was not opened: %s", case_id, exc, extra=event)

    def _open(self, case: Case) -> None:
        # A submitter may have taken the first id, which follows from the id of the case; the second is random.
        if not any(self._is_opened(case, salt) for salt in ("", token_hex())):
            raise InvalidInput([f"the spot check of case {case.case_id!r}: its ids are taken by other tasks"])
        self._ledger.spot_check_opened(case.case_id)

    def _is_opened(self, case: Case, salt: str) -> bool:
        """Submit the spot check of a case if there is one; return whether no other task has its id."""
        intake = None if case.redacted else _intake_of(case, self._people, salt)
        if intake is None:
            return True
        try:
            check = self._submission.submit(intake, Acting()).submission.quality_check
        except TaskConflict:
            return False
        return check is not None and check.of == case.case_id


def _intake_of(case: Case, people: People, salt: str) -> Intake | None:
    """Return the task that reviews a case; None where nothing is left to review.

    Without a salt it is identical each time, so that opening it again is the same case. The submitter of the case may
    not decide it.
    """
    record, task_id = case.record, spot_check_id(case.case_id, case.task_id, salt)
    if record is None or record.proposed_output is None:
        return None
    task = case.submission.task.model_copy(update={"task_id": task_id})
    submitted = case.submission.output
    confidence = record.confidence_score if submitted is None else submitted.confidence_score
    output = AgentOutput(task_id=task_id, agent_output=record.proposed_output, confidence_score=confidence)
    submitted_by = case.submission.submitted_by
    not_by = () if submitted_by is None else (people.human(submitted_by),)
    check = QualityCheck(kind=QualityCheckKind.SPOT_CHECK, of=case.case_id, not_by=not_by)
    earlier, call = case.submission.as_earlier(), case.submission.call
    return Intake(task, output, quality_check=check, by_system=True, earlier=earlier, call=call)
