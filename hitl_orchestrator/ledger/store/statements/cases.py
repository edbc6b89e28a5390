"""Statements on cases, their leases, rejected attempts, outcomes and spot checks."""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)

from hitl_orchestrator.domain.counting.counters import HALF, CountedCases
from hitl_orchestrator.domain.enums import CaseStage, EventKind, FinalDecision
from hitl_orchestrator.domain.lifecycle import RUNNABLE, SETTLED, STAGE_MOVES
from hitl_orchestrator.ledger.database.tables import (
    cases,
    contents,
    events,
    measures,
    outcomes,
    refusals,
    reviews,
    scrubs,
    spot_checks,
    tallies,
)
from hitl_orchestrator.ledger.events.chain import NEVER
from hitl_orchestrator.ledger.events.outcomes import ERASED_COLUMNS
from hitl_orchestrator.ledger.store.statements.clock import LATEST_START, NOW
from hitl_orchestrator.ledger.store.statements.events import END, END_AND_CONTENTS, SEALED
from hitl_orchestrator.ledger.store.statements.literals import any_of, literal_of, literals_of, mark
from hitl_orchestrator.ledger.store.statements.reviews import IS_OPEN

_THIS = cases.c.case_id == bindparam("wanted_case")

CLOCK = select(NOW.label("now"))

# A new case, with the lease of the caller that runs it.
ADD_CASE = insert(cases)

_OF_OTHERS = (
    select(cases.c.submitter)
    .where(cases.c.task_id == bindparam("wanted_task"), cases.c.submitter != bindparam("wanted_submitter"))
    .order_by(cases.c.submitter.desc())
)

# The end of the ledger, whether a task id is the id of a case, and whether another submitter uses it.
INTAKE = select(
    *END,
    select(cases.c.case_id).where(cases.c.case_id == bindparam("wanted_task")).scalar_subquery().label("named_case"),
    _OF_OTHERS.limit(1).scalar_subquery().label("other"),
    NOW.label("now"),
)
# Which of some names are task ids, with all attempts at each, or case ids, that are in use.
TASKS_IN_USE = (
    select(cases.c.task_id, cases.c.submitter, cases.c.case_id).where(any_of(cases.c.task_id)).order_by(cases.c.attempt)
)
CASES_IN_USE = select(cases.c.case_id).where(any_of(cases.c.case_id))
# The other submitters of a task id.
OTHER_SUBMITTERS = _OF_OTHERS.distinct().limit(bindparam("most"))

_WITH_CONTENTS = contents, contents.c.case_id == cases.c.case_id

# The latest attempt of a submitter at a task, with its contents.
LATEST_ATTEMPT = (
    select(cases.c.case_id, cases.c.attempt, cases.c.content, contents.c.key, contents.c.body)
    .select_from(cases.outerjoin(*_WITH_CONTENTS))
    .where(cases.c.task_id == bindparam("wanted_task"), cases.c.submitter == bindparam("wanted_submitter"))
    .order_by(cases.c.attempt.desc())
    .limit(1)
)
# The latest attempts of all submitters at a task.
_LATER = cases.alias("later")
# A prefix of a case id has digits, letters up to f and hyphens, none of which LIKE reads as a pattern.
CASES_NAMED = (
    select(cases.c.case_id)
    .where(cases.c.case_id.like(bindparam("wanted_prefix")))
    .order_by(cases.c.case_id)
    .limit(bindparam("most"))
)
LATEST_ATTEMPTS = (
    select(cases.c.case_id, cases.c.submitter)
    .where(
        cases.c.task_id == bindparam("wanted_task"),
        ~select(_LATER.c.case_id)
        .where(
            _LATER.c.task_id == cases.c.task_id,
            _LATER.c.submitter == cases.c.submitter,
            _LATER.c.attempt > cases.c.attempt,
        )
        .exists(),
    )
    .order_by(cases.c.submitted_seq)
    .limit(bindparam("most"))
)

# Cases with their first entries and their contents.
_CASES = select(cases.c.case_id, cases.c.stage, *SEALED, contents.c.key, contents.c.body).select_from(
    cases.join(events, events.c.seq == cases.c.submitted_seq).outerjoin(*_WITH_CONTENTS)
)
CASE, SOME_CASES = _CASES.where(_THIS), _CASES.where(any_of(cases.c.case_id))
STAGE = select(cases.c.stage).where(_THIS)

