"""The ledger in memory: the twin of the SQL store, for tests and trials. It outlives nothing, and promises the rest."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt, is_spot_checked
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.errors import IncompleteOutcome, TamperedReview, TaskConflict
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events import redaction as redacting
from hitl_orchestrator.ledger.events.chain import Head, body_of
from hitl_orchestrator.ledger.events.contents import content_digest, is_same, new_contents
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.ledger.events.summaries import CaseSummary, outline_of, past_of
from hitl_orchestrator.ledger.keys.mac import check_told
from hitl_orchestrator.ledger.memory.claims import MemoryQueue
from hitl_orchestrator.ledger.memory.index import apart, is_anothers, is_open, is_up
from hitl_orchestrator.ledger.memory.policies import MemoryPolicies
from hitl_orchestrator.ledger.memory.snapshot import MemoryBooks
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot


class MemoryLedger(MemoryQueue, MemoryPolicies):
    """The `Ledger` port over dictionaries and one lock."""

    def receive(self, submission: Submission, actor: Actor, *, resubmit: bool = False, driving: bool = False) -> Case:
        """Take a submission in, once."""
        with self._lock:
            if submission.task.task_id in self._cases:
                raise entries.named_like_a_case(submission.task.task_id)
            attempts = self._attempts.setdefault(submission.task.task_id, [])
            if attempts:
                known, said = attempts[-1], entries.submitted(submission, actor)
                if is_same(said, self._contents.get(known), self._submitted_as[known]):
                    return self.case(known)
                if not resubmit:
                    raise TaskConflict(submission.task.task_id, known)
                intake = entries.submitted(self._cases[known].submission, actor).body
                submission = entries.next_attempt(submission, known, len(attempts), intake)
            case_id = submission.case_id
            attempts.append(case_id)
            self._cases[case_id] = Case(submission=submission, stage=CaseStage.RECEIVED)
            self._contents[case_id] = new_contents()
            self._journal.append(entries.submitted(submission, actor))
            self._submitted_as[case_id] = content_digest(body_of(self._journal.entries[-1].entry))
            self._leases.begin(case_id)
            if driving:
                self._leases.hold(case_id, next_fence=False)
            return self._cases[case_id]

    def open_review(self, shown: ReviewSnapshot, at: datetime, shadow: ShadowAnswer | None = None) -> StoredReview:
        """Open a review, or return the one that is there."""
        with self._lock:
            known = self.latest_review(shown.case_id)
            if known is not None:
                return known
            self._check_lease(shown.case_id, CaseStage.RECEIVED)
            self._move(shown.case_id, CaseStage.RECEIVED, CaseStage.WAITING)
            opened = self._add_review(shown, at)
            routed = entries.routed(shown.case_id, shown.routing, at, shadow)
            self._journal.append(routed, entries.review_opened(opened))
            return opened

    def decide(
        self, review: StoredReview, verdict: RecordedDecision, actor: Actor, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview:
        """Record the one verdict of a review."""
        with self._lock:
            known = self.answered_under(verdict.review)
            if known is not None:
                return entries.receipt(known, review.case_id, verdict.review)
            row = self._reviews[review.review_id]
            now, who = self.now(), verdict.review.reviewer_id
            if not is_open(row, review) or is_up(row, now) or is_anothers(row, who, now):
                return entries.standing_answer(row, review, verdict, now)
            return self._record(row, verdict, actor, pass_to)

    def answered_under(self, answer: Review) -> StoredReview | None:
        """Return the review that was answered under a key."""
        review_id = self._keys.get(entries.answer_key(answer) or "")
        return None if review_id is None else apart(self._reviews[review_id])

    def expired(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews whose time is up."""
        with self._lock:
            now = self.now()
            return self._reviews.open_ones(lambda row: is_up(row, now), limit)

    def expire(
        self, review: StoredReview, verdict: RecordedDecision, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview | None:
        """Record what becomes of an open review whose time is up."""
        with self._lock:
            row = self._reviews[review.review_id]
            due = is_open(row, review) and is_up(row, self.now())
            return self._record(row, verdict, entries.TIMEOUT, pass_to) if due else None

    def withdraw(self, review: StoredReview, verdict: RecordedDecision, actor: Actor) -> StoredReview:
        """Record that a case was taken back."""
        with self._lock:
            row, now = self._reviews[review.review_id], self.now()
            if not is_open(row, review) or is_up(row, now):
                return entries.standing_answer(row, review, verdict, now)
            return self._record(row, verdict, actor, None)

    def _record(
        self, row: StoredReview, verdict: RecordedDecision, actor: Actor, pass_to: ReviewSnapshot | None
    ) -> StoredReview:
        decided = self._seals.sealed(entries.row_answered(row, verdict))
        self._reviews.put(decided)
        key = entries.answer_key(verdict.review)
        if key is not None:
            self._keys[key] = row.review_id
        drafts = [entries.answered(decided, verdict, actor)]
        if pass_to is None:
            self._move(row.case_id, CaseStage.WAITING, CaseStage.DECIDED)
            self._leases.hold(row.case_id)
        else:
            drafts.append(entries.review_opened(self._add_review(pass_to, verdict.decided_at)))
        self._journal.append(*drafts)
        return decided

    def proven(self, review_id: str) -> StoredReview:
        """Return a review that is what was written of it."""
        return self.proven_and_told(review_id)[0]

    def proven_and_told(self, review_id: str) -> tuple[StoredReview, list[Event]]:
        """Return the same, with the entries of its case."""
        with self._lock:
            row = self._reviews.get(review_id)
            if row is None:
                raise TamperedReview(review_id, "it is gone")
            told = list(self.events(row.case_id))
            entries.check_not_redacted(row, told)
            self._seals.check(row)
            check_told(row, told)
            return row, told

    def alarm(self, case_id: str, cause: str, at: datetime) -> None:
        """Write down what was found, once."""
        with self._lock:
            known = (event.body["cause"] for event in self.events(case_id) if event.kind is EventKind.ALARM)
            if cause not in known:
                self._journal.append(entries.alarm(case_id, cause, at))

    def finish(self, record: AuditRecord, routing: Routing, at: datetime) -> AuditRecord:
        """Write the outcome of a case, once."""
        with self._lock:
            if record.case_id not in self._cases:
                raise IncompleteOutcome(record.case_id, "it was never received")
            case, known = self._cases[record.case_id], self._records.get(record.case_id)
            if known is not None:
                return known
            if case.stage is not entries.stage_before_finish(record):
                why = f"it is {case.stage}, and no person's decision is recorded for it"
                raise IncompleteOutcome(record.case_id, why)
            self._check_lease(record.case_id, case.stage)
            self._move(record.case_id, case.stage, CaseStage.FINISHED)
            before = entries.routed(record.case_id, routing, at)
            if case.stage is CaseStage.DECIDED:
                before = entries.resumed(record.case_id, self._reviews.of_case(case.case_id)[-1].review_id, at)
            self._journal.append(before, entries.finished(record, at))
            self._records[record.case_id] = record
            if is_spot_checked(record):
                self._spot_checks[record.case_id] = None
            return record

    def spot_checks_due(self, limit: int = 1000) -> Sequence[str]:
        """Return the cases of which no review was opened yet."""
        with self._lock:
            return list(self._spot_checks)[:limit]

    def spot_check_opened(self, case_id: str) -> None:
        """Take note that the review of a case was opened."""
        with self._lock:
            self._spot_checks.pop(case_id, None)

    def refuse(self, attempt: RefusedAttempt, actor: Actor, at: datetime) -> bool:
        """Write down a refused answer, once."""
        with self._lock:
            self._known(attempt.case_id)
            if (attempt.case_id, attempt.key) in self._refusals:
                return False
            self._journal.append(entries.refused(attempt, actor, at))
            self._refusals[attempt.case_id, attempt.key] = self._journal.head.seq
            return True

    def case(self, case_id: str) -> Case:
        """Return a case by its id."""
        with self._lock:
            known = {"reviews": self._reviews.of_case(case_id), "record": self._records.get(case_id)}
            return apart(self._known(case_id).model_copy(update=known))

    def find(self, given_id: str) -> Case:
        """Return a case by its id, or the latest attempt at a task."""
        with self._lock:
            attempts = None if given_id in self._cases else self._attempts.get(given_id)
            return self.case(attempts[-1] if attempts else given_id)

    def latest_review(self, case_id: str) -> StoredReview | None:
        """Return the review of a case that counts now."""
        with self._lock:
            rows = self._reviews.of_case(case_id)
        return apart(rows[-1]) if rows else None

    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages."""
        with self._lock:
            return [case_id for case_id, case in self._cases.items() if case.stage in stages]

    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield events in the order in which they were written."""
        return self._journal.events(case_id)

    def records(self) -> Iterator[AuditRecord]:
        """Yield outcomes in the order in which the cases finished."""
        return self._journal.records()

    def outlines(self) -> Iterator[str]:
        """Yield the outlines of finished cases."""
        return (outline_of(record.model_dump(mode="json")) for record in self.records())

    def past(self) -> Iterator[CaseSummary]:
        """Yield them with what was asked for."""
        cases = ((record, self.case(record.case_id)) for record in self.records())
        return (past_of(record, case.submission.task, redacted=case.redacted) for record, case in cases)

    def redact(self, case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
        """Erase what was said in a case, once."""
        with self._lock:
            known = next((event for event in self.events(case_id) if event.kind is EventKind.REDACTED), None)
            if known is not None:
                return redacting.receipt_of(known)
            case = self.case(case_id)
            redacting.check_finished(case_id, case.stage)
            wanted = redacting.a_redaction(case_id, reason, actor, at)
            done = wanted.model_copy(update={"destroyed": len(self._contents[case_id])})
            bare = redacting.without_contents(case)
            left = {row.review_id: redacting.texts_of(row) for row in bare.reviews}
            self._journal.append(redacting.redacted(done, left))
            for row in bare.reviews:
                self._reviews.put(row)
            self._cases[case_id] = bare.model_copy(update={"reviews": (), "record": None})
            if bare.record is not None:
                self._records[case_id] = bare.record
            del self._contents[case_id]
            self._payloads = {name: body for name, body in self._payloads.items() if name[1] != case_id}
            return done

    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Keep a payload of a case under its digest."""
        if (digest, case_id) not in self._payloads:
            self._payloads[digest, case_id] = body

    def kept(self, digest: str) -> str:
        """Return a kept payload."""
        found = next((body for (name, _), body in tuple(self._payloads.items()) if name == digest), None)
        if found is None:
            raise KeyError(digest)
        return found

    @contextmanager
    def books(self) -> Iterator[LedgerSnapshot]:
        """Open the books for reading; writers wait until they are closed."""
        with self._lock:
            cases = [(case, self._submitted_as[name], self._contents.get(name)) for name, case in self._cases.items()]
            policies, due = self._policies.stored(), list(self._spot_checks)
            yield MemoryBooks(self._journal.entries, cases, self._reviews, self._refusals, policies, spot_checks=due)

    def head(self) -> Head:
        """Return where the ledger ends."""
        with self._lock:
            return self._journal.head

    def _add_review(self, shown: ReviewSnapshot, at: datetime) -> StoredReview:
        within = entries.time_to_answer(shown)
        row = self._seals.sealed(entries.row_opened(shown, at, None if within is None else self.now() + within))
        self._reviews.put(row)
        return row
