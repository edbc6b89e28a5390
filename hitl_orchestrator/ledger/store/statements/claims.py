"""Statements on claims, reminders, inbox filters and decided reviews."""

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

from hitl_orchestrator.domain.enums import APPROVING, ReviewStatus
from hitl_orchestrator.ledger.database.clock import NOW, from_now
from hitl_orchestrator.ledger.database.tables import cases, reviews
from hitl_orchestrator.ledger.events.chain import NEVER
from hitl_orchestrator.ledger.store.statements.literals import literal_of, literals_of
from hitl_orchestrator.ledger.store.statements.reviews import IS_OPEN, IS_UNCLAIMED_BY_OTHERS

_DECIDED = reviews.c.status == literal_of(ReviewStatus.DECIDED)
_THIS = and_(reviews.c.review_id == bindparam("wanted_review"), IS_OPEN)
_IS_FREE = or_(reviews.c.claimed_by.is_(None), reviews.c.claimed_until <= NOW)
_CLAIMED = and_(reviews.c.claimed_by.is_not(None), reviews.c.claimed_until > NOW)
_BY_REVIEWER = reviews.c.claimed_by == bindparam("who")
_FREED = {"claimed_by": null(), "claimed_until": null(), "delegated_by": null()}


def _claimed(change: Update, delegated_by: ColumnElement[Any]) -> Update:
    return change.values(claimed_by=bindparam("to"), claimed_until=from_now("held_for"), delegated_by=delegated_by)


# Claim an open review that no other reviewer holds. Claiming again extends the claim; a delegated one stays delegated.
_DELEGATED_BY = case((_BY_REVIEWER, reviews.c.delegated_by), else_=null())
CLAIM = _claimed(update(reviews).where(_THIS, reviews.c.expires_at > NOW, IS_UNCLAIMED_BY_OTHERS), _DELEGATED_BY)

# Transfer a claim.
DELEGATE = _claimed(
    update(reviews).where(_THIS, reviews.c.expires_at > NOW, _BY_REVIEWER, reviews.c.claimed_until > NOW),
    bindparam("who"),
)

# Release a claim. A delegated review returns to its owner until the claim lapses.
RETURN_TO_OWNER = (
    update(reviews)
    .where(_THIS, _BY_REVIEWER, reviews.c.delegated_by.is_not(None))
    .values(claimed_by=reviews.c.delegated_by, delegated_by=null())
)
RELEASE = update(reviews).where(_THIS, _BY_REVIEWER).values(**_FREED)
RETURN_LAPSED = update(reviews).where(_THIS, reviews.c.claimed_until <= NOW).values(**_FREED)

# Extend the claim of an active reviewer.
RENEW = (
    update(reviews)
    .where(_THIS, _BY_REVIEWER, reviews.c.claimed_until > NOW, reviews.c.claimed_until < from_now("held_for"))
    .values(claimed_until=from_now("held_for"))
)

# The number of other reviews that an account holds.
HELD = select(func.count().label("held")).where(
    _BY_REVIEWER, IS_OPEN, reviews.c.claimed_until > NOW, reviews.c.review_id != bindparam("wanted_review")
)
LAPSED = (
    select(reviews)
    .where(reviews.c.claimed_by.is_not(None), IS_OPEN, reviews.c.claimed_until <= NOW)
    .order_by(reviews.c.claimed_until)
    .limit(bindparam("most"))
)

TO_REMIND = (
    select(reviews).where(IS_OPEN, reviews.c.remind_at <= NOW).order_by(reviews.c.remind_at).limit(bindparam("most"))
)
REMIND = update(reviews).where(_THIS, reviews.c.remind_at <= NOW).values(remind_at=NEVER)

# The number of reviews that each account holds, and has answered since a time.
LOADS = (
    select(reviews.c.claimed_by.label("who"), func.count().label("times"), literal_column("1").label("holds"))
    .where(_CLAIMED, IS_OPEN)
    .group_by(reviews.c.claimed_by)
    .union_all(
        select(reviews.c.answered_by.label("who"), func.count().label("times"), literal_column("0").label("holds"))
        .where(reviews.c.answered_by.is_not(None), reviews.c.answered_at >= bindparam("since"))
        .group_by(reviews.c.answered_by)
    )
)

# The number of outputs of a type in a range of confidence that reviewers decided, and approved unchanged.
UPHELD = select(
    func.count().label("decided"),
    func.coalesce(func.sum(case((reviews.c.answer.in_(literals_of(APPROVING)), 1), else_=0)), 0).label("upheld"),
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
LAST_FOR_CUSTOMER = (
    select(reviews.c.answered_by)
    .where(reviews.c.affinity == bindparam("affinity"), reviews.c.affinity.is_not(None), _DECIDED)
    .order_by(reviews.c.answered_at.desc())
    .limit(1)
)

_newer = cases.alias("newer")
OUTDATED = (
    select(reviews)
    .join(cases, cases.c.case_id == reviews.c.case_id)
    .join(_newer, and_(_newer.c.task_id == cases.c.task_id, _newer.c.attempt > cases.c.attempt))
    .where(IS_OPEN)
    .limit(bindparam("most"))
)

# The index of open reviews by role answers this.
OPEN_ROLES = select(reviews.c.role).where(IS_OPEN).distinct()

_CONDITIONS = {
    "role": reviews.c.role == bindparam("role"),
    "domain": reviews.c.domain == bindparam("domain"),
    "task_type": reviews.c.task_type == bindparam("task_type"),
    "risk_level": reviews.c.risk_level == bindparam("risk_level"),
    "overdue": reviews.c.due_at <= NOW,
    "held_by": and_(reviews.c.claimed_by == bindparam("held_by"), reviews.c.claimed_until > NOW),
    "unclaimed": _IS_FREE,
    "open": reviews.c.expires_at > NOW,
}


@cache
def open_reviews(*filters: str) -> Select[Any]:
    """Return the statement for open reviews under these filters, by due time and then by opening time."""
    query = select(reviews).where(IS_OPEN, *(_CONDITIONS[name] for name in filters))
    return query.order_by(reviews.c.due_at, reviews.c.opened_at).limit(bindparam("most"))
