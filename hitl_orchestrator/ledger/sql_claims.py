"""Reviews that somebody is at, in a SQL store: claimed for a while, and let go."""

from datetime import datetime

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.review import ReviewRow
from hitl_orchestrator.ledger import entries, sql_contents, statements
from hitl_orchestrator.ledger.database import resolved
from hitl_orchestrator.ledger.rows import review_of
from hitl_orchestrator.ledger.sql_work import SqlWork


class SqlClaims(SqlWork):
    """The claims of a store."""

    @resolved
    def claim(self, review: ReviewRow, who: str, actor: Actor, at: datetime, seconds: float) -> ReviewRow:
        """Keep an open review for one person."""
        with self._database.write() as conn:
            values = {"wanted_review": review.review_id, "who": who, "held_for": seconds}
            taken = conn.run(statements.CLAIM_REVIEW, **values).rowcount == 1
            row = review_of(conn.first(statements.REVIEW, wanted_review=review.review_id))
            if not taken:
                raise entries.why_not_claimed(row, who, self._now(conn))
            sql_contents.append(conn, entries.claimed(row, actor, at))
        return row

    @resolved
    def unclaim(self, review: ReviewRow, who: str, actor: Actor, at: datetime) -> bool:
        """Let go of a review."""
        with self._database.write() as conn:
            done = conn.run(statements.RELEASE_REVIEW, wanted_review=review.review_id, who=who).rowcount == 1
            if done:
                sql_contents.append(conn, entries.released(review, actor, at))
        return done
