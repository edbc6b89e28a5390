"""Claims in a store: open reviews as the work queue of a team."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, retried
from hitl_orchestrator.ledger.database.statement import Statement, batches
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft, instant_text, time_text
from hitl_orchestrator.ledger.ports.claims import (
    Held,
    InboxFilter,
    Limit,
    Load,
    Needed,
    OnUnreadable,
    Place,
    QueueGroups,
    QueuePage,
    Skip,
)
from hitl_orchestrator.ledger.store.event_log import EntryRow, EventLog
from hitl_orchestrator.ledger.store.leased_work import time_in
from hitl_orchestrator.ledger.store.queries.queue import open_review_counts, open_review_keys, open_reviews
from hitl_orchestrator.ledger.store.rows import readable, review_of, reviews_in
from hitl_orchestrator.ledger.store.sql import claims as statements
from hitl_orchestrator.ledger.store.sql.events import ENTRIES_OF_CASE
from hitl_orchestrator.ledger.store.sql.reviews import REVIEW

CLAIM_SEAL, NEEDED_SEAL = "claim", "needed"
"""The labels of the seals of the times of a claim, and of a derived role."""

_BRANCHES, _KEYS_FOR_EACH = 100, 20
"""The number of filters in one statement, of which SQLite permits 500, and of keys read for each review of a page."""


class ClaimRepository:
    """Claims, reminders, views and labels of open reviews, and searches among reviews."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database, self._log = database, log

    @retried
    def claim(
        self, review: StoredReview, who: str, actor: Actor, at: datetime, seconds: float, *, limit: Limit | None = None
    ) -> StoredReview:
        """Claim an open review. A power failure may free it again, which loses nothing."""
        with self._database.write(flush=False) as transaction:
            _check_limit(transaction, review, who, limit)
            values = {"wanted_review": review.review_id, "who": who, "to": who}
            values |= self._claim_columns(review, time_in(transaction), seconds)
            claimed = transaction.run(statements.CLAIM, **values).rowcount == 1
            row = _row(transaction, review)
            if not claimed:
                raise builders.why_not_claimed(row, who, time_in(transaction))
            self._log.append(transaction, builders.claimed(row, actor, at))
        return row

    @retried
    def delegate(
        self,
        review: StoredReview,
        holder: str,
        receiver: str,
        actor: Actor,
        at: datetime,
        *,
        seconds: float,
        reason: str = "",
        limit: Limit | None = None,
    ) -> StoredReview:
        """Transfer a claim from its holder to another reviewer."""
        with self._database.write() as transaction:
            _check_limit(transaction, review, receiver, limit)
            values = {"wanted_review": review.review_id, "who": holder, "to": receiver}
            values |= self._claim_columns(review, time_in(transaction), seconds)
            delegated = transaction.run(statements.DELEGATE, **values).rowcount == 1
            row = _row(transaction, review)
            if not delegated:
                raise builders.why_not_delegated(row, holder, time_in(transaction))
            self._log.append(transaction, builders.delegated(row, actor, at, reason))
        return row

    @retried
    def unclaim(self, review: StoredReview, who: str, actor: Actor, at: datetime) -> bool:
        """Release a claim; a delegated review returns to its owner."""
        values = {"wanted_review": review.review_id, "who": who}
        with self._database.write() as transaction:
            returned = transaction.run(statements.RETURN_TO_OWNER, **values).rowcount == 1
            released = returned or transaction.run(statements.RELEASE, **values).rowcount == 1
            if released:
                owner = _row(transaction, review).claimed_by if returned else None
                self._log.append(transaction, builders.released(review, actor, at, owner))
        return released

    @retried
    def take_back(self, review: StoredReview, holder: str, actor: Actor, at: datetime, because: str) -> bool:
        """End the claim of another reviewer, who does not get it back."""
        with self._database.write() as transaction:
            values = {"wanted_review": review.review_id, "who": holder}
            ended = transaction.run(statements.RELEASE, **values).rowcount == 1
            if ended:
                self._log.append(transaction, builders.released(review, actor, at, because=because))
        return ended

    @retried
    def renew(self, review: StoredReview, who: str, seconds: float) -> None:
        """Extend a claim. A crash may undo it, which loses nothing."""
        if review.claimed_since is None:
            return
        with self._database.write(flush=False) as transaction:
            values = self._claim_columns(review, time_in(transaction), seconds, since=review.claimed_since)
            transaction.run(statements.RENEW, wanted_review=review.review_id, who=who, **values)

    @retried
    def lapsed(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews with a lapsed claim."""
        return self._list(statements.LAPSED, limit, on_unreadable)

    @retried
    def return_lapsed(self, review: StoredReview, at: datetime) -> bool:
        """Remove a lapsed claim."""
        draft = builders.released(review, builders.TIMEOUT, at)
        return self._change(statements.RETURN_LAPSED, review, draft)

    @retried
    def to_remind(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews whose reminder is due."""
        return self._list(statements.TO_REMIND, limit, on_unreadable)

    @retried
    def remind(self, review: StoredReview, to: Sequence[str], at: datetime) -> bool:
        """Record a reminder, once."""
        return self._change(statements.REMIND, review, builders.reminded(review, to, at))

    @retried
    def view(self, review: StoredReview, actor: Actor, at: datetime) -> bool:
        """Record the first view of a review by an account."""
        return self._append_once(builders.viewed(review, actor, at)) is None

    @retried
    def label(self, review: StoredReview, actor: Actor, at: datetime, label: str) -> str:
        """Record the label of a blind reviewer, once."""
        recorded = self._append_once(builders.labeled(review, actor, at, label))
        return label if recorded is None else str(recorded["label"])

    @retried
    def queue_page(
        self,
        wanted: Sequence[InboxFilter],
        limit: int,
        after: Place | None = None,
        skip: Skip | None = None,
        until: Place | None = None,
    ) -> QueuePage:
        """Return open reviews under any of the filters."""
        part = _Part(after, until)
        with self._database.read() as transaction:
            if skip is not None:
                return _page_without(transaction, wanted, limit, part, skip)
            rows = _queued(transaction, open_reviews, wanted, limit, part)
        return QueuePage(list(readable(rows, review_of)), _place(rows[-1]) if len(rows) == limit else None)

    @retried
    def queue_groups(self) -> QueueGroups:
        """Return the roles that open reviews need, and the states under which they need them."""
        with self._database.read() as transaction:
            rows = [(row["name"], row["value"]) for row in transaction.run(statements.OPEN_ROLES_AND_STATES)]
        roles, states = ([value for name, value in rows if name == each] for each in ("needed_role", "needed_under"))
        return QueueGroups(roles, states)

    @retried
    def queue_domains(self) -> Sequence[str]:
        """Return the domains of open reviews."""
        with self._database.read() as transaction:
            return [row["value"] for row in transaction.run(statements.OPEN_DOMAINS)]

    @retried
    def queue_place(self, wanted: Sequence[InboxFilter], number: int) -> Place | None:
        """Return the place of the review with this number, from 1, under any of the filters."""
        with self._database.read() as transaction:
            keys = _queued(transaction, open_review_keys, wanted, number, _Part())
        return _place(keys[-1]) if len(keys) == number else None

    @retried
    def queue_count(self, wanted: Sequence[InboxFilter], after: Place | None = None) -> int:
        """Return the number of open reviews under any of the filters."""
        number = 0
        with self._database.read() as transaction:
            for first in range(0, len(wanted), _BRANCHES):
                branches, values = _branches(wanted[first : first + _BRANCHES], _Part(after))
                number += transaction.first(open_review_counts(*branches), **values)["number"]
        return number

    @retried
    def holders(self) -> Sequence[Held]:
        """Return the reviewers who hold claims."""
        with self._database.read() as transaction:
            rows = transaction.run(statements.HOLDERS)
            return [Held(row["claimed_by"], row["needed_role"], row["domain"]) for row in rows]

    @retried
    def set_needed(self, needed: Sequence[Needed]) -> None:
        """Record the roles that open reviews need. A power failure may undo it; then they are derived again."""
        with self._database.write(flush=False) as transaction:
            for each in needed:
                values = {"wanted_review": each.review_id, "to_role": each.role, "to_state": each.state}
                seal = self._log.sealing.columns(NEEDED_SEAL, *each)
                transaction.run(statements.SET_NEEDED, **values, new_seal=seal)

    @retried
    def place_of(self, review_id: str) -> Place | None:
        """Return the place of a review in the queue."""
        with self._database.read() as transaction:
            row = transaction.first(statements.PLACE, wanted_review=review_id)
        return None if row is None else _place(row)

    @retried
    def loads(self, since: datetime) -> Mapping[str, Load]:
        """Return the load of each account."""
        loads: dict[str, Load] = defaultdict(Load)
        with self._database.read() as transaction:
            for row in transaction.run(statements.LOADS, since=time_text(since)):
                count = {"holds" if row["holds"] else "answered": row["times"]}
                loads[row["who"]] = loads[row["who"]]._replace(**count)
        return dict(loads)

    @retried
    def upheld(self, task_type: str, lowest: float, highest: float) -> tuple[int, int]:
        """Return the number of decided and of upheld outputs."""
        with self._database.read() as transaction:
            row = transaction.first(statements.UPHELD, wanted_type=task_type, lowest=lowest, highest=highest)
        return int(row["decided"]), int(row["upheld"])

    @retried
    def similar(self, task_type: str, domain: str, but: str, limit: int = 5) -> Sequence[StoredReview]:
        """Return the latest decided reviews of a type and domain."""
        values = {"wanted_type": task_type, "wanted_domain": domain, "but": but}
        return self._list(statements.SIMILAR, limit, None, **values)

    @retried
    def last_reviewer_for(self, customer: str) -> str | None:
        """Return the reviewer of a customer's latest decided review."""
        with self._database.read() as transaction:
            affinity = self._log.sealing.name_of(customer)
            row = transaction.first(statements.LAST_FOR_CUSTOMER, affinity=affinity)
        return None if row is None else row["answered_by"]

    @retried
    def outdated(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews of cases that have a newer attempt."""
        return self._list(statements.OUTDATED, limit, on_unreadable)

    def _list(
        self, statement: Statement, limit: int, on_unreadable: OnUnreadable | None = None, **values: Any
    ) -> list[StoredReview]:
        with self._database.read() as transaction:
            return reviews_in(transaction, statement, limit, on_unreadable, **values)

    def _claim_columns(
        self, review: StoredReview, now: datetime, seconds: float, since: datetime | None = None
    ) -> dict[str, str]:
        """Return the times of a claim that begins now, or is extended, with their seal."""
        times = instant_text(since or now), instant_text(now + timedelta(seconds=seconds))
        seal = self._log.sealing.columns(CLAIM_SEAL, review.review_id, *times)
        names = ("new_claimed_since", "new_claimed_until", "new_claim_seal")
        return dict(zip(names, (*times, seal), strict=True))

    def _change(self, statement: Statement, review: StoredReview, draft: Draft) -> bool:
        """Change a review and append an entry; return False if the statement does not apply."""
        with self._database.write() as transaction:
            changed = transaction.run(statement, wanted_review=review.review_id).rowcount == 1
            if changed:
                self._log.append(transaction, draft)
        return changed

    def _append_once(self, draft: Draft) -> dict[str, Any] | None:
        """Append an entry, once per kind, review and account; return the body of the one that is recorded already."""
        with self._database.read() as transaction:
            recorded = self._recorded(transaction, draft)
        if recorded is None:
            with self._database.write(flush=draft.kind is EventKind.LABELED) as transaction:
                recorded = self._recorded(transaction, draft)
                if recorded is None:
                    self._log.append(transaction, draft)
        return recorded

    def _recorded(self, transaction: StoreTransaction, draft: Draft) -> dict[str, Any] | None:
        rows = transaction.run(ENTRIES_OF_CASE, wanted_case=draft.case_id)
        events = (self._log.event_in(EntryRow(**row)) for row in map(dict, rows))
        return next((event.body for event in events if builders.is_same_entry(event, draft)), None)


class _Part(NamedTuple):
    """A part of the queue: after one place, and up to another."""

    after: Place | None = None
    until: Place | None = None


def _page_without(
    transaction: StoreTransaction, wanted: Sequence[InboxFilter], limit: int, part: _Part, skip: Skip
) -> QueuePage:
    """Return a page without some reviews: the keys are read first, and then the rows of the others."""
    most = _KEYS_FOR_EACH * limit
    keys = _queued(transaction, open_review_keys, wanted, most, part)
    kept = list(islice((key for key in keys if not skip(key["review_id"])), limit))
    ids = [key["review_id"] for key in kept]
    rows = [row for some in batches(ids) for row in transaction.run(statements.SOME_REVIEWS, **some)]
    last = kept[-1] if len(kept) == limit else keys[-1] if len(keys) == most else None
    return QueuePage(list(readable(rows, review_of)), None if last is None else _place(last))


def _queued(
    transaction: StoreTransaction,
    statement: Callable[..., Statement],
    wanted: Sequence[InboxFilter],
    limit: int,
    part: _Part,
) -> list[Any]:
    """Return the first rows of a statement for any of these filters, in the order of the queue."""
    parts = [
        _queued_in_branches(transaction, statement, wanted[first : first + _BRANCHES], limit, part)
        for first in range(0, len(wanted), _BRANCHES)
    ]
    return list(islice(merge(*parts, key=_place), limit))


def _queued_in_branches(
    transaction: StoreTransaction,
    statement: Callable[..., Statement],
    wanted: Iterable[InboxFilter],
    limit: int,
    part: _Part,
) -> list[Any]:
    branches, values = _branches(wanted, part)
    return list(transaction.run(statement(*branches), most=limit, **values))


def _branches(wanted: Iterable[InboxFilter], part: _Part) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """Return the names of the filters of each branch of a statement, and the parameters."""
    branches, values = [], dict[str, Any]()
    places = {name: place for name, place in part._asdict().items() if place is not None}
    for number, each in enumerate(wanted):
        filters = {name: value for name, value in each._asdict().items() if value}
        values |= {f"{name}_{number}": value for name, value in filters.items()}
        branches.append((*sorted(filters), *places))
    for name, place in places.items():
        values |= dict(zip((f"{name}_due", f"{name}_place"), place, strict=True))
    return branches, values


def _place(row: Any) -> Place:
    return row["due_at"], row["place"]


def _row(transaction: StoreTransaction, review: StoredReview) -> StoredReview:
    return review_of(transaction.first(REVIEW, wanted_review=review.review_id))


def _check_limit(transaction: StoreTransaction, review: StoredReview, who: str, limit: Limit | None) -> None:
    """Raise if a reviewer holds as many reviews as permitted. Writers are serialized, so the count cannot change."""
    if limit is None or limit.most is None:
        return
    values = {"wanted_review": review.review_id}
    held = sum(int(transaction.first(statements.HELD, who=account, **values)["held"]) for account in limit.accounts)
    if held >= limit.most:
        raise builders.too_many_claims(who, held)
