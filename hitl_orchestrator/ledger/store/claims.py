"""Open reviews as the work of a team, in a SQL store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.database.ports import Transaction, resolved
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import Draft, event_of, time_text
from hitl_orchestrator.ledger.events.contents import restored
from hitl_orchestrator.ledger.ports.claims import InboxFilter, Limit, Load
from hitl_orchestrator.ledger.store import claim_statements as desk
from hitl_orchestrator.ledger.store import contents as sql_contents
from hitl_orchestrator.ledger.store import statements
from hitl_orchestrator.ledger.store.leased_work import SqlWork
from hitl_orchestrator.ledger.store.rows import review_of


class SqlQueue(SqlWork):
    """The `Queue` of a store."""

    @resolved
    def claim(
        self, review: StoredReview, who: str, actor: Actor, at: datetime, seconds: float, *, limit: Limit | None = None
    ) -> StoredReview:
        """Keep an open review for one person. Should the power fail at once, it is free again, and nothing is lost."""
        with self._database.write(flush=False) as conn:
            _check_limit(conn, review, who, limit)
            values = {"wanted_review": review.review_id, "who": who, "to": who, "held_for": seconds}
            taken = conn.run(desk.CLAIM, **values).rowcount == 1
            row = _row(conn, review)
            if not taken:
                raise entries.why_not_claimed(row, who, self._now(conn))
            sql_contents.append(conn, entries.claimed(row, actor, at))
        return row

    @resolved
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
        with self._database.write() as conn:
            _check_limit(conn, review, to, limit)
            values = {"wanted_review": review.review_id, "who": who, "to": to, "held_for": seconds}
            given = conn.run(desk.DELEGATE, **values).rowcount == 1
            row = _row(conn, review)
            if not given:
                raise entries.why_not_delegated(row, who, self._now(conn))
            sql_contents.append(conn, entries.delegated(row, actor, at, reason))
        return row

    @resolved
    def unclaim(self, review: StoredReview, who: str, actor: Actor, at: datetime) -> bool:
        """Let go of a review, back to who gave it."""
        values = {"wanted_review": review.review_id, "who": who}
        with self._database.write() as conn:
            back = conn.run(desk.HAND_BACK, **values).rowcount == 1
            done = back or conn.run(desk.LET_GO, **values).rowcount == 1
            if done:
                to = _row(conn, review).claimed_by if back else None
                sql_contents.append(conn, entries.released(review, actor, at, to))
        return done

    @resolved
    def renew(self, review: StoredReview, who: str, seconds: float) -> None:
        """Prolong a claim. Nothing is lost if a crash takes it back."""
        with self._database.write(flush=False) as conn:
            conn.run(desk.RENEW, wanted_review=review.review_id, who=who, held_for=seconds)

    @resolved
    def lapsed(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return reviews that somebody left."""
        return self._listed(desk.LAPSED, most=limit)

    @resolved
    def return_lapsed(self, review: StoredReview, at: datetime) -> bool:
        """Take a lapsed claim back."""
        with self._database.write() as conn:
            done = conn.run(desk.RETURN_LAPSED, wanted_review=review.review_id).rowcount == 1
            if done:
                sql_contents.append(conn, entries.released(review, entries.TIMEOUT, at))
        return done

    @resolved
    def to_remind(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return reviews to remind of."""
        return self._listed(desk.TO_REMIND, most=limit)

    @resolved
    def remind(self, review: StoredReview, to: Sequence[str], at: datetime) -> bool:
        """Write down who was reminded, once."""
        with self._database.write() as conn:
            done = conn.run(desk.REMIND, wanted_review=review.review_id).rowcount == 1
            if done:
                sql_contents.append(conn, entries.reminded(review, to, at))
        return done

    @resolved
    def view(self, review: StoredReview, actor: Actor, at: datetime) -> bool:
        """Write down a first look."""
        return self._noted(entries.viewed(review, actor, at)) is None

    @resolved
    def label(self, review: StoredReview, actor: Actor, at: datetime, label: str) -> str:
        """Write down an own label, once."""
        known = self._noted(entries.labeled(review, actor, at, label))
        return label if known is None else str(known["label"])

    @resolved
    def waiting(self, wanted: InboxFilter, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, narrowed."""
        return self.waiting_each([wanted], limit)[0]

    @resolved
    def waiting_each(self, wanted: Sequence[InboxFilter], limit: int) -> list[Sequence[StoredReview]]:
        """Return open reviews, narrowed in several ways."""
        with self._database.read() as conn:
            return [_waiting(conn, one, limit) for one in wanted]

    @resolved
    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, the soonest due first, then the longest waiting."""
        return self.waiting(InboxFilter(role, domain), limit)

    @resolved
    def loads(self, since: datetime) -> Mapping[str, Load]:
        """Return what each account holds and has answered."""
        found: dict[str, Load] = defaultdict(Load)
        with self._database.read() as conn:
            for row in conn.run(desk.LOADS, since=time_text(since)):
                load = found[row["who"]]
                times = {"holds" if row["holds"] else "answered": row["times"]}
                found[row["who"]] = load._replace(**times)
        return dict(found)

    @resolved
    def upheld(self, task_type: str, lowest: float, highest: float) -> tuple[int, int]:
        """Return how many were decided, and how many upheld."""
        with self._database.read() as conn:
            row = conn.first(desk.UPHELD, wanted_type=task_type, lowest=lowest, highest=highest)
        return int(row["decided"]), int(row["upheld"])

    @resolved
    def similar(self, task_type: str, domain: str, but: str, limit: int = 5) -> Sequence[StoredReview]:
        """Return the latest decided reviews of a kind."""
        return self._listed(desk.SIMILAR, wanted_type=task_type, wanted_domain=domain, but=but, most=limit)

    @resolved
    def last_reviewer_for(self, customer: str) -> str | None:
        """Return who decided last for a customer."""
        with self._database.read() as conn:
            row = conn.first(desk.LAST_FOR, affinity=self._seals.name_of(customer))
        return None if row is None else row["answered_by"]

    @resolved
    def outdated(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews that a newer attempt has followed."""
        return self._listed(desk.OUTDATED, most=limit)

    def _listed(self, statement: Any, **values: Any) -> list[StoredReview]:
        with self._database.read() as conn:
            return [review_of(row) for row in conn.run(statement, **values)]

    def _noted(self, said: Draft) -> dict[str, Any] | None:
        """Write an entry, once for its kind, review and account; return the body of the one that stands already."""
        with self._database.read() as conn:
            known = _told(conn, said)
        if known is None:
            with self._database.write(flush=said.kind is EventKind.LABELED) as conn:
                known = _told(conn, said)
                if known is None:
                    sql_contents.append(conn, said)
        return known


def _waiting(conn: Transaction, wanted: InboxFilter, limit: int) -> list[StoredReview]:
    said = {name: value for name, value in wanted._asdict().items() if value}
    return [review_of(row) for row in conn.run(desk.open_reviews(*sorted(said)), most=limit, **said)]


def _told(conn: Transaction, said: Draft) -> dict[str, Any] | None:
    for row in conn.run(sql_contents.SAID_IN_CASE, wanted_case=said.case_id):
        event = event_of(row["entry"], row["digest"])
        if entries.is_by(event, said):
            return restored(event.kind, event.body, sql_contents.contents_of(row))
    return None


def _row(conn: Transaction, review: StoredReview) -> StoredReview:
    return review_of(conn.first(statements.REVIEW, wanted_review=review.review_id))


def _check_limit(conn: Transaction, review: StoredReview, who: str, limit: Limit | None) -> None:
    """Pass somebody who may hold one more. Writers take turns, so that nobody claims two at once beside this."""
    if limit is None or limit.most is None:
        return
    known = {"wanted_review": review.review_id}
    held = sum(int(conn.first(desk.HELD, who=account, **known)["held"]) for account in limit.accounts)
    if held >= limit.most:
        raise entries.too_many_claims(who, held)
