"""Open reviews as the work of a team, in a ledger in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import HumanDecision, ReviewStatus
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.memory.index import apart, is_anothers, is_up
from hitl_orchestrator.ledger.memory.leased_work import MemoryWork
from hitl_orchestrator.ledger.ports.claims import InboxFilter, Limit, Load
from hitl_orchestrator.ledger.store.rows import customer_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_UNCLAIMED = {"claimed_by": None, "claimed_until": None, "delegated_by": None}


class MemoryQueue(MemoryWork):
    """The `Queue` of a ledger in memory."""

    def claim(
        self, review: StoredReview, who: str, actor: Actor, at: datetime, seconds: float, *, limit: Limit | None = None
    ) -> StoredReview:
        """Keep an open review for one person."""
        with self._lock:
            self._check_limit(review, who, limit)
            row, now = self._reviews[review.review_id], self.now()
            if row.status is not ReviewStatus.OPEN or is_up(row, now) or is_anothers(row, who, now):
                raise entries.why_not_claimed(row, who, now)
            given_by = row.delegated_by if row.claimed_by == who else None
            return self._held(row, (given_by, who), seconds, lambda held: entries.claimed(held, actor, at))

    def delegate(
        self,
        review: StoredReview,
        between: tuple[str, str],
        actor: Actor,
        at: datetime,
        *,
        seconds: float,
        reason: str = "",
        limit: Limit | None = None,
    ) -> StoredReview:
        """Give a review on that one holds."""
        who, to = between
        with self._lock:
            self._check_limit(review, to, limit)
            row, now = self._reviews[review.review_id], self.now()
            if row.status is not ReviewStatus.OPEN or is_up(row, now) or not _holds(row, who, now):
                raise entries.why_not_delegated(row, who, now)
            return self._held(row, (who, to), seconds, lambda held: entries.delegated(held, actor, at, reason))

    def unclaim(self, review: StoredReview, who: str, actor: Actor, at: datetime) -> bool:
        """Let go of a review, back to who gave it."""
        with self._lock:
            row = self._reviews[review.review_id]
            if row.status is not ReviewStatus.OPEN or row.claimed_by != who:
                return False
            back_to = row.delegated_by
            changed = {"claimed_by": back_to, "delegated_by": None} if back_to else _UNCLAIMED
            self._reviews.put(row.model_copy(update=changed))
            self._journal.append(entries.released(row, actor, at, back_to))
            return True

    def renew(self, review: StoredReview, who: str, seconds: float) -> None:
        """Prolong a claim."""
        with self._lock:
            row, now = self._reviews[review.review_id], self.now()
            until = now + timedelta(seconds=seconds)
            if row.status is ReviewStatus.OPEN and _holds(row, who, now) and (row.claimed_until or until) < until:
                self._reviews.put(row.model_copy(update={"claimed_until": until}))

    def lapsed(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return reviews that somebody left."""
        with self._lock:
            now = self.now()
            found = self._reviews.open_ones(lambda row: _has_lapsed(row, now), limit)
        return sorted(found, key=lambda row: row.claimed_until or now)

    def return_lapsed(self, review: StoredReview, at: datetime) -> bool:
        """Take a lapsed claim back."""
        with self._lock:
            row = self._reviews[review.review_id]
            if row.status is not ReviewStatus.OPEN or not _has_lapsed(row, self.now()):
                return False
            self._reviews.put(row.model_copy(update=_UNCLAIMED))
            self._journal.append(entries.released(row, entries.TIMEOUT, at))
            return True

    def to_remind(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return reviews to remind of."""
        with self._lock:
            return self._reviews.open_ones(self._is_to_remind, limit)

    def remind(self, review: StoredReview, to: Sequence[str], at: datetime) -> bool:
        """Write down who was reminded, once."""
        with self._lock:
            row = self._reviews[review.review_id]
            if row.status is not ReviewStatus.OPEN or not self._is_to_remind(row):
                return False
            self._reminded.add(row.review_id)
            self._journal.append(entries.reminded(row, to, at))
            return True

    def view(self, review: StoredReview, actor: Actor, at: datetime) -> bool:
        """Write down a first look."""
        return self._noted(entries.viewed(review, actor, at)) is None

    def label(self, review: StoredReview, actor: Actor, at: datetime, label: str) -> str:
        """Write down an own label, once."""
        return self._noted(entries.labeled(review, actor, at, label)) or label

    def waiting(self, wanted: InboxFilter, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, narrowed."""
        with self._lock:
            now = self.now()
            listed = self._reviews.open_ones(lambda row: _is_wanted(row, wanted, now), limit)
        return [apart(row) for row in listed]

    def waiting_each(self, wanted: Sequence[InboxFilter], limit: int) -> list[Sequence[StoredReview]]:
        """Return open reviews, narrowed in several ways."""
        with self._lock:
            return [self.waiting(one, limit) for one in wanted]

    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, the soonest due first, then the longest waiting."""
        return self.waiting(InboxFilter(role, domain), limit)

    def loads(self, since: datetime) -> Mapping[str, Load]:
        """Return what each account holds and has answered."""
        with self._lock:
            now = self.now()
            holds = Counter(row.claimed_by for row in self._reviews.open_ones(lambda row: _is_held(row, now), _ALL))
            answered = Counter(
                row.verdict.review.reviewer_id
                for row in self._reviews
                if row.verdict is not None and row.verdict.decided_at >= since
            )
        return {who: Load(holds[who], answered[who]) for who in {*holds, *answered} if who is not None}

    def upheld(self, task_type: str, lowest: float, highest: float) -> tuple[int, int]:
        """Return how many were decided, and how many upheld."""
        with self._lock:
            said = [
                row.verdict.review.human_decision
                for row in self._reviews.decided(task_type)
                if row.verdict is not None and lowest <= _confidence(row) < highest
            ]
        return len(said), said.count(HumanDecision.APPROVE)

    def similar(self, task_type: str, domain: str, but: str, limit: int = 5) -> Sequence[StoredReview]:
        """Return the latest decided reviews of a kind."""
        with self._lock:
            found = [row for row in self._reviews.decided(task_type) if row.domain == domain and row.case_id != but]
        found.sort(key=_answered_at, reverse=True)
        return [apart(row) for row in found[:limit]]

    def last_reviewer_for(self, customer: str) -> str | None:
        """Return who decided last for a customer."""
        with self._lock:
            theirs = [
                row
                for row in self._reviews
                if row.status is ReviewStatus.DECIDED and customer_of(row.shown.task) == customer
            ]
        last = max(theirs, key=_answered_at, default=None)
        return None if last is None or last.verdict is None else last.verdict.review.reviewer_id

    def outdated(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews that a newer attempt has followed."""
        with self._lock:
            return self._reviews.open_ones(lambda row: self._attempts[row.shown.task.task_id][-1] != row.case_id, limit)

    def _held(
        self, row: StoredReview, between: tuple[str | None, str], seconds: float, told: Callable[[StoredReview], Draft]
    ) -> StoredReview:
        given_by, who = between
        until = self.now() + timedelta(seconds=seconds)
        held = row.model_copy(update={"claimed_by": who, "claimed_until": until, "delegated_by": given_by})
        self._reviews.put(held)
        self._journal.append(told(held))
        return apart(held)

    def _noted(self, said: Draft) -> str | None:
        """Write an entry, once for its kind, review and account; return what the one that stands already says."""
        with self._lock:
            for event in self._journal.events(said.case_id):
                if entries.is_by(event, said):
                    return str(event.body.get("label", ""))
            self._journal.append(said)
        return None

    def _is_to_remind(self, row: StoredReview) -> bool:
        before = entries.reminder_before(row.shown)
        if before is None or row.due_at is None or row.review_id in self._reminded:
            return False
        return row.due_at - before <= self.now()

    def _check_limit(self, review: StoredReview, who: str, limit: Limit | None) -> None:
        """Pass somebody who may hold one more."""
        if limit is None or limit.most is None:
            return
        now = self.now()
        theirs = self._reviews.open_ones(lambda row: _is_held(row, now) and row.claimed_by in limit.accounts, _ALL)
        held = sum(row.review_id != review.review_id for row in theirs)
        if held >= limit.most:
            raise entries.too_many_claims(who, held)


_ALL = 10**9


def _is_held(row: StoredReview, now: datetime) -> bool:
    return row.claimed_by is not None and not _has_lapsed(row, now)


def _holds(row: StoredReview, who: str, now: datetime) -> bool:
    return row.claimed_by == who and not _has_lapsed(row, now)


def _has_lapsed(row: StoredReview, now: datetime) -> bool:
    return row.claimed_by is not None and row.claimed_until is not None and row.claimed_until <= now


def _is_wanted(row: StoredReview, wanted: InboxFilter, now: datetime) -> bool:
    task = row.shown.task
    return (
        wanted.role in (None, row.role)
        and wanted.domain in (None, row.domain)
        and wanted.task_type in (None, task.task_type)
        and wanted.risk_level in (None, row.shown.routing.risk_level)
        and not (wanted.overdue and (row.due_at is None or row.due_at > now))
        and not (wanted.held_by is not None and not _holds(row, wanted.held_by, now))
        and not (wanted.unclaimed and _is_held(row, now))
        and not (wanted.open and is_up(row, now))
    )


def _confidence(row: StoredReview) -> float:
    found = row.shown.routing.score.confidence
    return -1.0 if found is None else found


def _answered_at(row: StoredReview) -> datetime:
    return _LONG_AGO if row.verdict is None else row.verdict.decided_at