# Write a case unchanged, so that the commit flushes earlier commits.
TOUCH_CASE = update(cases).where(_THIS).values(stage=cases.c.stage)

# A lease that begins in the future is of a clock that was wrong, and ended; so did one that ends later than any time.
_IS_FREE = or_(
    cases.c.held_until.is_(None),
    cases.c.held_until <= NOW,
    cases.c.held_until > NEVER,
    cases.c.held_since > LATEST_START,
)
_LEASE = ("fence", "holder", "held_since", "held_until", "lease_seal")
_RELEASED = {name: null() for name in _LEASE}
_LEASED: dict[str, ColumnElement[Any]] = {name: bindparam(f"new_{name}") for name in _LEASE}

# The latest of the newer attempts of the same submitter at the task of a case. Without a join, since RETURNING must not
# qualify columns.
_OTHER, _SAME = cases.alias("other"), cases.alias("same")
_OF_SAME = select(_SAME.c.task_id).where(_SAME.c.case_id == bindparam("wanted_case"))
NEWER_ATTEMPT = (
    select(_OTHER.c.case_id)
    .where(
        _OTHER.c.task_id == _OF_SAME.scalar_subquery(),
        _OTHER.c.submitter == _OF_SAME.with_only_columns(_SAME.c.submitter).scalar_subquery(),
        _OTHER.c.attempt > _OF_SAME.with_only_columns(_SAME.c.attempt).scalar_subquery(),
    )
    .order_by(_OTHER.c.attempt.desc())
    .limit(1)
)

# The first entry of the case that a statement updates.
_INTAKE = (
    select(events.c.entry)
    .where(events.c.seq == cases.c.submitted_seq)
    .correlate(cases)
    .scalar_subquery()
    .label("intake")
)

# Move a case to its next stage and release it, if it is at the expected stage and no other worker has taken it. Returns
# its first entry, the review whose decision settled it, the latest newer attempt at its task, and the end of the ledger
# with the contents of the case, so that its entries can be appended at once. SQLite does not qualify columns in
# RETURNING, so the case is named by the parameter and not by a correlation.
MOVE_CASE = (
    update(cases)
    .where(
        _THIS,
        cases.c.stage == bindparam("from_stage"),
        or_(cases.c.fence == bindparam("fence"), and_(bindparam("fence") == literal_column("-1"), _IS_FREE)),
    )
    .values(stage=bindparam("to_stage"), **_RELEASED)
    .returning(
        _INTAKE,
        select(reviews.c.review_id)
        .where(reviews.c.case_id == bindparam("wanted_case"), reviews.c.status.in_(literals_of(SETTLED)))
        .limit(1)
        .scalar_subquery()
        .label("settled_by"),
        NEWER_ATTEMPT.scalar_subquery().label("newer"),
        NOW.label("now"),
        *END_AND_CONTENTS,
    )
)

# Move a waiting case to `decided`, leased by the worker that recorded the decision.
DECIDE_CASE = (
    update(cases)
    .where(_THIS, cases.c.stage.in_(literals_of(filter(None, STAGE_MOVES[EventKind.DECIDED].before))))
    .values(stage=literal_of(STAGE_MOVES[EventKind.DECIDED].after), **_LEASED)
    .returning(*END_AND_CONTENTS)
)

# Move a waiting case to `finished` at once, by the decision that settles it.
SETTLE_CASE = (
    update(cases)
    .where(_THIS, cases.c.stage.in_(literals_of(filter(None, STAGE_MOVES[EventKind.DECIDED].before))))
    .values(stage=literal_of(STAGE_MOVES[EventKind.FINISHED].after), **_RELEASED)
    .returning(_INTAKE, *END_AND_CONTENTS)
)

LEASE = select(cases.c.holder, cases.c.held_since, cases.c.held_until, _IS_FREE.label("free"), NOW.label("now")).where(
    _THIS
)

