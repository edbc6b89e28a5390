"""New cases, each recorded with the result of its first run in one transaction."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, UniqueViolation, retried
from hitl_orchestrator.ledger.database.statement import batches
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.contents import Contents, NewCase, content_digest, marked, new_contents
from hitl_orchestrator.ledger.events.outcomes import Outcome, outcome_of
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.runs import Ending, FirstRun, Opening
from hitl_orchestrator.ledger.store.cases import CaseRepository, note_spot_check
from hitl_orchestrator.ledger.store.counting.tallies import result_in
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leased_work import NO_LEASE
from hitl_orchestrator.ledger.store.outcomes import add_outcomes
from hitl_orchestrator.ledger.store.reviews import add_reviews
from hitl_orchestrator.ledger.store.sql import cases as statements

_BEFORE_FINISH = 2
"""The entries of a case before its outcome: it was submitted and routed."""

_Row: TypeAlias = tuple[StoredReview, str, int]


class _New(NamedTuple):
    """A submission, its first entry, its contents, the result of its first run, and that run."""

    submission: Submission
    intake: Draft
    contents: Contents
    result: Opening | Ending
    run: FirstRun

    @classmethod
    def of(cls, run: FirstRun) -> "_New":
        """Return a run with its first entry."""
        contents = new_contents()
        intake = marked(builders.submitted(run.submission, run.actor), contents)
        return cls(run.submission, intake, contents, run.result, run)

    def counted_in(self, transaction: StoreTransaction, now: datetime, seals: Seals) -> "_New":
        """Return it with the result by what is counted in this transaction, which then counts the case too."""
        return self._replace(result=result_in(transaction, self.run, now, seals))

    def case(self, opened: StoredReview | None) -> NewCase:
        """Return the entries and the row of the case, which has `opened` a review or is finished."""
        submission, result, more = self.submission, self.result, list[Draft]()
        if isinstance(result, Ending):
            more += [builders.routed(submission.case_id, result.routing, result.at)]
            more += [builders.finished(result.record, result.at)]
        elif opened is not None:
            routing = result.shown.routing
            more += [builders.routed(submission.case_id, routing, result.at, result.shadow)]
            more += [builders.review_opened(opened)]
        stage = CaseStage.WAITING if opened is not None else CaseStage.FINISHED
        columns: dict[str, Any] = {
            "task_id": submission.task.task_id,
            "submitter": submission.submitter,
            "stage": stage.value,
        }
        columns |= {"attempt": submission.attempt, "content": content_digest(self.intake.body), **NO_LEASE}
        return NewCase(self.intake, more, self.contents, columns)


class NewCaseRepository:
    """New cases that were run before they are recorded. They hold no lease: nothing of them is left to run."""

    def __init__(self, database: Database, log: EventLog, cases: CaseRepository) -> None:
        self._database, self._log, self._cases = database, log, cases

    @retried
    def record_run(self, run: FirstRun, seen: int) -> Case | None:
        """Record a new case with the result of its first run; return None if its task id is in use."""
        new, submission = _New.of(run), run.submission
        wanted = {"wanted_task": submission.task.task_id, "wanted_submitter": submission.submitter}
        try:
            with self._database.write() as transaction:
                end = transaction.first(statements.INTAKE, **wanted)
                if end["named_case"] is not None or end["other"] is not None:
                    return None
                if not self._log.has_seen_all(end, seen):
                    return None
                (case,) = self._add(transaction, [new], end)
        except UniqueViolation:
            return None
        return case

    @retried
    def record_runs(self, runs: Sequence[FirstRun], seen: int) -> list[Case | None]:
        """Record new cases with the results of their first runs in one transaction; None for a task id in use."""
        first = {run.submission.task.task_id: _New.of(run) for run in reversed(runs)}
        wanted = {"wanted_task": "", "wanted_submitter": ""}
        recorded = dict[str, Case]()
        if first:
            with suppress(UniqueViolation), self._database.write() as transaction:
                end = transaction.first(statements.INTAKE, **wanted)
                is_ahead = self._log.has_seen_all(end, seen)
                used = self._used(transaction, list(first)) if is_ahead else {task_id: {} for task_id in first}
                new = [first[task_id] for task_id in reversed(first) if task_id not in used]
                if new:
                    recorded = {case.case_id: case for case in self._add(transaction, new, end)}
        return [recorded.get(run.submission.case_id) for run in runs]

    @retried
    def known(self, submissions: Sequence[Submission]) -> dict[str, Case | None]:
        """Return the submissions whose task ids are in use, each with the case that it simply repeats."""
        with self._database.read() as transaction:
            used = self._used(transaction, list({each.task.task_id for each in submissions}))
        known = [each for each in submissions if each.task.task_id in used]
        latest = {each.case_id: used[each.task.task_id].get(each.submitter, "") for each in known}
        # `receive` reports those that cannot be read.
        found = self._cases.some(list({*latest.values()} - {""}), on_unreadable=lambda exc: None)
        earlier = {each.case_id: found.get(latest[each.case_id]) for each in known}
        return {each.case_id: _repeated(each, earlier[each.case_id]) for each in known}

    def _used(self, transaction: StoreTransaction, task_ids: list[str]) -> dict[str, dict[str, str]]:
        """Return the names that are ids of tasks, with the latest case of each submitter, or ids of cases, without."""
        used = dict[str, dict[str, str]]()
        for ids in batches(task_ids):
            for row in transaction.run(statements.TASKS_IN_USE, **ids):
                used.setdefault(row["task_id"], {})[row["submitter"]] = row["case_id"]
            used.update({row["case_id"]: {} for row in transaction.run(statements.CASES_IN_USE, **ids)})
        return used

    def _add(self, transaction: StoreTransaction, new: Sequence[_New], end: Any) -> list[Case]:
        """Add cases with all their rows to the end of the ledger. Each counts those before it."""
        now = datetime.fromisoformat(end["now"])
        if any(each.run.counting for each in new):
            new = [each.counted_in(transaction, now, self._log.sealing) for each in new]
        opened = self._opened(new, now)
        parts = [each.case(opened.get(each.submission.case_id)) for each in new]
        firsts = self._log.add_cases(transaction, parts, end=end)
        cases, endings, reviews = list[Case](), list[tuple[AuditRecord, Outcome]](), list[_Row]()
        for each, part, seq in zip(new, parts, firsts, strict=True):
            note_spot_check(transaction, each.submission)
            if isinstance(each.result, Ending):
                row = outcome_of(seq + _BEFORE_FINISH, part.more[-1].body, part.intake.body)
                endings.append((each.result.record, row))
                cases.append(Case(submission=each.submission, stage=CaseStage.FINISHED, record=each.result.record))
            else:
                review = opened[each.submission.case_id]
                reviews.append((review, each.result.text, seq))
                cases.append(Case(submission=each.submission, stage=CaseStage.WAITING, reviews=(review,)))
        add_outcomes(transaction, endings)
        add_reviews(transaction, reviews, self._log.sealing)
        return cases

    def _opened(self, new: Sequence[_New], queued_at: datetime) -> dict[str, StoredReview]:
        """Return the reviews that the runs open, by case."""
        seals, results = self._log.sealing, [each.result for each in new]
        return {
            result.shown.case_id: seals.sealed(builders.row_opened(result.shown, result.at, queued_at, result.text))
            for result in results
            if isinstance(result, Opening)
        }


def _repeated(submission: Submission, earlier: Case | None) -> Case | None:
    """Return the earlier case of a task if a submission has the same content, and nothing of that case is left to run.

    Compared as `receive` does, by the digest: 1, 1.0 and true are equal in Python.
    """
    if earlier is None or earlier.redacted or earlier.stage not in (CaseStage.WAITING, CaseStage.FINISHED):
        return None
    if earlier.submission.replayed and not submission.replayed:
        return None
    return earlier if _content(submission) == _content(earlier.submission) else None


def _content(submission: Submission) -> str:
    return content_digest(submission.model_dump(mode="json", include={"task", "output"}))
