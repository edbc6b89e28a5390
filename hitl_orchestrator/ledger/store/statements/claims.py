"""Statements on claims, reminders, inbox filters and decided reviews."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    column,
    func,
    literal_column,
    null,
    select,
    text,
    tuple_,
    union_all,
    update,
)

from hitl_orchestrator.domain.enums import APPROVING, ReviewStatus
from hitl_orchestrator.ledger.database.tables import cases, reviews
from hitl_orchestrator.ledger.events.chain import NEVER
from hitl_orchestrator.ledger.store.statements.clock import NOW
from hitl_orchestrator.ledger.store.statements.literals import any_of, literal_of, literals_of, mark
from hitl_orchestrator.ledger.store.statements.reviews import (
    IS_FREE,
    IS_HELD,
    IS_LAPSED,
    IS_OPEN,
    IS_UNCLAIMED_BY_OTHERS,
)

_IS_LIVE = reviews.c.replayed == literal_column("0")
_DECIDED = and_(reviews.c.status == literal_of(ReviewStatus.DECIDED), _IS_LIVE)
# A review in the queue. One that waits for a record of the past is not.
_IS_QUEUED = and_(IS_OPEN, _IS_LIVE)
_THIS = and_(reviews.c.review_id == bindparam("wanted_review"), IS_OPEN)
_BY_REVIEWER = reviews.c.claimed_by == bindparam("who")
_FREED = {"claimed_by": null(), "claimed_since": null(), "claimed_until": null(), "delegated_by": null()}
_FREED["claim_seal"] = null()

_TIMES = ("claimed_since", "claimed_until", "claim_seal")


def _claimed(change: Update, delegated_by: ColumnElement[Any]) -> Update:
    times: dict[str, ColumnElement[Any]] = {
        name: bindparam(f"new_{name}") for name in ("claimed_since", "claimed_until", "claim_seal")
    }
    return change.values(claimed_by=bindparam("to"), delegated_by=delegated_by, **times)


# Claim an open review that no other reviewer holds. Claiming again extends the claim; a delegated one stays delegated.
_DELEGATED_BY = case((_BY_REVIEWER, reviews.c.delegated_by), else_=null())
CLAIM = _claimed(update(reviews).where(_THIS, reviews.c.expires_at > NOW, IS_UNCLAIMED_BY_OTHERS), _DELEGATED_BY)

# Transfer a claim.
DELEGATE = _claimed(update(reviews).where(_THIS, reviews.c.expires_at > NOW, _BY_REVIEWER, IS_HELD), bindparam("who"))

# Release a claim. A delegated review returns to its owner until the claim lapses.
RETURN_TO_OWNER = (
    update(reviews)
    .where(_THIS, _BY_REVIEWER, reviews.c.delegated_by.is_not(None))
    .values(claimed_by=reviews.c.delegated_by, delegated_by=null())
)
RELEASE = update(reviews).where(_THIS, _BY_REVIEWER).values(**_FREED)
RETURN_LAPSED = update(reviews).where(_THIS, reviews.c.claimed_by.is_not(None), IS_LAPSED).values(**_FREED)

# Extend the claim of an active reviewer.
RENEW = (
    update(reviews)
    .where(
        _THIS,
        _BY_REVIEWER,
        IS_HELD,
        reviews.c.claimed_since == bindparam("new_claimed_since"),
        reviews.c.claimed_until < bindparam("new_claimed_until"),
    )
    .values(claimed_until=bindparam("new_claimed_until"), claim_seal=bindparam("new_claim_seal"))
)

# The number of other reviews that an account holds.
HELD = select(func.count().label("held")).where(
    _BY_REVIEWER, IS_OPEN, IS_HELD, reviews.c.review_id != bindparam("wanted_review")
)

# The reviewers who hold claims, with the roles and domains of their reviews. An answered review has no claim.
HOLDERS = (
    select(reviews.c.claimed_by, reviews.c.needed_role, reviews.c.domain)
    .where(reviews.c.claimed_by.is_not(None))
    .group_by(reviews.c.claimed_by, reviews.c.needed_role, reviews.c.domain)
)
LAPSED = (
    select(reviews)
    .where(reviews.c.claimed_by.is_not(None), IS_OPEN, IS_LAPSED)
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
    .where(IS_HELD, IS_OPEN)
    .group_by(reviews.c.claimed_by)
    .union_all(
        select(reviews.c.answered_by.label("who"), func.count().label("times"), literal_column("0").label("holds"))
        .where(reviews.c.answered_by.is_not(None), reviews.c.answered_at >= bindparam("since"), _IS_LIVE)
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
    .join(
        _newer,
        and_(
            _newer.c.task_id == cases.c.task_id,
            _newer.c.submitter == cases.c.submitter,
            _newer.c.attempt > cases.c.attempt,
        ),
    )
    .where(IS_OPEN)
    .limit(bindparam("most"))
)


def _values_of_open(column_name: str) -> Select[Any]:
    """Return the statement for the values of a column in open reviews, each found with one step in its index."""
    value = reviews.c[column_name]
    values = select(func.min(value).label("value")).where(IS_OPEN).cte(f"each_{column_name}", recursive=True)
    following = select(func.min(value)).where(IS_OPEN, value > values.c.value).correlate(values).scalar_subquery()
    values = values.union_all(select(following).where(values.c.value.is_not(None)))
    name: ColumnElement[str] = literal_column(f"'{column_name}'", String).label("name")
    return select(name, values.c.value).where(values.c.value.is_not(None))


# The roles and the states of open reviews, and their domains.
OPEN_ROLES_AND_STATES = union_all(_values_of_open("needed_role"), _values_of_open("needed_under"))
OPEN_DOMAINS = _values_of_open("domain")
SET_NEEDED = (
    update(reviews)
    .where(_THIS)
    .values(needed_role=bindparam("to_role"), needed_under=bindparam("to_state"), needed_seal=bindparam("new_seal"))
)

PLACE = select(reviews.c.due_at, reviews.c.place).where(reviews.c.review_id == bindparam("wanted_review"))

_ORDER = (reviews.c.due_at, reviews.c.place)
_EQUALS = {"role": "needed_role", "state": "needed_under"} | {
    name: name for name in ("domain", "task_type", "risk_level")
}

# A condition for each field of `InboxFilter`, and for places in the queue. `number` is that of a branch.
CONDITIONS: dict[str, ColumnElement[bool]] = {
    **{name: reviews.c[column] == bindparam(f"{name}_{{number}}") for name, column in _EQUALS.items()},
    "overdue": reviews.c.due_at <= NOW,
    "held_by": and_(reviews.c.claimed_by == bindparam("held_by_{number}"), IS_HELD),
    "unclaimed": IS_FREE,
    "open": reviews.c.expires_at > NOW,
    "after": tuple_(*_ORDER) > tuple_(bindparam("after_due"), bindparam("after_place")),
    "until": tuple_(*_ORDER) <= tuple_(bindparam("until_due"), bindparam("until_place")),
}
# The open reviews of one branch in the order of the queue: whole rows, only ids and places, and the number of them.
_OF_BRANCH = and_(_IS_QUEUED, mark("conditions"))
QUEUED = select(reviews).where(_OF_BRANCH).order_by(*_ORDER).limit(bindparam("most"))
QUEUED_KEYS = select(reviews.c.review_id, *_ORDER).where(_OF_BRANCH).order_by(*_ORDER).limit(bindparam("most"))
QUEUED_COUNT = select(func.count().label("number")).where(_OF_BRANCH)

# Several branches, which exclude each other: `branches` joins the keys of each by UNION ALL. Without a query around it,
# which would take SQLite a time that grows exponentially with the branches.
QUEUED_KEYS_OF_BRANCHES = text("{branches} ORDER BY due_at, place LIMIT :most")
_KEYS = QUEUED_KEYS_OF_BRANCHES.columns(column("review_id")).subquery("keys")
QUEUED_OF_BRANCHES = select(reviews).join(_KEYS, _KEYS.c.review_id == reviews.c.review_id).order_by(*_ORDER)

# The open ones of some reviews.
SOME_REVIEWS = select(reviews).where(_IS_QUEUED, any_of(reviews.c.review_id)).order_by(*_ORDER)
