"""The ledger in a database, SQLite or PostgreSQL, beside the checkpoints. Every write is one transaction."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.errors import (
    CaseChanged,
    IncompleteOutcome,
    TamperedReview,
    TaskConflict,
    UnknownCase,
)
from hitl_orchestrator.ledger.database.ports import Transaction, UniqueViolation, resolved, resumed
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import Draft, Head, body_of, event_of, time_text
from hitl_orchestrator.ledger.events.contents import content_digest, is_same, marked, new_contents, restored
from hitl_orchestrator.ledger.events.redaction import Redaction, a_redaction
from hitl_orchestrator.ledger.events.summaries import CaseSummary
from hitl_orchestrator.ledger.keys.mac import check_told
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.store import contents as sql_contents
from hitl_orchestrator.ledger.store import statements
from hitl_orchestrator.ledger.store import summaries as sql_past
from hitl_orchestrator.ledger.store.claims import SqlQueue
from hitl_orchestrator.ledger.store.policies import SqlPolicies
from hitl_orchestrator.ledger.store.rows import as_review, as_stored, found_by, found_by_answer, review_of
from hitl_orchestrator.ledger.store.snapshot import SqlBooks
from hitl_orchestrator.ledger.store.spot_checks import SqlSpotChecks, note_if_drawn


class SqlLedger(SqlQueue, SqlPolicies, SqlSpotChecks):
    """The `Ledger` port over named statements. Safe to share between threads."""

    @resolved
    def receive(self, submission: Submission, actor: Actor, *, resubmit: bool = False, driving: bool = False) -> Case:
        """Take a submission in, once. The schema decides whether it is the first: only then is the rest looked at."""
        while True:
            said, fresh = entries.submitted(submission, actor), new_contents()
            intake = marked(said, fresh)
            try:
                with self._database.write(flush=not driving) as conn:
                    if conn.first(statements.STAGE, wanted_case=submission.task.task_id) is not None:
                        raise entries.named_like_a_case(submission.task.task_id)
                    row = {"task_id": submission.task.task_id, "content": content_digest(intake.body), "fence": 1}
                    place = {"attempt": submission.attempt, "stage": CaseStage.RECEIVED.value}
                    sql_contents.take_in(conn, intake, fresh, row | place | self._lease(driving=driving))
                if driving:
                    self._holder.hold(submission.case_id, 1)
                return Case(submission=submission, stage=CaseStage.RECEIVED)
            except UniqueViolation:
                with self._database.read() as conn:
                    known = conn.first(statements.LATEST_ATTEMPT, wanted_task=submission.task.task_id)
                    if known is None:
                        raise
                if is_same(said, sql_contents.contents_of(known), known["content"]):
                    return self._known(known["case_id"], flush=not driving)
                if not resubmit:
                    raise TaskConflict(submission.task.task_id, known["case_id"]) from None
                submission = self._next_attempt(submission, known["case_id"], known["attempt"])

    def _next_attempt(self, submission: Submission, known: str, attempt: int) -> Submission:
        """Return a submission that takes the place of the latest attempt. Raises `TaskConflict` where nobody does."""
        with self._database.read() as conn:
            row = conn.first(statements.CASE, wanted_case=known)
        if row is None:
            raise UnknownCase(known)
        return entries.next_attempt(submission, known, attempt, body_of(row["entry"]))

    def _known(self, case_id: str, *, flush: bool) -> Case:
        """Return a case that came before; if its intake may not be on the disk yet, it is brought there first."""
        with self._database.read() as conn:
            case = self._case(conn, case_id)
        if flush and case.stage is CaseStage.RECEIVED:
            with self._database.write() as writing:
                writing.run(statements.TOUCH_CASE, wanted_case=case_id)
        return case

    @resolved
    def open_review(self, shown: ReviewSnapshot, at: datetime, shadow: ShadowAnswer | None = None) -> StoredReview:
        """Open a review, or return the one that is there."""
        with self._database.write() as conn:
            if not self._moved(conn, shown.case_id, CaseStage.RECEIVED, CaseStage.WAITING):
                row = conn.first(statements.LATEST_REVIEW, wanted_case=shown.case_id)
                if row is not None:
                    return review_of(row)
                raise CaseChanged(shown.case_id, self._stage(conn, shown.case_id))
            opened = self._add_review(conn, shown, at)
            routed = entries.routed(shown.case_id, shown.routing, at, shadow)
            self._append(conn, routed, entries.review_opened(opened))
        return opened

    @resolved
    def decide(
        self, review: StoredReview, verdict: RecordedDecision, actor: Actor, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview:
        """Record the one verdict of a review. One transaction: verdict, next review, stage, ledger."""
        try:
            decided = self._recorded(statements.RECORD_VERDICT, (review, verdict), actor, pass_to)
        except UniqueViolation:
            decided = None
        return decided or self._standing(review, verdict)

    def _standing(self, review: StoredReview, verdict: RecordedDecision) -> StoredReview:
        known = self.answered_under(verdict.review)
        if known is not None:
            return entries.receipt(known, review.case_id, verdict.review)
        with self._database.read() as conn:
            row = review_of(conn.first(statements.REVIEW, wanted_review=review.review_id))
            return entries.standing_answer(row, review, verdict, self._now(conn))

    @resolved
    def answered_under(self, answer: Review) -> StoredReview | None:
        """Return the review that was answered under a key."""
        key = entries.answer_key(answer)
        if key is None:
            return None
        with self._database.read() as conn:
            row = conn.first(statements.ANSWERED_UNDER, wanted_key=key)
        return None if row is None else review_of(row)

    @resolved
    def expired(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews whose time is up."""
        with self._database.read() as conn:
            return [review_of(row) for row in conn.run(statements.EXPIRED, most=limit)]

    @resolved
    def expire(
        self, review: StoredReview, verdict: RecordedDecision, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview | None:
        """Record what becomes of an open review whose time is up."""
        return self._recorded(statements.RECORD_EXPIRY, (review, verdict), entries.TIMEOUT, pass_to)

    @resolved
    def withdraw(self, review: StoredReview, verdict: RecordedDecision, actor: Actor) -> StoredReview:
        """Record that a case was taken back."""
        decided = self._recorded(statements.RECORD_WITHDRAWAL, (review, verdict), actor, None)
        return decided or self._standing(review, verdict)

    def _recorded(
        self,
        how: ClauseElement,
        said: tuple[StoredReview, RecordedDecision],
        actor: Actor,
        pass_to: ReviewSnapshot | None,
    ) -> StoredReview | None:
        """Record a verdict, if this review is still open for it, and what comes of it; None where it is not."""
        review, verdict = said
        decided, key = self._seals.sealed(entries.row_answered(review, verdict)), entries.answer_key(verdict.review)
        values = {"wanted_review": review.review_id, "seen_version": review.version, "seen_digest": review.digest}
        values |= {"to_status": decided.status.value, "verdict": verdict.model_dump_json(), "seal": decided.seal}
        values |= found_by_answer(verdict)
        held = None
        with self._database.write() as conn:
            if conn.run(how, **values, answer_key=key, who=verdict.review.reviewer_id).rowcount == 0:
                return None
            drafts = [entries.answered(decided, verdict, actor)]
            if pass_to is not None:
                drafts.append(entries.review_opened(self._add_review(conn, pass_to, verdict.decided_at)))
            else:
                held = conn.first(statements.DECIDE_CASE, wanted_case=review.case_id, **self._lease())
                if held is None:
                    raise CaseChanged(review.case_id, self._stage(conn, review.case_id))
            self._append(conn, *drafts)
        if held is not None:
            self._holder.hold(review.case_id, held["fence"])
        return decided

    @resolved
    def proven(self, review_id: str) -> StoredReview:
        """Return a review that is what was written of it."""
        return self.proven_and_told(review_id)[0]

    @resolved
    def proven_and_told(self, review_id: str) -> tuple[StoredReview, list[Event]]:
        """Return the same, with the entries of its case. Both are of one moment."""
        with self._database.read() as conn:
            found = conn.first(statements.REVIEW, wanted_review=review_id)
            if found is None:
                raise TamperedReview(review_id, "it is gone")
            row = review_of(found)
            told = [
                event_of(each["entry"], each["digest"])
                for each in conn.run(statements.EVENTS_OF_CASE, wanted_case=row.case_id)
            ]
        entries.check_not_redacted(row, told)
        self._seals.check(row)
        check_told(row, told)
        return row, told

    @resolved
    def holds_sealed_work(self) -> bool:
        """Whether some case that is not finished has a review, which nobody can go on with without its key."""
        with self._database.read() as conn:
            return conn.first(statements.UNFINISHED_REVIEW) is not None

    @resolved
    def alarm(self, case_id: str, cause: str, at: datetime) -> None:
        """Write down what was found, once."""
        with self._database.write() as conn:
            known = conn.run(statements.ALARMS_OF_CASE, wanted_case=case_id)
            if all(event_of(row["entry"], row["digest"]).body["cause"] != cause for row in known):
                self._append(conn, entries.alarm(case_id, cause, at))

    @resolved
    def finish(self, record: AuditRecord, routing: Routing, at: datetime) -> AuditRecord:
        """Write the outcome of a case, once."""
        before = entries.stage_before_finish(record)
        # What was decided is safe on the disk already, and the same outcome can be written again from it.
        decided = before is CaseStage.DECIDED
        with self._database.write(flush=not decided) as conn:
            if not self._moved(conn, record.case_id, before, CaseStage.FINISHED):
                return self._outcome_or_refusal(conn, record.case_id)
            if decided:
                review = conn.first(statements.DECIDED_REVIEW, wanted_case=record.case_id)
                if review is None:
                    raise IncompleteOutcome(record.case_id, "no person's decision is recorded for it")
                ran_on = entries.resumed(record.case_id, review["review_id"], at)
                self._append(conn, ran_on, entries.finished(record, at))
            else:
                routed = self._append(conn, entries.routed(record.case_id, routing, at), entries.finished(record, at))
                note_if_drawn(conn, record, routed + 1)
        return record

    @resolved
    def refuse(self, attempt: RefusedAttempt, actor: Actor, at: datetime) -> bool:
        """Write down a refused answer, once. Most repeat what is known: these need no turn among the writers."""
        known = {"wanted_case": attempt.case_id, "wanted_attempt": attempt.key}
        with self._database.read() as conn:
            self._stage(conn, attempt.case_id)
            if conn.first(statements.REFUSAL, **known) is not None:
                return False
        try:
            with self._database.write(flush=False) as conn:
                seq = self._append(conn, entries.refused(attempt, actor, at))
                conn.run(statements.ADD_REFUSAL, case_id=attempt.case_id, attempt=attempt.key, refused_seq=seq)
        except UniqueViolation:
            return False
        return True

    @resolved
    def case(self, case_id: str) -> Case:
        """Return a case by its id."""
        with self._database.read() as conn:
            return self._case(conn, case_id)

    @resolved
    def find(self, given_id: str) -> Case:
        """Return a case by its id, or the latest attempt at a task."""
        with self._database.read() as conn:
            try:
                return self._case(conn, given_id)
            except UnknownCase:
                known = conn.first(statements.LATEST_ATTEMPT, wanted_task=given_id)
                if known is None:
                    raise
                return self._case(conn, known["case_id"])

    @resolved
    def latest_review(self, case_id: str) -> StoredReview | None:
        """Return the review of a case that counts now."""
        with self._database.read() as conn:
            row = conn.first(statements.LATEST_REVIEW, wanted_case=case_id)
        return None if row is None else review_of(row)

    @resolved
    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages."""
        with self._database.read() as conn:
            found = [row for stage in stages for row in conn.run(_at_stage(stage), wanted_stage=stage.value)]
        return [row["case_id"] for row in sorted(found, key=lambda row: int(row["submitted_seq"]))]

    @resumed
    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield events in the order in which they were written."""
        wanted = sql_contents.SAID if case_id is None else sql_contents.SAID_IN_CASE
        with self._database.read() as conn:
            yield from sql_contents.events_in(conn.stream(wanted, wanted_case=case_id))

    @resumed
    def records(self) -> Iterator[AuditRecord]:
        """Yield outcomes in the order in which the cases finished."""
        with self._database.read() as conn:
            yield from map(sql_contents.record_in, conn.stream(sql_contents.OUTCOMES))

    @resumed
    def outlines(self) -> Iterator[str]:
        """Yield the outlines of finished cases."""
        with self._database.read() as conn:
            yield from sql_past.outlines(conn)

    @resumed
    def past(self) -> Iterator[CaseSummary]:
        """Yield them with what was asked for."""
        with self._database.read() as conn:
            yield from sql_past.past(conn)

    @resolved
    def redact(self, case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
        """Erase what was said in a case, once, and then what the database may still hold of it."""
        with self._database.write() as conn:
            done = sql_contents.redact(conn, a_redaction(case_id, reason, actor, at))
        self._database.scrub()
        return done

    @resolved
    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Keep a payload of a case under its digest."""
        with self._database.write() as conn:
            if conn.first(statements.PAYLOAD_OF_CASE, wanted_digest=digest, wanted_case=case_id) is None:
                conn.run(statements.ADD_PAYLOAD, digest=digest, case_id=case_id, body=body)

    @resolved
    def kept(self, digest: str) -> str:
        """Return a kept payload."""
        with self._database.read() as conn:
            row = conn.first(statements.PAYLOAD, wanted_digest=digest)
        if row is None:
            raise KeyError(digest)
        return str(row["body"])

    @contextmanager
    def books(self) -> Iterator[LedgerSnapshot]:
        """Open the books for reading: one consistent state of everything."""
        with self._database.read() as conn, closing(SqlBooks(conn)) as books:
            yield books

    @resolved
    def head(self) -> Head:
        """Return where the ledger ends."""
        with self._database.read() as conn:
            return sql_contents.head(conn)

    def _append(self, conn: Transaction, *drafts: Draft) -> int:
        """Append entries behind the head and return the number of the first."""
        return sql_contents.append(conn, *drafts)

    def _add_review(self, conn: Transaction, shown: ReviewSnapshot, at: datetime) -> StoredReview:
        within = entries.time_to_answer(shown)
        row = self._seals.sealed(entries.row_opened(shown, at, None if within is None else self._now(conn) + within))
        times = {name: getattr(row, name) for name in ("opened_at", "due_at", "expires_at")}
        values = row.model_dump(exclude={"shown", "verdict", *times})
        values |= {name: time_text(time) for name, time in times.items()}
        texts = {"shown": shown.model_dump_json(), "verdict": None, "answer_key": None, "status": row.status.value}
        conn.run(statements.ADD_REVIEW, **values | texts | found_by(row, self._seals))
        return row

    def _stage(self, conn: Transaction, case_id: str) -> str:
        row = conn.first(statements.STAGE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        return str(row["stage"])

    def _outcome_or_refusal(self, conn: Transaction, case_id: str) -> AuditRecord:
        row = conn.first(sql_contents.OUTCOME, wanted_case=case_id)
        if row is None:
            found = conn.first(statements.STAGE, wanted_case=case_id)
            if found is None:
                raise IncompleteOutcome(case_id, "it was never received")
            raise IncompleteOutcome(case_id, f"it is {found['stage']}, and no person's decision is recorded for it")
        return sql_contents.record_in(row)

    def _case(self, conn: Transaction, case_id: str) -> Case:
        row = conn.first(statements.CASE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        said = sql_contents.contents_of(row)
        body = restored(EventKind.SUBMITTED, body_of(row["entry"]), said)
        found = conn.run(statements.REVIEWS_OF_CASE, wanted_case=case_id)
        record = self._outcome_or_refusal(conn, case_id) if row["stage"] == CaseStage.FINISHED.value else None
        with as_stored(case_id, body.get("graph_version")):
            submission = Submission.model_validate({**body, "case_id": case_id})
            stands = {"stage": CaseStage(row["stage"]), "reviews": tuple(map(as_review, found)), "record": record}
            return Case(submission=submission, redacted=said is None, **stands)


def _at_stage(stage: CaseStage) -> Any:
    return statements.FINISHED_CASES if stage is CaseStage.FINISHED else statements.UNFINISHED_AT_STAGE
