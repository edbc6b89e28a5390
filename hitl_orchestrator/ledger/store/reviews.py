"""Reviews in a store: opened, decided, expired and withdrawn, each in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.decision import ShadowAnswer
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import CaseChanged, HitlError, LedgerDamaged, TamperedReview, UnknownSealKey
from hitl_orchestrator.ledger.database.ports import Database, Rows, StoreTransaction, UniqueViolation, retried
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft, body_of, time_text
from hitl_orchestrator.ledger.events.contents import ERASED
from hitl_orchestrator.ledger.events.outcomes import outcome_of
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.keys.recorded import check_recorded, recorded_with
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.runs import Counting, Ending, Opening
from hitl_orchestrator.ledger.store.counting.tallies import again
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leased_work import LeasedWork, stage_in, time_in
from hitl_orchestrator.ledger.store.outcomes import add_outcome
from hitl_orchestrator.ledger.store.rows import answer_columns, readable, review_of, reviews_in, search_columns
from hitl_orchestrator.ledger.store.sql import reviews as statements
from hitl_orchestrator.ledger.store.sql.cases import DECIDE_CASE, SETTLE_CASE
from hitl_orchestrator.ledger.store.sql.events import HEAD_AND_CONTENTS

_BEFORE_FINISH = 2
"""The entries before an outcome that a decision writes with it: the decision, and the resumption."""


class _Answer(NamedTuple):
    """A verdict on a review, what follows it, and the last entry about policies and people by which it was decided."""

    review: StoredReview
    verdict: RecordedDecision
    actor: Actor
    then: ReviewSnapshot | Ending | None = None
    seen: int | None = None


class ReviewRepository:
    """Reviews, authenticated by a MAC, and their decisions."""

    def __init__(self, database: Database, work: LeasedWork, log: EventLog) -> None:
        self._database, self._work, self._log = database, work, log

    @retried
    def open_review(
        self,
        shown: ReviewSnapshot,
        at: datetime,
        shadow: ShadowAnswer | None = None,
        seen: int | None = None,
        counting: Counting | None = None,
        *,
        to_withdraw: bool = False,
    ) -> StoredReview:
        """Open the first review of a case, or return its latest one."""
        before, kind = CaseStage.RECEIVED, EventKind.REVIEW_OPENED
        with self._database.write() as transaction:
            moved = self._work.move(transaction, shown.case_id, before, kind, to_withdraw=to_withdraw)
            if moved is None:
                row = transaction.first(statements.LATEST_REVIEW, wanted_case=shown.case_id)
                if row is not None:
                    return review_of(row)
                raise CaseChanged(shown.case_id, stage_in(transaction, shown.case_id))
            self._log.check_seen(moved.end, seen)
            now = datetime.fromisoformat(moved.end["now"])
            routing = Opening(shown, "", at, shadow)
            shown, _, at, shadow = again(transaction, routing, counting, now, self._log.sealing)
            opened = self._add(transaction, shown, at, now, moved.end["seq"])
            routed = builders.routed(shown.case_id, shown.routing, at, shadow)
            self._log.append(transaction, routed, builders.review_opened(opened), end=moved.end)
        return opened

    @retried
    def decide(
        self,
        review: StoredReview,
        verdict: RecordedDecision,
        actor: Actor,
        then: ReviewSnapshot | Ending | None = None,
        seen: int | None = None,
    ) -> StoredReview:
        """Record the one decision of a review, and what follows from it, in one transaction."""
        try:
            decided = self._record(statements.RECORD_DECISION, _Answer(review, verdict, actor, then, seen))
        except UniqueViolation:
            decided = None
        return decided or self._recorded(review, verdict)

    @retried
    def expire(
        self, review: StoredReview, verdict: RecordedDecision, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview | None:
        """Record the expiry of an open review past its deadline."""
        return self._record(statements.RECORD_EXPIRY, _Answer(review, verdict, builders.TIMEOUT, pass_to))

    @retried
    def withdraw(self, review: StoredReview, verdict: RecordedDecision, actor: Actor) -> StoredReview:
        """Record that a case was canceled or superseded."""
        decided = self._record(statements.RECORD_WITHDRAWAL, _Answer(review, verdict, actor))
        return decided or self._recorded(review, verdict)

    def _recorded(self, review: StoredReview, verdict: RecordedDecision) -> StoredReview:
        """Return the recorded answer if it is this one, else raise the reason why this one is rejected."""
        answered = self.answered_under(verdict.review)
        if answered is not None:
            return builders.receipt(answered, review.case_id, verdict.review)
        with self._database.read() as transaction:
            row = review_of(transaction.first(statements.REVIEW, wanted_review=review.review_id))
            return builders.recorded_answer(row, review, verdict, time_in(transaction))

    @retried
    def answered_under(self, answer: Review) -> StoredReview | None:
        """Return the review that was answered with an idempotency key."""
        key = builders.answer_key(answer)
        if key is None:
            return None
        with self._database.read() as transaction:
            row = transaction.first(statements.ANSWERED_UNDER, wanted_key=key)
        return None if row is None else review_of(row)

    @retried
    def expired(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews past their deadline."""
        with self._database.read() as transaction:
            return reviews_in(transaction, statements.EXPIRED, limit, on_unreadable)

    @retried
    def latest_review(self, case_id: str) -> StoredReview | None:
        """Return the review of a case with the highest level."""
        with self._database.read() as transaction:
            row = transaction.first(statements.LATEST_REVIEW, wanted_case=case_id)
        return None if row is None else review_of(row)

    @retried
    def verified_review(self, review_id: str) -> tuple[StoredReview, list[Event]]:
        """Return an authentic review with the entries of its case, both from one consistent state."""
        with self._database.read() as transaction:
            row = transaction.first(statements.REVIEW, wanted_review=review_id)
            if row is None:
                raise TamperedReview(review_id, "its row is missing")
            review = review_of(row)
            try:
                events = self._log.events_of_case(transaction, review.case_id)
            except LedgerDamaged as exc:
                raise TamperedReview(review_id, exc.problem) from exc
        self.verify_review(review, events)
        return review, events

    @retried
    def latest_upheld(self, limit: int) -> Sequence[StoredReview]:
        """Return the latest verified reviews that let an output through."""
        with self._database.read() as transaction:
            rows = reviews_in(transaction, statements.LATEST_UPHELD, limit)
        return list(readable((row for row in rows if row.task.task_description != ERASED), self._verified))

    def _verified(self, review: StoredReview) -> StoredReview:
        """Return a review that this ledger wrote; one that was sealed under an earlier key is read with its entries."""
        try:
            self._log.sealing.check_review(review, None)
        except (TamperedReview, UnknownSealKey):
            return self.verified_review(review.review_id)[0]
        return review

    def verify_review(self, review: StoredReview, events: Sequence[Event]) -> None:
        """Verify a review that was read with the entries of its case."""
        builders.check_not_redacted(review, events)
        self._log.sealing.check_review(review, recorded_with(review, events))
        check_recorded(review, events)

    def _record(self, statement: Statement, answer: _Answer) -> StoredReview | None:
        """Record a decision and its consequences; return None if the review is not open for it."""
        review, verdict = answer.review, answer.verdict
        decided = self._log.sealing.sealed(builders.row_answered(review, verdict))
        values = {"wanted_review": review.review_id, "seen_version": review.version, "seen_digest": review.digest}
        values |= {
            "to_status": decided.status.value,
            "verdict": canonical_json(verdict.model_dump(mode="json")),
            "seal": decided.seal,
        }
        values |= {"answer_key": builders.answer_key(verdict.review), "who": verdict.review.reviewer_id}
        answered = builders.answered(decided, verdict, answer.actor)
        try:
            with self._database.write() as transaction:
                recording = transaction.run(statement, **values, **answer_columns(verdict))
                lease = self._follow(transaction, answered, answer, recording)
        except _NotOpen:
            return None
        if lease is not None:
            self._work.hold(review.case_id, lease["fence"])
        return decided

    def _follow(
        self, transaction: StoreTransaction, answered: Draft, answer: _Answer, recording: Rows
    ) -> dict[str, Any] | None:
        """Record what follows a verdict, and return the lease of a case that is to go on.

        Raises:
            GovernanceChanged: there are others than the policies and people by which it was decided.
        """
        case_id, then, lease = str(answered.case_id), answer.then, None
        if isinstance(then, Ending):
            # Sent before the answer to the first statement is awaited, which says whether the review was open.
            end = transaction.first(SETTLE_CASE, wanted_case=case_id)
            _now(recording)
        elif then is not None:
            end = transaction.first(HEAD_AND_CONTENTS, wanted_case=case_id)
        else:
            lease = self._work.columns(case_id, _now(recording))
            new = {f"new_{name}": value for name, value in lease.items()}
            end = transaction.first(DECIDE_CASE, wanted_case=case_id, **new)
        if end is None:
            raise CaseChanged(case_id, stage_in(transaction, case_id))
        self._log.check_seen(end, answer.seen)
        if isinstance(then, Ending):
            self._settle(transaction, answered, then, end)
        elif then is not None:
            queued_at = datetime.fromisoformat(_now(recording))
            opened = self._add(transaction, then, answered.at, queued_at, end["seq"])
            self._log.append(transaction, answered, builders.review_opened(opened), end=end)
        else:
            self._log.append(transaction, answered, end=end)
        return lease

    def _settle(self, transaction: StoreTransaction, answered: Draft, ending: Ending, end: Any) -> None:
        """Record the outcome that a decision leads to."""
        case_id, finished = ending.record.case_id, builders.finished(ending.record, ending.at)
        resumed = builders.resumed(case_id, answered.body["review_id"], ending.at)
        seq = self._log.append(transaction, answered, resumed, finished, end=end) + _BEFORE_FINISH
        add_outcome(transaction, ending.record, outcome_of(seq, finished.body, body_of(str(end["intake"]))))

    def _add(
        self, transaction: StoreTransaction, shown: ReviewSnapshot, at: datetime, queued_at: datetime, place: int
    ) -> StoredReview:
        text = shown.text
        review = self._log.sealing.sealed(builders.row_opened(shown, at, queued_at, text))
        add_review(transaction, review, text, self._log.sealing, place)
        return review


