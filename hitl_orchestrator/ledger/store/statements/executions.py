"""Statements on executions."""

from sqlalchemy import bindparam, insert, select, update

from hitl_orchestrator.domain.execution import ExecutionStatus
from hitl_orchestrator.ledger.database.tables import cases, events, executions
from hitl_orchestrator.ledger.events.execution_builders import KINDS, OPEN
from hitl_orchestrator.ledger.store.statements.cases import NEWER_ATTEMPT
from hitl_orchestrator.ledger.store.statements.clock import NOW
from hitl_orchestrator.ledger.store.statements.events import END_AND_CONTENTS, ENTRIES
from hitl_orchestrator.ledger.store.statements.literals import any_of, literal_of, literals_of

_THIS = executions.c.case_id == bindparam("wanted_case")
_OWNED = _THIS, executions.c.fence == bindparam("wanted_fence")

# What the claim of an execution needs: the end of the ledger, the contents and the stage of the case, a newer attempt.
BEFORE_START = select(
    *END_AND_CONTENTS,
    select(cases.c.stage).where(cases.c.case_id == bindparam("wanted_case")).scalar_subquery().label("stage"),
    NEWER_ATTEMPT.scalar_subquery().label("newer"),
    NOW.label("now"),
)
# The primary key rejects a second execution of a case.
ADD_EXECUTION = insert(executions)

_ROWS = select(executions, cases.c.task_id, NOW.label("now")).join(cases, cases.c.case_id == executions.c.case_id)
EXECUTION = _ROWS.where(_THIS)
_IN_ORDER = _ROWS.order_by(executions.c.started_seq).limit(bindparam("most"))
EXECUTIONS = _IN_ORDER.where(executions.c.started_seq > bindparam("after"))
EXECUTIONS_WITH = EXECUTIONS.where(executions.c.status == bindparam("wanted_status"))
STARTED_SEQ = select(executions.c.started_seq).where(_THIS)
ENTRIES_OF_EXECUTIONS = ENTRIES.where(any_of(events.c.case_id), events.c.kind.in_(literals_of(KINDS)))

EXTEND = (
    update(executions)
    .where(*_OWNED, executions.c.status == literal_of(ExecutionStatus.STARTED))
    .values(held_until=bindparam("new_held_until"), seal=bindparam("new_seal"))
)
_MOVED = ("status", "ended_seq", "check_id", "seal")
MOVE = update(executions).where(*_OWNED).values({executions.c[name]: bindparam(f"new_{name}") for name in _MOVED})
OPEN_EXECUTIONS = (
    select(executions.c.case_id).where(executions.c.status.in_(literals_of(OPEN))).order_by(executions.c.started_seq)
)
