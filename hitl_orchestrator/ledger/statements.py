"""The named statements of the SQL store, one text for every database. In a race the WHERE is the lock."""

from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, insert, literal_column, select, update

from hitl_orchestrator.domain.words import CaseStage, EventKind, ReviewStatus
from hitl_orchestrator.ledger.tables import cases, contents, events, payloads, policies, refusals, reviews


def _word(word: StrEnum) -> ColumnElement[str]:
    """Write one of our own words into a statement: a partial index is used for a literal, not for a parameter."""
    return literal_column(f"'{word.value}'", String)


# Where the ledger ends.
HEAD = select(events.c.seq, events.c.digest).order_by(events.c.seq.desc()).limit(1)

# Entries behind the end. The primary key refuses a second entry with the same number.
APPEND = insert(events)

# A case as it came in.
ADD_CASE = insert(cases)

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

# Move a case on, if it still is where we think it is.
MOVE_CASE = (
    update(cases)
    .where(cases.c.case_id == bindparam("wanted_case"), cases.c.stage == bindparam("from_stage"))
    .values(stage=bindparam("to_stage"))
)

STAGE = select(cases.c.stage).where(cases.c.case_id == bindparam("wanted_case"))

# Cases at one stage, the longest waiting first. The first is answered from the index of unfinished cases alone.
_AT_STAGE = (
    select(cases.c.case_id, cases.c.submitted_seq)
    .where(cases.c.stage == bindparam("wanted_stage"))
    .order_by(cases.c.submitted_seq)
)
UNFINISHED_AT_STAGE = _AT_STAGE.where(cases.c.stage != _word(CaseStage.FINISHED))
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
    .where(cases.c.stage != _word(CaseStage.FINISHED))
    .limit(1)
)

# Whether a person's final decision is recorded for a case.
DECIDED_REVIEW = select(reviews.c.review_id).where(
    reviews.c.case_id == bindparam("wanted_case"), reviews.c.status == _word(ReviewStatus.DECIDED)
)

# Record the verdict of an open review. The WHERE is the lock: any number of answers, one winner.
RECORD_VERDICT = (
    update(reviews)
    .where(
        reviews.c.review_id == bindparam("wanted_review"),
        reviews.c.status == _word(ReviewStatus.OPEN),
        reviews.c.version == bindparam("seen_version"),
        reviews.c.digest == bindparam("seen_digest"),
    )
    .values(
        status=bindparam("to_status"),
        version=reviews.c.version + 1,
        verdict=bindparam("verdict"),
        seal=bindparam("seal"),
    )
)


@cache
def open_reviews(*, by_role: bool, by_domain: bool) -> Select[Any]:
    """Return the statement for open reviews, the longest waiting first: all, or of one role or one domain."""
    wanted = select(reviews).where(reviews.c.status == _word(ReviewStatus.OPEN))
    if by_role:
        wanted = wanted.where(reviews.c.role == bindparam("wanted_role"))
    if by_domain:
        wanted = wanted.where(reviews.c.domain == bindparam("wanted_domain"))
    return wanted.order_by(reviews.c.opened_at).limit(bindparam("most"))


EVENTS = select(events.c.seq, events.c.entry, events.c.digest).order_by(events.c.seq)
EVENTS_OF_CASE = EVENTS.where(events.c.case_id == bindparam("wanted_case"))
ALARMS_OF_CASE = EVENTS_OF_CASE.where(events.c.kind == _word(EventKind.ALARM))

# The entry about the policy that was made the current one last.
CURRENT_POLICY = (
    select(events.c.entry)
    .where(events.c.kind == _word(EventKind.POLICY_RECORDED))
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
