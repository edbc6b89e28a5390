"""Statements on reviews and their decisions."""

from sqlalchemy import and_, bindparam, insert, literal_column, null, or_, select, update

from hitl_orchestrator.domain.enums import HumanDecision, ReviewStatus
from hitl_orchestrator.ledger.database.tables import reviews
from hitl_orchestrator.ledger.events.chain import NEVER
from hitl_orchestrator.ledger.store.statements.clock import LATEST_START, NOW
from hitl_orchestrator.ledger.store.statements.literals import literal_of, literals_of

_OF_CASE = reviews.c.case_id == bindparam("wanted_case")
IS_OPEN = reviews.c.status == literal_of(ReviewStatus.OPEN)

# The place of a review is the number of the entry before its routing, or before the answer to the one before it.
ADD_REVIEW = insert(reviews)
REVIEW = select(reviews).where(reviews.c.review_id == bindparam("wanted_review"))
REVIEWS_OF_CASE = select(reviews).where(_OF_CASE).order_by(reviews.c.level)
LATEST_REVIEW = select(reviews).where(_OF_CASE).order_by(reviews.c.level.desc()).limit(1)

# A claim lasts until it lapses. One that begins in the future is of a clock that was wrong, and ended; so did one whose
# end is later than any time.
IS_HELD = and_(
    reviews.c.claimed_by.is_not(None),
    reviews.c.claimed_since <= LATEST_START,
    reviews.c.claimed_until > NOW,
    reviews.c.claimed_until <= NEVER,
)
IS_LAPSED = or_(
    reviews.c.claimed_since.is_(None),
    reviews.c.claimed_since > LATEST_START,
    reviews.c.claimed_until <= NOW,
    reviews.c.claimed_until > NEVER,
)
IS_FREE = or_(reviews.c.claimed_by.is_(None), IS_LAPSED)

# Record the decision of an open review. The WHERE clause is the lock: of any number of answers one wins. At its
# deadline a review stops accepting answers and may expire: both statements use the same clock.
_RECORD = (
    update(reviews)
    .where(
        reviews.c.review_id == bindparam("wanted_review"),
        IS_OPEN,
        reviews.c.version == bindparam("seen_version"),
        reviews.c.digest == bindparam("seen_digest"),
    )
    .values(
        status=bindparam("to_status"),
        version=reviews.c.version + 1,
        verdict=bindparam("verdict"),
        answer_key=bindparam("answer_key"),
        answer=bindparam("answer"),
        answered_by=bindparam("answered_by"),
        answered_at=bindparam("answered_at"),
        claimed_by=null(),
        claimed_since=null(),
        claimed_until=null(),
        delegated_by=null(),
        claim_seal=null(),
        seal=bindparam("seal"),
    )
    .returning(NOW.label("now"))
)
IS_UNCLAIMED_BY_OTHERS = or_(IS_FREE, reviews.c.claimed_by == bindparam("who"))
RECORD_DECISION = _RECORD.where(reviews.c.expires_at > NOW, IS_UNCLAIMED_BY_OTHERS)
RECORD_EXPIRY = _RECORD.where(reviews.c.expires_at <= NOW)
# The submitter may withdraw a case while a reviewer holds it.
RECORD_WITHDRAWAL = _RECORD.where(reviews.c.expires_at > NOW)

EXPIRED = (
    select(reviews).where(IS_OPEN, reviews.c.expires_at <= NOW).order_by(reviews.c.expires_at).limit(bindparam("most"))
)

_UPHELD = (HumanDecision.APPROVE, HumanDecision.MODIFY, HumanDecision.OVERRIDE)
LATEST_UPHELD = (
    select(reviews)
    .where(
        reviews.c.status == literal_of(ReviewStatus.DECIDED),
        reviews.c.replayed == literal_column("0"),
        reviews.c.answer.in_(literals_of(_UPHELD)),
    )
    .order_by(reviews.c.answered_at.desc(), reviews.c.review_id.desc())
    .limit(bindparam("most"))
)

ANSWERED_UNDER = select(reviews).where(reviews.c.answer_key == bindparam("wanted_key"))

ERASE_REVIEW = (
    update(reviews)
    .where(reviews.c.review_id == bindparam("wanted_review"))
    .values(shown=bindparam("shown"), verdict=bindparam("verdict"), affinity=null(), answer_key=null())
)
