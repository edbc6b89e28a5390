"""Statements on finished cases and the callers to resume with their decisions."""

from sqlalchemy import ColumnElement, String, bindparam, insert, literal_column, null, or_, select, update

from hitl_orchestrator.domain.enums import BY_SYSTEM, CaseStage
from hitl_orchestrator.ledger.database.tables import cases, outcomes, wakeups
from hitl_orchestrator.ledger.store.statements.clock import NOW
from hitl_orchestrator.ledger.store.statements.literals import any_of, literal_of


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'", String)


_THIS = wakeups.c.case_id == bindparam("wanted_case")
_IS_PENDING = wakeups.c.state == literal_column("'pending'")

# The stage of a case with its wake-up, if it has one.
CASE_AND_WAKEUP = (
    select(cases.c.stage, NOW.label("now"), *wakeups.c)
    .select_from(cases.outerjoin(wakeups, wakeups.c.case_id == cases.c.case_id))
    .where(cases.c.case_id == bindparam("wanted_case"))
)

ADD_WAKEUP = insert(wakeups)
CHANGE_WAKEUP = (
    update(wakeups)
    .where(_THIS)
    .values({each.name: bindparam(f"new_{each.name}") for each in wakeups.c if each.name != "case_id"})
)

# Only of finished cases: a caller of another one is resumed once it is decided.
WAKEUP = select(*wakeups.c).where(_THIS)
PENDING_WAKEUPS = (
    select(*wakeups.c)
    .join(outcomes, outcomes.c.case_id == wakeups.c.case_id)
    .where(_IS_PENDING)
    .order_by(wakeups.c.next_at, wakeups.c.case_id)
)
ERASE_WAKEUP = update(wakeups).where(_THIS).values(error=null(), seal=bindparam("new_seal"))

FINISHED_AMONG = select(cases.c.case_id).where(any_of(cases.c.case_id), cases.c.stage == literal_of(CaseStage.FINISHED))
# Without cases that the system made itself: those that measure reviewers, and changes of the policy and the people.
FINISHED_SINCE = (
    select(outcomes.c.finished_seq, outcomes.c.case_id, outcomes.c.domain, cases.c.submitter)
    .join(cases, cases.c.case_id == outcomes.c.case_id)
    .where(
        outcomes.c.finished_seq > bindparam("after"),
        outcomes.c.quality_check.is_(None),
        or_(outcomes.c.task_type.is_(None), outcomes.c.task_type.not_in([*map(_text, BY_SYSTEM)])),
    )
    .order_by(outcomes.c.finished_seq)
    .limit(bindparam("most"))
)