# Take a runnable case that is free, or whose holder no longer exists.
TAKE_CASE = (
    update(cases)
    .where(_THIS, cases.c.stage.in_(literals_of(RUNNABLE)), or_(_IS_FREE, cases.c.holder == bindparam("gone")))
    .values(**_LEASED)
)
RELEASE_CASE = update(cases).where(_THIS, cases.c.fence == bindparam("fence")).values(**_RELEASED)

# Cases at one stage in the order of submission. The index of unfinished cases answers the first statement.
FINISHED_CASES = (
    select(cases.c.case_id, cases.c.submitted_seq)
    .where(cases.c.stage == bindparam("wanted_stage"))
    .order_by(cases.c.submitted_seq)
)
UNFINISHED_CASES = FINISHED_CASES.where(cases.c.stage != literal_of(CaseStage.FINISHED))

# Unfinished cases that neither run nor wait: an altered row keeps them out of every list.
_HAS_OPEN_REVIEW = select(reviews.c.review_id).where(reviews.c.case_id == cases.c.case_id, IS_OPEN).exists()
STRANDED = (
    select(cases.c.case_id, cases.c.stage)
    .where(
        cases.c.stage != literal_of(CaseStage.FINISHED),
        or_(
            cases.c.stage.not_in(literals_of(CaseStage)),
            and_(cases.c.stage == literal_of(CaseStage.WAITING), ~_HAS_OPEN_REVIEW),
        ),
    )
    .order_by(cases.c.submitted_seq)
)


# Times that are none, so that what waits for them would never end: leases of cases that are work, and open reviews.
# Each comparison reads one index.
def _mistimed(column: Column[str], *conditions: ColumnElement[bool]) -> list[Select[Any]]:
    table = column.table
    row = [table.c.case_id, table.primary_key.columns[0].label("row"), literal_column(f"'{table.name}'").label("table")]
    query = select(*row, literal_column(f"'{column.name}'").label("name"), column.label("text")).where(*conditions)
    return [query.where(column > NEVER), query.where(column < literal_column("'0'"))]


_IS_WORK = cases.c.stage.in_(literals_of(RUNNABLE))
MISTIMED = union_all(
    *[each for name in ("held_since", "held_until") for each in _mistimed(cases.c[name], _IS_WORK)],
    *[each for name in ("due_at", "expires_at", "remind_at") for each in _mistimed(reviews.c[name], IS_OPEN)],
    *[
        each
        for name in ("claimed_since", "claimed_until")
        for each in _mistimed(reviews.c[name], IS_OPEN, reviews.c.claimed_by.is_not(None))
    ],
)

# Cases that are work, with their leases, in the order of submission.
WORK = (
    select(cases.c.case_id, cases.c.task_id, cases.c.stage, cases.c.holder, _IS_FREE.label("free"))
    .where(cases.c.stage.in_(literals_of(RUNNABLE)))
    .order_by(cases.c.submitted_seq)
)

# Rejected attempts. The primary key rejects a second row of the same attempt.
ADD_REFUSAL = insert(refusals)
REFUSAL = select(refusals.c.refused_seq).where(
    refusals.c.case_id == bindparam("wanted_case"), refusals.c.attempt == bindparam("wanted_attempt")
)

ADD_OUTCOME = insert(outcomes)
ERASE_OUTCOME = (
    update(outcomes)
    .where(outcomes.c.case_id == bindparam("wanted_case"))
    .values({outcomes.c.redacted: literal_column("1"), **{outcomes.c[name]: null() for name in ERASED_COLUMNS}})
)

# The cases that repeat the texts of a case, for quality checks: finished ones, and the first entries of the others.
_FINISHED = literal_of(CaseStage.FINISHED)
COPIES = union_all(
    select(outcomes.c.case_id, _FINISHED.label("stage")).where(outcomes.c.quality_check_of == bindparam("wanted_case")),
    select(cases.c.case_id, cases.c.stage)
    .join(events, events.c.seq == cases.c.submitted_seq)
    .where(cases.c.stage != _FINISHED, events.c.entry.like(bindparam("wanted_text"))),
)

# Redacted cases of which copies may remain in pages that the database no longer uses.
ADD_SCRUB = insert(scrubs)
SCRUBS_DUE = select(scrubs.c.case_id).where(scrubs.c.due != literal_column("0")).order_by(scrubs.c.case_id)
SCRUBBED = (
    update(scrubs)
    .where(scrubs.c.case_id == bindparam("wanted_case"))
    .values(due=literal_column("0"), seal=bindparam("new_seal"))
)