def add_review(transaction: StoreTransaction, review: StoredReview, text: str, seals: Seals, place: int) -> None:
    """Add the row of a new review, with the `text` of what it shows.

    Its `place` is the number of the last entry before the two that open it.
    """
    add_reviews(transaction, [(review, text, place)], seals)


def add_reviews(transaction: StoreTransaction, new: Sequence[tuple[StoredReview, str, int]], seals: Seals) -> None:
    """Add the rows of new reviews, each with its text and its place, as `add_review`."""
    transaction.insert_many(statements.ADD_REVIEW, [_columns(*each, seals) for each in new])


def _columns(review: StoredReview, text: str, place: int, seals: Seals) -> dict[str, Any]:
    times = {name: getattr(review, name) for name in ("opened_at", "queued_at", "due_at", "expires_at")}
    values = review.model_dump(exclude={"shown", "verdict", *times})
    values |= {name: time_text(time) for name, time in times.items()}
    texts = {"shown": text, "verdict": None, "answer_key": None, "status": review.status.value, "place": place}
    return {**values, **texts, **search_columns(review, seals)}


class _NotOpen(HitlError):
    """A review is not open for a verdict. The transaction is rolled back."""


def _now(recording: Rows) -> str:
    """Return the time of the store's clock from a statement that records a verdict. Raises `_NotOpen`."""
    rows = list(recording)
    if not rows:
        raise _NotOpen
    return str(rows[0]["now"])
