"""New cases, each recorded with the result of its first run in one transaction."""

from datetime import datetime
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, UniqueViolation, retried
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, marked, new_contents
from hitl_orchestrator.ledger.events.outcomes import outcome_of
from hitl_orchestrator.ledger.ports.runs import Ending, Opening
from hitl_orchestrator.ledger.store.cases import note_spot_check
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leased_work import NO_LEASE
from hitl_orchestrator.ledger.store.outcomes import add_outcome
from hitl_orchestrator.ledger.store.reviews import add_review
from hitl_orchestrator.ledger.store.sql import cases as statements

_BEFORE_FINISH = 2
"""The entries of a case before its outcome: it was submitted and routed."""


class _New(NamedTuple):
    """A submission, its first entry, and its contents."""

    submission: Submission
    intake: Draft
    contents: Contents

    def columns(self, stage: CaseStage) -> dict[str, Any]:
        """Return the columns of the row of the case."""
        submission = self.submission
        columns = {"task_id": submission.task.task_id, "submitter": submission.submitter, "stage": stage.value}
        return columns | {"attempt": submission.attempt, "content": content_digest(self.intake.body), **NO_LEASE}


class NewCaseRepository:
    """New cases that were run before they are recorded. They hold no lease: nothing of them is left to run."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database, self._log = database, log

    @retried
    def record_run(self, submission: Submission, actor: Actor, result: Opening | Ending) -> Case | None:
        """Record a new case with the result of its first run; return None if its task id is in use."""
        contents = new_contents()
        new = _New(submission, marked(builders.submitted(submission, actor), contents), contents)
        wanted = {"wanted_task": submission.task.task_id, "wanted_submitter": submission.submitter}
        try:
            with self._database.write() as transaction:
                end = transaction.first(statements.INTAKE, **wanted)
                if end["named_case"] is not None or end["other"] is not None:
                    return None
                if isinstance(result, Ending):
                    case = self._finished(transaction, new, result, end)
                else:
                    case = self._waiting(transaction, new, result, end)
                note_spot_check(transaction, submission)
        except UniqueViolation:
            return None
        return case

    def _finished(self, transaction: StoreTransaction, new: _New, ending: Ending, end: Any) -> Case:
        case_id, record = new.submission.case_id, ending.record
        routed = builders.routed(case_id, ending.routing, ending.at)
        finished = builders.finished(record, ending.at)
        columns = new.columns(CaseStage.FINISHED)
        first = self._log.add_case(transaction, (new.intake, routed, finished), new.contents, columns, end=end)
        add_outcome(transaction, record, outcome_of(first + _BEFORE_FINISH, finished.body, new.intake.body))
        return Case(submission=new.submission, stage=CaseStage.FINISHED, record=record)

    def _waiting(self, transaction: StoreTransaction, new: _New, opening: Opening, end: Any) -> Case:
        case_id, (shown, text, at, shadow), seals = new.submission.case_id, opening, self._log.sealing
        row = seals.sealed(builders.row_opened(shown, at, datetime.fromisoformat(end["now"]), text))
        routed = builders.routed(case_id, shown.routing, at, shadow)
        entries = new.intake, routed, builders.review_opened(row)
        first = self._log.add_case(transaction, entries, new.contents, new.columns(CaseStage.WAITING), end=end)
        add_review(transaction, row, text, seals, first)
        return Case(submission=new.submission, stage=CaseStage.WAITING, reviews=(row,))
