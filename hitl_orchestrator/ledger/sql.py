"""The ledger in a database: SQLite, in one file with the checkpoints. Every write is one transaction."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.review import ReviewRow, Shown, Verdict
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.domain.words import CaseStage, ReviewStatus
from hitl_orchestrator.errors import CaseMoved, IncompleteOutcome, TaskConflict, UnknownCase
from hitl_orchestrator.ledger import entries, statements
from hitl_orchestrator.ledger.chain import GENESIS, Draft, Entry, Head, event_of, instant_text, link
from hitl_orchestrator.ledger.database import Database, Taken, Transaction


class SqlLedger:
    """The `Ledger` port over named statements. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one, keep it under its hash, and say so in the ledger."""
        with self._database.read() as conn:
            if _is_current(conn, policy_hash):
                return
        with self._database.write() as conn:
            if _is_current(conn, policy_hash):
                return
            if not conn.first(statements.POLICY, wanted_hash=policy_hash):
                text = canonical_json(body)
                conn.run(statements.ADD_POLICY, policy_hash=policy_hash, policy_id=policy_id, body=text)
            self._append(conn, entries.policy_recorded(policy_id, policy_hash, body, at))

    def current_policy(self) -> dict[str, Any] | None:
        """Return the policy that was made the current one last."""
        with self._database.read() as conn:
            row = conn.first(statements.CURRENT_POLICY)
        return None if row is None else dict(json.loads(row["entry"])["body"]["policy"])

    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy."""
        with self._database.read() as conn:
            row = conn.first(statements.POLICY, wanted_hash=policy_hash)
        if row is None:
            raise KeyError(policy_hash)
        body: dict[str, Any] = json.loads(row["body"])
        return body

    def receive(self, submission: Submission, actor: Actor, *, resubmit: bool = False, flush: bool = True) -> Case:
        """Take a submission in, once. The schema decides whether it is the first: only then is the rest looked at."""
        content = entries.content_digest(submission)
        while True:
            try:
                with self._database.write(flush=flush) as conn:
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
                        return self._known(conn, known["case_id"], flush=flush)
                if not resubmit:
                    raise TaskConflict(submission.task.task_id, known["case_id"]) from None
                submission = submission.model_copy(update={"attempt": known["attempt"] + 1})

    def _known(self, conn: Transaction, case_id: str, *, flush: bool) -> Case:
        """Return a case that came before; if its intake may not be on the disk yet, it is brought there first."""
        case = self._case(conn, case_id)
        if flush and case.stage is CaseStage.RECEIVED:
            with self._database.write() as writing:
                self._moved(writing, case_id, CaseStage.RECEIVED, CaseStage.RECEIVED)
        return case

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

    def decide(self, review: ReviewRow, verdict: Verdict, actor: Actor, pass_to: Shown | None = None) -> ReviewRow:
        """Record the one verdict of a review. One transaction: verdict, next review, stage, ledger."""
        status = entries.status_after(verdict)
        values = {"wanted_review": review.review_id, "seen_version": review.version, "seen_digest": review.digest}
        values |= {"to_status": status.value, "verdict": verdict.model_dump_json()}
        with self._database.write() as conn:
            if conn.run(statements.RECORD_VERDICT, **values).rowcount == 0:
                row = conn.first(statements.REVIEW, wanted_review=review.review_id)
                return entries.standing_answer(_review_of(row), review, verdict)
            drafts = [entries.answered(review, verdict, actor)]
            if pass_to is not None:
                self._add_review(conn, pass_to, verdict.decided_at)
                drafts.append(entries.review_opened(pass_to, verdict.decided_at))
            elif not self._moved(conn, review.case_id, CaseStage.WAITING, CaseStage.DECIDED):
                raise CaseMoved(review.case_id, self._stage(conn, review.case_id))
            self._append(conn, *drafts)
        return review.model_copy(update={"status": status, "version": review.version + 1, "verdict": verdict})

    def finish(self, record: AuditRecord, routing: Routing, at: datetime) -> AuditRecord:
        """Write the outcome of a case, once."""
        before = entries.stage_before_finish(record)
        # A person's decision is safe on the disk already, and the same outcome can be written again from it.
        with self._database.write(flush=not record.human_involved) as conn:
            if not self._moved(conn, record.case_id, before, CaseStage.FINISHED):
                return self._outcome_or_refusal(conn, record.case_id)
            if record.human_involved:
                if conn.first(statements.DECIDED_REVIEW, wanted_case=record.case_id) is None:
                    raise IncompleteOutcome(record.case_id, "no person's decision is recorded for it")
                self._append(conn, entries.finished(record, at))
            else:
                self._append(conn, entries.routed(record.case_id, routing, at), entries.finished(record, at))
        return record

    def case(self, case_id: str) -> Case:
        """Return a case by its id."""
        with self._database.read() as conn:
            return self._case(conn, case_id)

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

    def latest_review(self, case_id: str) -> ReviewRow | None:
        """Return the review of a case that counts now."""
        with self._database.read() as conn:
            row = conn.first(statements.LATEST_REVIEW, wanted_case=case_id)
        return None if row is None else _review_of(row)

    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[ReviewRow]:
        """Return open reviews, the longest waiting first."""
        wanted = statements.open_reviews(by_role=role is not None, by_domain=domain is not None)
        with self._database.read() as conn:
            rows = conn.run(wanted, wanted_role=role, wanted_domain=domain, most=limit)
            return [_review_of(row) for row in rows]

    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages."""
        with self._database.read() as conn:
            found = [row for stage in stages for row in conn.run(_at_stage(stage), wanted_stage=stage.value)]
        return [row["case_id"] for row in sorted(found, key=lambda row: int(row["submitted_seq"]))]

    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield events in the order in which they were written."""
        wanted = statements.EVENTS if case_id is None else statements.EVENTS_OF_CASE
        with self._database.read() as conn:
            for row in conn.run(wanted, wanted_case=case_id):
                yield event_of(row["entry"], row["digest"])

    def records(self) -> Iterator[AuditRecord]:
        """Yield outcomes in the order in which the cases finished."""
        with self._database.read() as conn:
            for row in conn.run(statements.OUTCOMES):
                yield AuditRecord.model_validate(json.loads(row["entry"])["body"])

    def keep(self, digest: str, body: str) -> None:
        """Keep a payload under its digest."""
        with self._database.write() as conn:
            if conn.first(statements.PAYLOAD, wanted_digest=digest) is None:
                conn.run(statements.ADD_PAYLOAD, digest=digest, body=body)

    def kept(self, digest: str) -> str:
        """Return a kept payload."""
        with self._database.read() as conn:
            row = conn.first(statements.PAYLOAD, wanted_digest=digest)
        if row is None:
            raise KeyError(digest)
        return str(row["body"])

    def close(self) -> None:
        """Let go of every connection."""
        self._database.close()

    def _append(self, conn: Transaction, *drafts: Draft) -> int:
        """Append entries behind the head and return the number of the first."""
        row = conn.first(statements.HEAD)
        head = Head(0, GENESIS) if row is None else Head(row["seq"], row["digest"])
        linked: list[Entry] = link(head, drafts)
        conn.run_each(statements.APPEND, [entry._asdict() for entry in linked])
        return linked[0].seq

    def _add_review(self, conn: Transaction, shown: Shown, at: datetime) -> ReviewRow:
        row: dict[str, Any] = {"review_id": shown.review_id, "case_id": shown.case_id, "role": shown.role}
        row |= {"domain": shown.task.domain, "level": shown.level, "status": ReviewStatus.OPEN.value, "version": 1}
        row |= {"digest": shown.digest, "shown": shown.model_dump_json(), "opened_at": instant_text(at)}
        conn.run(statements.ADD_REVIEW, **row, verdict=None)
        return ReviewRow.model_validate({**row, "shown": shown, "opened_at": at})

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
        return AuditRecord.model_validate(json.loads(row["entry"])["body"])

    def _case(self, conn: Transaction, case_id: str) -> Case:
        row = conn.first(statements.CASE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        body = json.loads(row["entry"])["body"]
        stage = CaseStage(row["stage"])
        found = conn.run(statements.REVIEWS_OF_CASE, wanted_case=case_id)
        record = self._outcome_or_refusal(conn, case_id) if stage is CaseStage.FINISHED else None
        submission = Submission.model_validate({**body, "case_id": case_id})
        return Case(submission=submission, stage=stage, reviews=tuple(map(_review_of, found)), record=record)


def _is_current(conn: Transaction, policy_hash: str) -> bool:
    row = conn.first(statements.CURRENT_POLICY)
    return row is not None and json.loads(row["entry"])["body"]["policy_hash"] == policy_hash


def _review_of(row: Any) -> ReviewRow:
    fields = dict(row)
    fields["shown"] = Shown.model_validate_json(fields["shown"])
    fields["verdict"] = fields["verdict"] and Verdict.model_validate_json(fields["verdict"])
    return ReviewRow.model_validate(fields)


def _at_stage(stage: CaseStage) -> Any:
    return statements.FINISHED_CASES if stage is CaseStage.FINISHED else statements.UNFINISHED_AT_STAGE
