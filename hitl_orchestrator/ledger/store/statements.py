"""The named statements of the SQL store, one text for every database. In a race the WHERE is the lock."""

from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from hitl_orchestrator.domain.enums import CaseStage, EventKind, ReviewStatus
from hitl_orchestrator.ledger.database.clock import NOW, from_now
from hitl_orchestrator.ledger.database.tables import cases, contents, events, payloads, policies, refusals, reviews


def word_of(word: StrEnum) -> ColumnElement[str]:
    """Write one of our own words into a statement: a partial index is used for a literal, not for a parameter."""
    return literal_column(f"'{word.value}'", String)


# Where the ledger ends.
HEAD = select(events.c.seq, events.c.digest).order_by(events.c.seq.desc()).limit(1)

# Entries behind the end. The primary key refuses a second entry with the same number.
APPEND = insert(events)

CLOCK = select(NOW.label("now"))

# A case as it came in, held by whoever drives it at once.
ADD_CASE = insert(cases).values(
    {**{column.name: bindparam(column.name) for column in cases.c}, "held_until": from_now("held_for")}
)

# What was said in a case, joined with the case.
_SAID = contents, contents.c.case_id == cases.c.case_id

# The latest attempt at a task, with what was said in it.
LATEST_ATTEMPT = (
    select(cases.c.case_id, cases.c.attempt, cases.c.content, contents.c.key, contents.c.body)
    .select_from(cases.outerjoin(*_SAID))
    .where(cases.c.task_id == bindparam("wanted_task"))
    .order_by(cases.c.attempt.desc())
    .limit(1)
)

# A case with the entry about what was submitted, and with what was said.
CASE = (
    select(cases.c.case_id, cases.c.stage, events.c.entry, contents.c.key, contents.c.body)
    .select_from(cases.join(events, events.c.seq == cases.c.submitted_seq).outerjoin(*_SAID))
    .where(cases.c.case_id == bindparam("wanted_case"))
)

_FREE = or_(cases.c.held_until.is_(None), cases.c.held_until <= NOW)

# Move a case on and let it go, if it still is where we think it is, and nobody has taken it meanwhile.
MOVE_CASE = (
    update(cases)
    .where(
        cases.c.case_id == bindparam("wanted_case"),
        cases.c.stage == bindparam("from_stage"),
        or_(cases.c.fence == bindparam("fence"), and_(bindparam("fence") == literal_column("-1"), _FREE)),
    )
    .values(stage=bindparam("to_stage"), holder=null(), held_until=null())
)

# A waiting case becomes work to do, held by whoever decided it.
_LEASE = {"fence": cases.c.fence + 1, "holder": bindparam("holder"), "held_until": from_now("held_for")}
DECIDE_CASE = (
    update(cases)
    .where(cases.c.case_id == bindparam("wanted_case"), cases.c.stage == word_of(CaseStage.WAITING))
    .values(stage=word_of(CaseStage.DECIDED), **_LEASE)
    .returning(cases.c.fence)
)

# Work to do, and whether somebody does it.
WORK = select(cases.c.stage, cases.c.holder, _FREE.label("free")).where(cases.c.case_id == bindparam("wanted_case"))

# Take work that nobody does, or whose holder is gone.
TAKE_CASE = (
    update(cases)
    .where(
        cases.c.case_id == bindparam("wanted_case"),
        cases.c.stage.in_([word_of(CaseStage.RECEIVED), word_of(CaseStage.DECIDED)]),
        or_(_FREE, cases.c.holder == bindparam("gone")),
    )
    .values(**_LEASE)
    .returning(cases.c.fence)
)
RELEASE_CASE = (
    update(cases)
    .where(cases.c.case_id == bindparam("wanted_case"), cases.c.fence == bindparam("fence"))
    .values(holder=null(), held_until=null())
)

# Write a case as it is, so that the commit takes what came before to the disk.
TOUCH_CASE = update(cases).where(cases.c.case_id == bindparam("wanted_case")).values(stage=cases.c.stage)

STAGE = select(cases.c.stage).where(cases.c.case_id == bindparam("wanted_case"))

# Cases at one stage, the longest waiting first. The first is answered from the index of unfinished cases alone.
_AT_STAGE = (
    select(cases.c.case_id, cases.c.submitted_seq)
    .where(cases.c.stage == bindparam("wanted_stage"))
    .order_by(cases.c.submitted_seq)
)
UNFINISHED_AT_STAGE = _AT_STAGE.where(cases.c.stage != word_of(CaseStage.FINISHED))
FINISHED_CASES = _AT_STAGE

