"""Cases in a store: intake, reading, rejected attempts, alarms, redaction and payloads."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Case, EarlierAttempt, Submission
from hitl_orchestrator.domain.enums import CaseStage, EventKind, QualityCheckKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import (
    AmbiguousTask,
    IncompatibleRecord,
    IncompleteOutcome,
    LedgerDamaged,
    ReplayedCase,
    TaskConflict,
    TaskOfAnother,
    UnknownCase,
    shortened,
)
from hitl_orchestrator.ledger.database.ports import Database, Rows, StoreTransaction, UniqueViolation, resumed, retried
from hitl_orchestrator.ledger.database.statement import batches
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft, body_of, content_of
from hitl_orchestrator.ledger.events.contents import (
    NewCase,
    content_digest,
    differences,
    is_payload,
    is_same,
    marked,
    new_contents,
    restored,
)
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.store.event_log import EntryRow, EventLog, contents_of
from hitl_orchestrator.ledger.store.leased_work import LeasedWork, stage_in
from hitl_orchestrator.ledger.store.rows import as_review, as_stored, readable
from hitl_orchestrator.ledger.store.sql import cases as statements
from hitl_orchestrator.ledger.store.sql import events as entry_statements
from hitl_orchestrator.ledger.store.sql.reviews import REVIEWS_OF_CASE

_DIGITS = 20
PAYLOAD_SEAL = "payload"
"""The label of the seal of a payload: its case and its digest."""

_MOST_OTHERS = 100
"""The number of other submitters of one task id that are read."""


class CaseRepository:
    """Cases, the entries about them, and their payloads."""

    def __init__(self, database: Database, work: LeasedWork, log: EventLog) -> None:
        self._database, self._work, self._log = database, work, log

    @retried
    def receive(
        self,
        submission: Submission,
        actor: Actor,
        *,
        resubmit: bool = False,
        own_only: bool = False,
        driving: bool = False,
    ) -> Case:
        """Record a submission, once. The unique key of the schema detects a repetition, which is then compared."""
        while True:
            draft = builders.submitted(submission, actor)
            try:
                replaces = resubmit and not own_only
                return self._received(submission, draft, replaces=replaces, driving=driving)
            except UniqueViolation:
                latest = self._latest_of(submission)
                if latest is None:
                    raise
                intake = self._intake_of(latest)
                if intake["replayed"] and not submission.replayed:
                    raise ReplayedCase(latest["case_id"], "submitted live") from None
                if is_same(draft, contents_of(latest["key"], latest["body"]), content_digest(intake)):
                    return self._repeated(latest["case_id"], flush=not driving)
                if not resubmit:
                    raise TaskConflict(
                        submission.task.task_id, latest["case_id"], _differences(latest, draft)
                    ) from None
                if submission.replayed and not intake["replayed"]:
                    raise TaskConflict(submission.task.task_id, latest["case_id"], live=True) from None
                submission = self._next_attempt(submission, latest)

    def _received(self, submission: Submission, draft: Draft, *, replaces: bool, driving: bool) -> Case:
        """Record a submission as a new case. Raises `UniqueViolation` if its submitter has one of this attempt.

        One that `replaces` an earlier attempt must not be the first of its submitter where another one has the task.
        """
        contents = new_contents()
        intake = marked(draft, contents)
        columns: dict[str, Any] = {"task_id": submission.task.task_id, "submitter": submission.submitter}
        columns |= {"attempt": submission.attempt, "stage": CaseStage.RECEIVED.value}
        wanted = {"wanted_task": submission.task.task_id, "wanted_submitter": submission.submitter}
        with self._database.write(flush=not driving) as transaction:
            row = transaction.first(statements.INTAKE, **wanted)
            if row["named_case"] is not None:
                raise builders.named_like_a_case(submission.task.task_id)
            if row["other"] is not None and submission.supersedes is None:
                if replaces and transaction.first(statements.LATEST_ATTEMPT, **wanted) is None:
                    raise TaskOfAnother(submission.task.task_id)
                submission = self._with_others(transaction, submission, wanted)
                draft = draft._replace(body=builders.submitted(submission, draft.actor).body)
                intake = marked(draft, contents := new_contents())
            lease = self._work.columns(submission.case_id, row["now"], driving=driving)
            columns |= {"content": content_digest(intake.body), **lease}
            self._log.add_cases(transaction, [NewCase(intake, (), contents, columns)], end=row)
            note_spot_check(transaction, submission)
        if driving:
            self._work.hold(submission.case_id, lease["fence"])
        return Case(submission=submission, stage=CaseStage.RECEIVED)

    def _with_others(self, transaction: StoreTransaction, submission: Submission, wanted: dict[str, str]) -> Submission:
        """Return a submission with the other submitters of its task id, who may not decide it either."""
        rows = transaction.run(statements.OTHER_SUBMITTERS, **wanted, most=_MOST_OTHERS)
        others = [EarlierAttempt(submitted_by=row["submitter"]) for row in rows if row["submitter"]]
        return submission.model_copy(update={"earlier": (*submission.earlier, *others)})

    def _latest_of(self, submission: Submission) -> Any:
        """Return the row of the latest attempt of a submitter at their task, with its first entry."""
        with self._database.read() as transaction:
            wanted = {"wanted_task": submission.task.task_id, "wanted_submitter": submission.submitter}
            latest = transaction.first(statements.LATEST_ATTEMPT, **wanted)
            if latest is None:
                return None
            row = transaction.first(statements.CASE, wanted_case=latest["case_id"])
        if row is None:
            raise IncompatibleRecord(latest["case_id"], None, "its first entry is missing")
        return {**row, **latest}

    def _next_attempt(self, submission: Submission, latest: Any) -> Submission:
        """Return a submission that supersedes the latest attempt. Raises `TaskConflict` if that cannot be replaced."""
        contents = contents_of(latest["key"], latest["body"])
        body = restored(EventKind.SUBMITTED, self._intake_of(latest), contents)
        with as_stored(latest["case_id"], body.get("graph_version")):
            earlier = Submission.model_validate({**body, "case_id": latest["case_id"]})
        return builders.next_attempt(submission, earlier, redacted=contents is None)

    def _repeated(self, case_id: str, *, flush: bool) -> Case:
        """Return a case that was submitted before; if its intake may not be flushed yet, flush it first."""
        with self._database.read() as transaction:
            case = self._case_in(transaction, case_id)
        if flush and case.stage is CaseStage.RECEIVED:
            with self._database.write() as transaction:
                transaction.run(statements.TOUCH_CASE, wanted_case=case_id)
        return case

    @retried
    def case(self, case_id: str) -> Case:
        """Return a case by its id."""
        with self._database.read() as transaction:
            return self._case_in(transaction, case_id)

    @retried
    def cases_of(self, opened: Sequence[StoredReview]) -> Mapping[str, Case]:
        """Return the cases of open reviews by their ids."""
        only = {review.case_id: None if review.level else review for review in opened}
        with self._database.read() as transaction:
            rows = [row for ids in batches([*only]) for row in transaction.run(statements.SOME_CASES, **ids)]
            cases = readable(rows, lambda row: self._case_of(transaction, row, only[row["case_id"]]))
            return {case.case_id: case for case in cases}

    @retried
    def some(self, case_ids: Sequence[str], on_unreadable: OnUnreadable | None = None) -> Mapping[str, Case]:
        """Return cases by their ids, and leave out those that cannot be read."""
        with self._database.read() as transaction:
            rows = [row for ids in batches(case_ids) for row in transaction.run(statements.SOME_CASES, **ids)]
            found = readable(rows, lambda row: self._case_of(transaction, row), on_unreadable)
            return {case.case_id: case for case in found}

    @retried
    def case_with_events(self, case_id: str) -> tuple[Case, list[Event]]:
        """Return a case with its entries."""
        with self._database.read() as transaction:
            entries = self._log.rows_of_case(transaction, case_id)
            case = self._case_in(transaction, case_id)
            with _about(case_id):
                return case, self._log.events_in(transaction, case_id, entries)

    @retried
    def latest_attempt(self, task_id: str, submitter: str | None = None) -> Case:
        """Return the case of the latest attempt at a task."""
        with self._database.read() as transaction:
            return self._latest_attempt_in(transaction, task_id, submitter)

    @retried
    def find(self, name: str) -> Case:
        """Return a case by its id, or the latest attempt of a task by the task id."""
        with self._database.read() as transaction:
            try:
                return self._case_in(transaction, name)
            except UnknownCase:
                return self._latest_attempt_in(transaction, name, None)

    @retried
    def named(self, prefix: str, most: int) -> Sequence[str]:
        """Return the first ids of cases that begin with a prefix."""
        with self._database.read() as transaction:
            rows = transaction.run(statements.CASES_NAMED, wanted_prefix=f"{prefix}%", most=most)
            return [row["case_id"] for row in rows]

    @retried
    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages."""
        rows: list[Any] = []
        with self._database.read() as transaction:
            for stage in stages:
                is_finished = stage is CaseStage.FINISHED
                statement = statements.FINISHED_CASES if is_finished else statements.UNFINISHED_CASES
                rows += transaction.run(statement, wanted_stage=stage.value)
        # As text, since an altered number may be anything.
        return [row["case_id"] for row in sorted(rows, key=lambda row: str(row["submitted_seq"]).zfill(_DIGITS))]

    @retried
    def stranded(self) -> Sequence[tuple[str, str]]:
        """Return the cases that are in no list, or wait for a time that is none."""
        with self._database.read() as transaction:
            rows = list(transaction.run(statements.STRANDED))
            mistimed = list(transaction.run(statements.MISTIMED))
        found = [(str(row["case_id"]), _why_stranded(str(row["stage"]))) for row in rows]
        return found + [(str(row["case_id"]), _why_mistimed(row)) for row in mistimed]

    @resumed
    def events(self, case_id: str | None = None, on_unreadable: OnUnreadable | None = None) -> Iterator[Event]:
        """Yield events in the order of the ledger."""
        statement = entry_statements.ENTRIES if case_id is None else entry_statements.ENTRIES_OF_CASE
        rows = map(EntryRow._make, self._database.stream(statement, wanted_case=case_id))
        return readable(rows, self._log.event_in, on_unreadable) if case_id is None else map(self._log.event_in, rows)

    @retried
    def alarm(self, case_id: str, cause: str, at: datetime) -> None:
        """Record an integrity error, once per cause."""
        with self._database.write() as transaction:
            rows = transaction.run(entry_statements.ALARMS_OF_CASE, wanted_case=case_id)
            alarms = readable((EntryRow(**row) for row in rows), self._log.event_in)
            if all(event.body["cause"] != cause for event in alarms):
                self._log.append(transaction, builders.alarm(case_id, cause, at))

    @retried
    def refuse(self, attempt: RefusedAttempt, actor: Actor, at: datetime) -> bool:
        """Record a rejected attempt, once. Most are repetitions, which need no write transaction."""
        values = {"wanted_case": attempt.case_id, "wanted_attempt": attempt.key}
        with self._database.read() as transaction:
            stage_in(transaction, attempt.case_id)
            if transaction.first(statements.REFUSAL, **values) is not None:
                return False
        try:
            with self._database.write(flush=False) as transaction:
                seq = self._log.append(transaction, builders.refused(attempt, actor, at))
                row = {"case_id": attempt.case_id, "attempt": attempt.key, "refused_seq": seq}
                transaction.run(statements.ADD_REFUSAL, **row)
        except UniqueViolation:
            return False
        return True

    @retried
    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Store a payload of a case under its digest; repair one that was altered."""
        with self._database.write() as transaction:
            values = {"wanted_digest": digest, "wanted_case": case_id}
            stored = transaction.first(entry_statements.PAYLOAD_OF_CASE, **values)
            if stored is None:
                seal = self._log.sealing.columns(PAYLOAD_SEAL, case_id, digest)
                transaction.run(entry_statements.ADD_PAYLOAD, digest=digest, case_id=case_id, body=body, seal=seal)
            elif is_payload(body, digest) and not is_payload(stored["body"], digest):
                transaction.run(entry_statements.REPAIR_PAYLOAD, **values, body=body)

    @retried
    def kept(self, digest: str) -> str:
        """Return a stored payload. Several cases may share it; an altered copy is passed over."""
        altered = None
        with self._database.read() as transaction:
            for row in transaction.run(entry_statements.PAYLOADS, wanted_digest=digest):
                if is_payload(row["body"], digest):
                    return str(row["body"])
                altered = str(row["body"])
        if altered is None:
            raise KeyError(digest)
        return altered

    def _case_in(self, transaction: StoreTransaction, case_id: str) -> Case:
        """Return a case with its reviews and its record. Raises `UnknownCase`, `IncompatibleRecord`."""
        # Both are asked for before the first answer is awaited.
        found, reviews = (transaction.run(each, wanted_case=case_id) for each in (statements.CASE, REVIEWS_OF_CASE))
        row = next(iter(found), None)
        if row is None:
            raise UnknownCase(case_id)
        return self._case_of(transaction, row, reviews=reviews)

    def _case_of(
        self, transaction: StoreTransaction, row: Any, only: StoredReview | None = None, reviews: Rows | None = None
    ) -> Case:
        """Return the case of a row. Its reviews are read, unless the `only` one or all of their rows were before."""
        case_id, contents = row["case_id"], contents_of(row["key"], row["body"])
        with _about(case_id):
            body = restored(EventKind.SUBMITTED, self._intake(row), contents)
            is_finished = row["stage"] == CaseStage.FINISHED.value
            record = recorded_outcome(transaction, case_id, self._log) if is_finished else None
        if only is None and reviews is None:
            reviews = transaction.run(REVIEWS_OF_CASE, wanted_case=case_id)
        with as_stored(case_id, body.get("graph_version")):
            return Case(
                submission=Submission.model_validate({**body, "case_id": case_id}),
                stage=CaseStage(row["stage"]),
                reviews=(only,) if only is not None else tuple(map(as_review, reviews or ())),
                record=record,
                redacted=contents is None,
            )

    def _intake_of(self, row: Any) -> dict[str, Any]:
        """Return the body of the first entry of an earlier case, naming the case in an error about it."""
        with _about(row["case_id"]):
            return self._intake(row)

    def _intake(self, row: Any) -> dict[str, Any]:
        """Return the body of the first entry of a case, after verifying its seal."""
        case_id, kind, body = content_of(self._log.text_of(row))
        if (case_id, kind) != (row["case_id"], EventKind.SUBMITTED):
            raise IncompatibleRecord(row["case_id"], None, f"its first entry is {kind!r}, of case {case_id!r}")
        return body

    def _latest_attempt_in(self, transaction: StoreTransaction, task_id: str, submitter: str | None) -> Case:
        """Return the latest attempt of one submitter at a task, or of the only one who has the task."""
        rows = list(transaction.run(statements.LATEST_ATTEMPTS, wanted_task=task_id, most=_MOST_OTHERS))
        found = [row["case_id"] for row in rows if submitter in (None, row["submitter"])]
        if not found:
            raise UnknownCase(task_id)
        if len(found) > 1:
            raise AmbiguousTask(task_id, found)
        case = self._case_in(transaction, found[0])
        if case.task_id != task_id:
            why = f"its row of table cases names task {task_id!r}, and its first entry task {case.task_id!r}"
            raise IncompatibleRecord(case.case_id, None, why)
        return case


def note_spot_check(transaction: StoreTransaction, submission: Submission) -> None:
    """Remove a case from the due spot checks as soon as its spot check is submitted."""
    check = submission.quality_check
    if check is not None and check.kind is QualityCheckKind.SPOT_CHECK:
        transaction.run(statements.DELETE_SPOT_CHECK, wanted_case=check.of)


@contextmanager
def _about(case_id: str) -> Iterator[None]:
    """Name the case in an error about one of its entries."""
    try:
        yield
    except LedgerDamaged as exc:
        exc.case_id = case_id
        raise


def _why_stranded(stage: str) -> str:
    if stage == CaseStage.WAITING.value:
        return "it waits for a reviewer, and table reviews has no open review of it"
    return f"its row of table cases has the unknown stage {stage!r}"


def _why_mistimed(row: Any) -> str:
    named = f"row {row['row']!r} of table {row['table']}"
    return f"{named}: its {row['name']} {shortened(str(row['text']))!r} is not a time, so that nothing ends at it"


def _differences(latest: Any, intake: Draft) -> list[str]:
    """Return the fields in which an intake differs from the first entry of an earlier case, whose row this is.

    Empty if the texts of the earlier case were erased.
    """
    contents = contents_of(latest["key"], latest["body"])
    if contents is None:
        return []
    body = restored(EventKind.SUBMITTED, body_of(latest["entry"]), contents)
    return differences(body, intake.body)


def recorded_outcome(transaction: StoreTransaction, case_id: str, log: EventLog) -> AuditRecord:
    """Return the audit record of a case.

    Raises:
        IncompleteOutcome: it has none.
    """
    row = transaction.first(entry_statements.RECORD_OF_CASE, wanted_case=case_id)
    if row is not None:
        return log.record_in(EntryRow(**dict(row)))
    case = transaction.first(statements.STAGE, wanted_case=case_id)
    if case is None:
        raise IncompleteOutcome(case_id, "it was never received")
    raise IncompleteOutcome(case_id, f"it is {case['stage']}, and no reviewer's decision is recorded for it")
