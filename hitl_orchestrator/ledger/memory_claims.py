"""Reviews that somebody is at, in a ledger in memory: claimed for a while, and let go."""

from datetime import datetime, timedelta

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.review import ReviewRow
from hitl_orchestrator.domain.words import ReviewStatus
from hitl_orchestrator.ledger import entries
from hitl_orchestrator.ledger.memory_index import is_anothers, is_up
from hitl_orchestrator.ledger.memory_work import MemoryWork


class MemoryClaims(MemoryWork):
    """The claims of a ledger in memory."""

    def claim(self, review: ReviewRow, who: str, actor: Actor, at: datetime, seconds: float) -> ReviewRow:
        """Keep an open review for one person."""
        with self._lock:
            row, now = self._reviews[review.review_id], self.now()
            if row.status is not ReviewStatus.OPEN or is_up(row, now) or is_anothers(row, who, now):
                raise entries.why_not_claimed(row, who, now)
            row = row.model_copy(update={"claimed_by": who, "claimed_until": now + timedelta(seconds=seconds)})
            self._reviews.put(row)
            self._journal.append(entries.claimed(row, actor, at))
            return row.model_copy(deep=True)

    def unclaim(self, review: ReviewRow, who: str, actor: Actor, at: datetime) -> bool:
        """Let go of a review."""
        with self._lock:
            row = self._reviews[review.review_id]
            if row.status is not ReviewStatus.OPEN or row.claimed_by != who:
                return False
            self._reviews.put(row.model_copy(update={"claimed_by": None, "claimed_until": None}))
            self._journal.append(entries.released(row, actor, at))
            return True