ADD_REVIEW = insert(reviews)
REVIEW = select(reviews).where(reviews.c.review_id == bindparam("wanted_review"))
REVIEWS_OF_CASE = select(reviews).where(reviews.c.case_id == bindparam("wanted_case")).order_by(reviews.c.level)
LATEST_REVIEW = (
    select(reviews).where(reviews.c.case_id == bindparam("wanted_case")).order_by(reviews.c.level.desc()).limit(1)
)

# Some review of a case that is not finished.
UNFINISHED_REVIEW = (
    select(reviews.c.review_id)
    .join(cases, cases.c.case_id == reviews.c.case_id)
    .where(cases.c.stage != word_of(CaseStage.FINISHED))
    .limit(1)
)

# Whether a person's final decision is recorded for a case.
DECIDED_REVIEW = select(reviews.c.review_id).where(
    reviews.c.case_id == bindparam("wanted_case"),
    reviews.c.status.in_(
        [
            word_of(status)
            for status in (
                ReviewStatus.DECIDED,
                ReviewStatus.EXPIRED,
                ReviewStatus.CANCELED,
                ReviewStatus.SUPERSEDED,
            )
        ]
    ),
)

# Record the verdict of an open review. The WHERE is the lock: any number of answers, one winner. At the instant of its
# deadline a review stops taking answers and may expire: both ask the same clock.
_RECORD = (
    update(reviews)
    .where(
        reviews.c.review_id == bindparam("wanted_review"),
        reviews.c.status == word_of(ReviewStatus.OPEN),
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
        claimed_until=null(),
        delegated_by=null(),
        seal=bindparam("seal"),
    )
)
UNCLAIMED = or_(
    reviews.c.claimed_by.is_(None), reviews.c.claimed_by == bindparam("who"), reviews.c.claimed_until <= NOW
)
RECORD_VERDICT = _RECORD.where(reviews.c.expires_at > NOW, UNCLAIMED)
RECORD_EXPIRY = _RECORD.where(reviews.c.expires_at <= NOW)
# Whoever submitted the case may take it back from under somebody's hands.
RECORD_WITHDRAWAL = _RECORD.where(reviews.c.expires_at > NOW)

# Open reviews whose time is up, the longest first.
EXPIRED = (
    select(reviews)
    .where(reviews.c.status == word_of(ReviewStatus.OPEN), reviews.c.expires_at <= NOW)
    .order_by(reviews.c.expires_at)
    .limit(bindparam("most"))
)

# The review that was answered under a key.
ANSWERED_UNDER = select(reviews).where(reviews.c.answer_key == bindparam("wanted_key"))


EVENTS = select(events.c.seq, events.c.entry, events.c.digest).order_by(events.c.seq)
EVENTS_OF_CASE = EVENTS.where(events.c.case_id == bindparam("wanted_case"))
ALARMS_OF_CASE = EVENTS_OF_CASE.where(events.c.kind == word_of(EventKind.ALARM))

# The entry about the policy that was made the current one last.
CURRENT_POLICY = (
    select(events.c.entry)
    .where(events.c.kind == word_of(EventKind.POLICY_RECORDED))
    .order_by(events.c.seq.desc())
    .limit(1)
)
ADD_POLICY = insert(policies)

# A known policy is the current one again.
RECORD_AGAIN = (
    update(policies)
    .where(policies.c.policy_hash == bindparam("wanted_hash"))
    .values(recorded_seq=bindparam("latest_seq"))
)
POLICY = select(policies.c.body).where(policies.c.policy_hash == bindparam("wanted_hash"))

# What was refused. The primary key refuses to tell of the same attempt twice.
ADD_REFUSAL = insert(refusals)
REFUSAL = select(refusals.c.refused_seq).where(
    refusals.c.case_id == bindparam("wanted_case"), refusals.c.attempt == bindparam("wanted_attempt")
)

ADD_PAYLOAD = insert(payloads)
PAYLOAD = select(payloads.c.body).where(payloads.c.digest == bindparam("wanted_digest")).limit(1)
PAYLOAD_OF_CASE = PAYLOAD.where(payloads.c.case_id == bindparam("wanted_case"))
