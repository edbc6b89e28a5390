"""The named statements of the review desk: claims, reminders, filters of the inbox, and what was decided before."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from hitl_orchestrator.domain.enums import HumanDecision, ReviewStatus
from hitl_orchestrator.ledger.database.clock import NOW, from_now
from hitl_orchestrator.ledger.database.tables import cases, reviews
from hitl_orchestrator.ledger.events.chain import NEVER
from hitl_orchestrator.ledger.store.statements import UNCLAIMED, word_of

_OPEN = reviews.c.status == word_of(ReviewStatus.OPEN)
_DECIDED = reviews.c.status == word_of(ReviewStatus.DECIDED)
_THIS = reviews.c.review_id == bindparam("wanted_review")
_FREE = or_(reviews.c.claimed_by.is_(None), reviews.c.claimed_until <= NOW)
_HELD = and_(reviews.c.claimed_by.is_not(None), reviews.c.claimed_until > NOW)


def _claimed(change: Update, by: ColumnElement[Any]) -> Update:
    return change.values(claimed_by=bindparam("to"), claimed_until=from_now("held_for"), delegated_by=by)


# Claim an open review that nobody else has; again prolongs it, and it stays a delegated one.
_MINE_STILL = case((reviews.c.claimed_by == bindparam("who"), reviews.c.delegated_by), else_=null())
CLAIM = _claimed(update(reviews).where(_THIS, _OPEN, reviews.c.expires_at > NOW, UNCLAIMED), _MINE_STILL)

# Give a review on that one holds.
_HOLDS = and_(reviews.c.claimed_by == bindparam("who"), reviews.c.claimed_until > NOW)
DELEGATE = _claimed(update(reviews).where(_THIS, _OPEN, reviews.c.expires_at > NOW, _HOLDS), bindparam("who"))

# Let go of what one holds: a delegated review goes back for as long as it was held.
HAND_BACK = (
    update(reviews)
    .where(_THIS, _OPEN, reviews.c.claimed_by == bindparam("who"), reviews.c.delegated_by.is_not(None))
    .values(claimed_by=reviews.c.delegated_by, delegated_by=null())
)
LET_GO = (
    update(reviews)
    .where(_THIS, _OPEN, reviews.c.claimed_by == bindparam("who"))
    .values(claimed_by=null(), claimed_until=null(), delegated_by=null())
)
RETURN_LAPSED = (
    update(reviews)
    .where(_THIS, _OPEN, reviews.c.claimed_until <= NOW)
    .values(claimed_by=null(), claimed_until=null(), delegated_by=null())
)

# A claim lives on while somebody is at it.
RENEW = (
    update(reviews)
    .where(_THIS, _OPEN, _HOLDS, reviews.c.claimed_until < from_now("held_for"))
    .values(claimed_until=from_now("held_for"))
)

# How many other reviews an account holds.
HELD = select(func.count().label("held")).where(
    reviews.c.claimed_by == bindparam("who"),
    _OPEN,
    reviews.c.claimed_until > NOW,
    reviews.c.review_id != bindparam("wanted_review"),
)
LAPSED = (
    select(reviews)
    .where(reviews.c.claimed_by.is_not(None), _OPEN, reviews.c.claimed_until <= NOW)
    .order_by(reviews.c.claimed_until)
    .limit(bindparam("most"))
)

# Reviews that will be due soon, and nobody was told.
TO_REMIND = (
    select(reviews).where(_OPEN, reviews.c.remind_at <= NOW).order_by(reviews.c.remind_at).limit(bindparam("most"))
)
REMIND = update(reviews).where(_THIS, _OPEN, reviews.c.remind_at <= NOW).values(remind_at=NEVER)

# How many reviews each account holds now, and has answered since.
LOADS = (
    select(reviews.c.claimed_by.label("who"), func.count().label("times"), literal_column("1").label("holds"))
    .where(reviews.c.claimed_by.is_not(None), _OPEN, reviews.c.claimed_until > NOW)
    .group_by(reviews.c.claimed_by)
    .union_all(
        select(reviews.c.answered_by.label("who"), func.count().label("times"), literal_column("0").label("holds"))
        .where(reviews.c.answered_by.is_not(None), reviews.c.answered_at >= bindparam("since"))
        .group_by(reviews.c.answered_by)
    )
)

# How many outputs of a type, in this range of confidence, were decided by people, and how many were left as they were.
UPHELD = select(
    func.count().label("decided"),
    func.coalesce(func.sum(case((reviews.c.answer == word_of(HumanDecision.APPROVE), 1), else_=0)), 0).label("upheld"),
).where(
    reviews.c.task_type == bindparam("wanted_type"),
    reviews.c.confidence >= bindparam("lowest"),
    reviews.c.confidence < bindparam("highest"),
    _DECIDED,
)
SIMILAR = (
    select(reviews)
    .where(
        reviews.c.task_type == bindparam("wanted_type"),
        reviews.c.domain == bindparam("wanted_domain"),
        _DECIDED,
        reviews.c.case_id != bindparam("but"),
    )
    .order_by(reviews.c.answered_at.desc())
    .limit(bindparam("most"))
)

# Who decided last for a customer.
LAST_FOR = (
    select(reviews.c.answered_by)
    .where(reviews.c.affinity == bindparam("affinity"), reviews.c.affinity.is_not(None), _DECIDED)
    .order_by(reviews.c.answered_at.desc())
    .limit(1)
)

# Open reviews of cases that have a newer attempt.
_newer = cases.alias("newer")
OUTDATED = (
    select(reviews)
    .join(cases, cases.c.case_id == reviews.c.case_id)
    .join(_newer, and_(_newer.c.task_id == cases.c.task_id, _newer.c.attempt > cases.c.attempt))
    .where(_OPEN)
    .limit(bindparam("most"))
)

_BEST_FIRST = (reviews.c.due_at, reviews.c.opened_at)
_CONDITIONS = {
    "role": reviews.c.role == bindparam("role"),
    "domain": reviews.c.domain == bindparam("domain"),
    "task_type": reviews.c.task_type == bindparam("task_type"),
    "risk_level": reviews.c.risk_level == bindparam("risk_level"),
    "overdue": reviews.c.due_at <= NOW,
    "held_by": and_(reviews.c.claimed_by == bindparam("held_by"), reviews.c.claimed_until > NOW),
    "unclaimed": _FREE,
    "open": reviews.c.expires_at > NOW,
}


@cache
def open_reviews(*narrowed: str) -> Select[Any]:
    """Return the statement for open reviews, the soonest due first, then the longest waiting: all, or narrowed."""
    wanted = select(reviews).where(_OPEN, *(_CONDITIONS[name] for name in narrowed))
    return wanted.order_by(*_BEST_FIRST).limit(bindparam("most"))
