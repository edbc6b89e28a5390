"""Statements on the rows of a store as they are stored, in the order that a verification needs."""

from typing import Any, NamedTuple

from sqlalchemy import Select, Table, bindparam, func, literal_column, select

from hitl_orchestrator.ledger.database.tables import (
    cases,
    contents,
    events,
    executions,
    ledger_head,
    measures,
    outcomes,
    payloads,
    policies,
    refusals,
    reviews,
    scrubs,
    spot_checks,
    tallies,
    wakeups,
)
from hitl_orchestrator.ledger.events.chain import GOVERNING, Entry, HeadRow
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.ledger.ports.snapshot import (
    CaseEntry,
    CaseRow,
    ExecutionRow,
    ReviewTableRow,
    StoredMeasure,
    StoredPayload,
    StoredPolicy,
    StoredScrub,
    StoredWakeup,
    TallyRow,
)
from hitl_orchestrator.ledger.store.statements.literals import literals_of


def _columns(table: Table, row: type[NamedTuple]) -> list[Any]:
    return [table.c[name] for name in row._fields]


ENTRIES = (
    select(*_columns(events, Entry))
    .where(events.c.seq > bindparam("after"), events.c.seq <= bindparam("up_to"))
    .order_by(events.c.seq)
)
GOVERNING_ENTRIES = (
    select(*_columns(events, Entry)).where(events.c.kind.in_(literals_of(GOVERNING))).order_by(events.c.seq)
)
_IS_HEAD = ledger_head.c.row_id == literal_column("1")
HEAD_ROWS = select(*_columns(ledger_head, HeadRow)).where(_IS_HEAD)
STRAY_HEAD_ROWS = select(func.count()).select_from(ledger_head).where(~_IS_HEAD)
DIGESTS = select(events.c.digest).where(events.c.seq <= bindparam("up_to")).order_by(events.c.seq)
OF_CASE = select(*_columns(events, Entry)).where(events.c.case_id == bindparam("wanted_case")).order_by(events.c.seq)
POLICIES = select(*_columns(policies, StoredPolicy))
SPOT_CHECKS = select(spot_checks.c.case_id, spot_checks.c.finished_seq)
SCRUBS = select(*_columns(scrubs, StoredScrub)).order_by(scrubs.c.case_id)
MEASURES = select(*_columns(measures, StoredMeasure)).order_by(measures.c.measure)
WAKEUPS = select(*_columns(wakeups, StoredWakeup)).order_by(wakeups.c.case_id)
CONTENTS_OF_CASE = select(contents.c.key, contents.c.body).where(contents.c.case_id == bindparam("wanted_case"))

COUNT_ENTRIES, COUNT_CASES = (select(func.count()).select_from(table) for table in (events, cases))
_FROM_CASE = cases.c.case_id >= bindparam("first_case")
NEXT_CASE = select(cases.c.case_id).where(_FROM_CASE).order_by(cases.c.case_id).limit(1).offset(bindparam("skipped"))
CASES = (
    select(*_columns(cases, CaseRow), *_columns(events, CaseEntry))
    .join(events, events.c.case_id == cases.c.case_id, isouter=True)
    .where(_FROM_CASE)
    .order_by(cases.c.case_id, events.c.seq)
)


def _by_case(table: Table, columns: list[Any], *then: Any) -> Select[Any]:
    """Return the statement for the rows of cases, sorted by the same column as `CASES`, in any collation."""
    query = select(cases.c.case_id, *columns).join(table, table.c.case_id == cases.c.case_id).where(_FROM_CASE)
    return query.order_by(cases.c.case_id, *then)


REVIEWS = _by_case(reviews, _columns(reviews, ReviewTableRow), reviews.c.level)
REFUSALS = _by_case(refusals, [refusals.c.attempt, refusals.c.refused_seq])
CONTENTS = _by_case(contents, [contents.c.key, contents.c.body])
OUTCOMES = _by_case(outcomes, _columns(outcomes, Outcome), outcomes.c.finished_seq)
TALLIES = _by_case(tallies, _columns(tallies, TallyRow), tallies.c.name)
EXECUTIONS = _by_case(executions, _columns(executions, ExecutionRow))
ORPHANS = {
    table.name: select(table.c.case_id)
    .join(cases, cases.c.case_id == table.c.case_id, isouter=True)
    .where(table.c.case_id.is_not(None), cases.c.case_id.is_(None))
    for table in (
        events,
        reviews,
        refusals,
        contents,
        outcomes,
        executions,
        spot_checks,
        scrubs,
        wakeups,
        payloads,
        tallies,
    )
}
PAYLOADS = select(*_columns(payloads, StoredPayload)).order_by(payloads.c.case_id)
