"""The ledger in a database, SQLite or PostgreSQL, beside the checkpoints. Every write is one transaction."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.review import ReviewRow, Shown, Verdict
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.domain.words import CaseStage
from hitl_orchestrator.errors import (
    CaseMoved,
    IncompleteOutcome,
    SealBroken,
    StoredOtherwise,
    TaskConflict,
    UnknownCase,
)
from hitl_orchestrator.ledger import entries, statements
from hitl_orchestrator.ledger.books import Books
from hitl_orchestrator.ledger.chain import (
    GENESIS,
    Draft,
    Entry,
    Head,
    body_of,
    event_of,
    instant_text,
    link,
    policy_of,
    record_of,
)
from hitl_orchestrator.ledger.database import Database, Taken, Transaction, resolved, resumed
from hitl_orchestrator.ledger.seal import Seals, check_told, ephemeral_seals
from hitl_orchestrator.ledger.sql_books import SqlBooks


class SqlLedger:
    """The `Ledger` port over named statements. Safe to share between threads."""

    def __init__(self, database: Database, seals: Seals | None = None) -> None:
        """`seals` makes the rows tamper-evident; without them a key is made that nobody has after this."""
        self._database, self._seals = database, seals or ephemeral_seals()

    @resolved
    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one, keep it under its hash, and say so in the ledger."""
        with self._database.read() as conn:
            if _is_current(conn, policy_hash):
                return
        with self._database.write() as conn:
            if _is_current(conn, policy_hash):
                return
            seq = self._append(conn, entries.policy_recorded(policy_id, policy_hash, body, at))
            if conn.run(statements.RECORD_AGAIN, wanted_hash=policy_hash, latest_seq=seq).rowcount == 0:
                row = {"policy_hash": policy_hash, "policy_id": policy_id, "body": canonical_json(body)}
                conn.run(statements.ADD_POLICY, **row, recorded_seq=seq)

    @resolved
    def current_policy(self) -> dict[str, Any] | None:
        """Return the policy that was made the current one last."""
        with self._database.read() as conn:
            row = conn.first(statements.CURRENT_POLICY)
        return None if row is None else policy_of(row["entry"])[1]

    @resolved
    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy."""
        with self._database.read() as conn:
            row = conn.first(statements.POLICY, wanted_hash=policy_hash)
        if row is None:
            raise KeyError(policy_hash)
        body: dict[str, Any] = read_canonical(row["body"])
        return body

    @resolved
    def receive(self, submission: Submission, actor: Actor, *, resubmit: bool = False, flush: bool = True) -> Case:
        """Take a submission in, once. The schema decides whether it is the first: only then is the rest looked at."""
        content = entries.content_digest(submission)
        while True:
            try:
                with self._database.write(flush=flush) as conn:
                    if conn.first(statements.STAGE, wanted_case=submission.task.task_id) is not None:
                        raise entries.named_like_a_case(submission.task.task_id)
                    seq = self._append(conn, entries.submitted(submission, actor))
                    row = {"case_id": submission.case_id, "task_id": submission.task.task_id, "content": content}
                    place = {"attempt": submission.attempt, "stage": CaseStage.RECEIVED.value, "submitted_seq": seq}
                    conn.run(statements.ADD_CASE, **row, **place)
                return Case(submission=submission, stage=CaseStage.RECEIVED)
            except Taken:
                with self._database.read() as conn:
                    known = conn.first(statements.LATEST_ATTEMPT, wanted_task=submission.task.task_id)
                    if known is None:
                        raise
                if known["content"] == content:
                    return self._known(known["case_id"], flush=flush)
                if not resubmit:
                    raise TaskConflict(submission.task.task_id, known["case_id"]) from None
                submission = submission.model_copy(update={"attempt": known["attempt"] + 1})

    def _known(self, case_id: str, *, flush: bool) -> Case:
        """Return a case that came before; if its intake may not be on the disk yet, it is brought there first."""
        with self._database.read() as conn:
            case = self._case(conn, case_id)
        if flush and case.stage is CaseStage.RECEIVED:
            with self._database.write() as writing:
                self._moved(writing, case_id, CaseStage.RECEIVED, CaseStage.RECEIVED)
        return case

    @resolved
    def open_review(self, shown: Shown, at: datetime) -> ReviewRow:
        """Open a review, or return the one that is there."""
        with self._database.write() as conn:
            if not self._moved(conn, shown.case_id, CaseStage.RECEIVED, CaseStage.WAITING):
                row = conn.first(statements.LATEST_REVIEW, wanted_case=shown.case_id)
                if row is not None:
                    return _review_of(row)
                raise CaseMoved(shown.case_id, self._stage(conn, shown.case_id))
            opened = self._add_review(conn, shown, at)
            routed = entries.routed(shown.case_id, shown.routing, at)
            self._append(conn, routed, entries.review_opened(shown, at))
        return opened

    @resolved
    def decide(self, review: ReviewRow, verdict: Verdict, actor: Actor, pass_to: Shown | None = None) -> ReviewRow:
        """Record the one verdict of a review. One transaction: verdict, next review, stage, ledger."""
        decided = self._seals.sealed(entries.row_answered(review, verdict))
        values = {"wanted_review": review.review_id, "seen_version": review.version, "seen_digest": review.digest}
        values |= {"to_status": decided.status.value, "verdict": verdict.model_dump_json(), "seal": decided.seal}
        with self._database.write() as conn:
            if conn.run(statements.RECORD_VERDICT, **values).rowcount == 0:
                row = conn.first(statements.REVIEW, wanted_review=review.review_id)
                return entries.standing_answer(_review_of(row), review, verdict)
            drafts = [entries.answered(decided, verdict, actor)]
            if pass_to is not None:
                self._add_review(conn, pass_to, verdict.decided_at)
                drafts.append(entries.review_opened(pass_to, verdict.decided_at))
            elif not self._moved(conn, review.case_id, CaseStage.WAITING, CaseStage.DECIDED):
                raise CaseMoved(review.case_id, self._stage(conn, review.case_id))
            self._append(conn, *drafts)
        return decided

    @resolved
    def proven(self, review_id: str) -> ReviewRow:
        """Return a review that is what was written of it. The row and its entries are of one moment."""
        with self._database.read() as conn:
            found = conn.first(statements.REVIEW, wanted_review=review_id)
            if found is None:
                raise SealBroken(review_id, "it is gone")
            row = _review_of(found)
            told = [
                event_of(each["entry"], each["digest"])
                for each in conn.run(statements.EVENTS_OF_CASE, wanted_case=row.case_id)
            ]
        self._seals.check(row)
        check_told(row, told)
        return row

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
        # A person's decision is safe on the disk already, and the same outcome can be written again from it.
        with self._database.write(flush=not record.human_involved) as conn:
            if not self._moved(conn, record.case_id, before, CaseStage.FINISHED):
                return self._outcome_or_refusal(conn, record.case_id)
            if record.human_involved:
                review = conn.first(statements.DECIDED_REVIEW, wanted_case=record.case_id)
                if review is None:
                    raise IncompleteOutcome(record.case_id, "no person's decision is recorded for it")
                ran_on = entries.resumed(record.case_id, review["review_id"], at)
                self._append(conn, ran_on, entries.finished(record, at))
            else:
                self._append(conn, entries.routed(record.case_id, routing, at), entries.finished(record, at))
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
        except Taken:
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
    def latest_review(self, case_id: str) -> ReviewRow | None:
        """Return the review of a case that counts now."""
        with self._database.read() as conn:
            row = conn.first(statements.LATEST_REVIEW, wanted_case=case_id)
        return None if row is None else _review_of(row)

    @resolved
    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[ReviewRow]:
        """Return open reviews, the longest waiting first."""
        wanted = statements.open_reviews(by_role=role is not None, by_domain=domain is not None)
        with self._database.read() as conn:
            rows = conn.run(wanted, wanted_role=role, wanted_domain=domain, most=limit)
            return [_review_of(row) for row in rows]

    @resolved
    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages."""
        with self._database.read() as conn:
            found = [row for stage in stages for row in conn.run(_at_stage(stage), wanted_stage=stage.value)]
        return [row["case_id"] for row in sorted(found, key=lambda row: int(row["submitted_seq"]))]

    @resumed
    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield events in the order in which they were written."""
        wanted = statements.EVENTS if case_id is None else statements.EVENTS_OF_CASE
        with self._database.read() as conn:
            for row in conn.stream(wanted, wanted_case=case_id):
                yield event_of(row["entry"], row["digest"])

    @resumed
    def records(self) -> Iterator[AuditRecord]:
        """Yield outcomes in the order in which the cases finished."""
        with self._database.read() as conn:
            for row in conn.stream(statements.OUTCOMES):
                yield record_of(row["entry"])

    @resolved
    def keep(self, digest: str, body: str) -> None:
        """Keep a payload under its digest."""
        with self._database.write() as conn:
            if conn.first(statements.PAYLOAD, wanted_digest=digest) is None:
                conn.run(statements.ADD_PAYLOAD, digest=digest, body=body)

    @resolved
    def kept(self, digest: str) -> str:
        """Return a kept payload."""
        with self._database.read() as conn:
            row = conn.first(statements.PAYLOAD, wanted_digest=digest)
        if row is None:
            raise KeyError(digest)
        return str(row["body"])

    @contextmanager
    def books(self) -> Iterator[Books]:
        """Open the books for reading: one consistent state of everything."""
        with self._database.read() as conn, closing(SqlBooks(conn)) as books:
            yield books

    @resolved
    def head(self) -> Head:
        """Return where the ledger ends."""
        with self._database.read() as conn:
            return _head(conn)

    def close(self) -> None:
        """Let go of every connection."""
        self._database.close()

    def _append(self, conn: Transaction, *drafts: Draft) -> int:
        """Append entries behind the head and return the number of the first."""
        linked: list[Entry] = link(_head(conn), drafts)
        conn.run_each(statements.APPEND, [entry._asdict() for entry in linked])
        return linked[0].seq

    def _add_review(self, conn: Transaction, shown: Shown, at: datetime) -> ReviewRow:
        row = self._seals.sealed(entries.row_opened(shown, at))
        values = row.model_dump(exclude={"shown", "opened_at", "verdict"})
        texts = {"shown": shown.model_dump_json(), "opened_at": instant_text(at), "verdict": None}
        conn.run(statements.ADD_REVIEW, **values | texts | {"status": row.status.value})
        return row

    def _moved(self, conn: Transaction, case_id: str, from_stage: CaseStage, to_stage: CaseStage) -> bool:
        values = {"wanted_case": case_id, "from_stage": from_stage.value, "to_stage": to_stage.value}
        return conn.run(statements.MOVE_CASE, **values).rowcount == 1

    def _stage(self, conn: Transaction, case_id: str) -> str:
        row = conn.first(statements.STAGE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        return str(row["stage"])

    def _outcome_or_refusal(self, conn: Transaction, case_id: str) -> AuditRecord:
        row = conn.first(statements.OUTCOME, wanted_case=case_id)
        if row is None:
            found = conn.first(statements.STAGE, wanted_case=case_id)
            if found is None:
                raise IncompleteOutcome(case_id, "it was never received")
            raise IncompleteOutcome(case_id, f"it is {found['stage']}, and no person's decision is recorded for it")
        return record_of(row["entry"])

    def _case(self, conn: Transaction, case_id: str) -> Case:
        row = conn.first(statements.CASE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        body = body_of(row["entry"])
        found = conn.run(statements.REVIEWS_OF_CASE, wanted_case=case_id)
        finished = row["stage"] == CaseStage.FINISHED.value
        record = self._outcome_or_refusal(conn, case_id) if finished else None
        with _as_stored(case_id, body.get("graph_version")):
            submission = Submission.model_validate({**body, "case_id": case_id})
            reviews = tuple(map(_as_review, found))
            return Case(submission=submission, stage=CaseStage(row["stage"]), reviews=reviews, record=record)


def _head(conn: Transaction) -> Head:
    row = conn.first(statements.HEAD)
    return Head(0, GENESIS) if row is None else Head(row["seq"], row["digest"])


def _is_current(conn: Transaction, policy_hash: str) -> bool:
    row = conn.first(statements.CURRENT_POLICY)
    return row is not None and policy_of(row["entry"])[0] == policy_hash


@contextmanager
def _as_stored(case_id: str, graph_version: str | None = None) -> Iterator[None]:
    """Say of which case it is that a row has a form which this code does not read."""
    try:
        yield
    except ValidationError as exc:
        why = f"{exc.title} has {exc.error_count()} problems, the first: {exc.errors()[0]['msg']}"
        raise StoredOtherwise(case_id, graph_version, why) from exc
    except (ValueError, TypeError) as exc:
        raise StoredOtherwise(case_id, graph_version, str(exc)) from exc


def _review_of(row: Any) -> ReviewRow:
    with _as_stored(str(row["case_id"])):
        return _as_review(row)


def _as_review(row: Any) -> ReviewRow:
    fields = dict(row)
    fields["shown"] = Shown.model_validate_json(fields["shown"])
    fields["verdict"] = fields["verdict"] and Verdict.model_validate_json(fields["verdict"])
    return ReviewRow.model_validate(fields)


def _at_stage(stage: CaseStage) -> Any:
    return statements.FINISHED_CASES if stage is CaseStage.FINISHED else statements.UNFINISHED_AT_STAGE