# Some columns of all outcomes in the order of finishing; then the digest of the metadata and the contents with it.
OUTCOMES = select(mark("columns")).select_from(outcomes).order_by(outcomes.c.finished_seq)
OUTCOMES_WITH_CONTENTS = OUTCOMES.add_columns(outcomes.c.metadata_digest, contents.c.body).join(
    contents, contents.c.case_id == outcomes.c.case_id, isouter=True
)
# The same with the entry of the routing, of which a case has one.
_ROUTED = events.alias("routed")
OUTCOMES_WITH_ROUTING = OUTCOMES_WITH_CONTENTS.add_columns(_ROUTED.c.entry).join(
    _ROUTED,
    (_ROUTED.c.case_id == outcomes.c.case_id) & (_ROUTED.c.kind == literal_of(EventKind.ROUTED)),
    isouter=True,
)


ADD_SPOT_CHECK = insert(spot_checks)
SPOT_CHECKS = select(spot_checks.c.case_id).order_by(spot_checks.c.finished_seq).limit(bindparam("most"))
DELETE_SPOT_CHECK = delete(spot_checks).where(spot_checks.c.case_id == bindparam("wanted_case"))


# What counters have counted. Sums of large amounts would overflow, so that their halves are added.
ADD_TALLY = insert(tallies)
DELETE_TALLIES = delete(tallies).where(tallies.c.case_id == bindparam("wanted_case"))
_ENDED = outcomes.c.final_decision
_APPROVALS = [each for each in FinalDecision if each.value.endswith("approved")]
_WANTED: ColumnElement[str] = bindparam("of_{place}")
_APPROVED = and_(
    literal_of(CountedCases.APPROVED) == _WANTED, or_(_ENDED.is_(None), _ENDED.in_(literals_of(_APPROVALS)))
)

# Counts under one name; `of` is empty, an action, or that of the approved cases.
COUNT = (
    select(
        mark("place").label("place"),
        func.count().label("cases"),
        func.count(tallies.c.amount).label("readable"),
        func.sum(tallies.c.amount.bitwise_rshift(literal_column(str(HALF)))).label("high"),
        func.sum(tallies.c.amount.bitwise_and(literal_column(str(2**HALF - 1)))).label("low"),
    )
    .select_from(tallies.outerjoin(outcomes, outcomes.c.case_id == tallies.c.case_id))
    .where(
        tallies.c.name == bindparam("name_{place}"),
        tallies.c.at > bindparam("since_{place}"),
        or_(_ENDED.is_(None), literal_of(FinalDecision.SUPERSEDED) != _ENDED),
        or_(literal_column("''") == _WANTED, tallies.c.action == _WANTED, _APPROVED),
    )
)

# The measures under which earlier cases were counted, and the cases to be counted under one, in order.
MEASURES = select(measures.c.measure, measures.c.covered_seq, measures.c.seal)
ADD_MEASURE = insert(measures)
COVER_MEASURE = (
    update(measures)
    .where(measures.c.measure == bindparam("measure"))
    .values(covered_seq=bindparam("covered_seq"), seal=bindparam("seal"))
)
TALLIES_OF_CASES = select(tallies.c.case_id, tallies.c.name).where(any_of(tallies.c.case_id))
_FIRST = events.alias("intake")
_SEALED_FIRST = [_FIRST.c[column.name] for column in SEALED]
ROUTED_CASES = (
    select(
        *SEALED, *[column.label(f"intake_{column.name}") for column in _SEALED_FIRST], contents.c.key, contents.c.body
    )
    .select_from(
        events.join(cases, cases.c.case_id == events.c.case_id)
        .join(_FIRST, _FIRST.c.seq == cases.c.submitted_seq)
        .join(contents, contents.c.case_id == events.c.case_id)
    )
    .where(
        events.c.kind == literal_of(EventKind.ROUTED),
        events.c.seq > bindparam("after"),
        events.c.seq <= bindparam("up_to"),
    )
    .order_by(events.c.seq)
)
