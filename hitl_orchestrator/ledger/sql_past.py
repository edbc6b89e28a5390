"""Finished cases in a SQL store as short texts, from an index that holds no more than these where there is one."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, String, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hitl_orchestrator.domain.words import EventKind
from hitl_orchestrator.ledger.database import Transaction
from hitl_orchestrator.ledger.past import Past, outline_in, past_in
from hitl_orchestrator.ledger.statements import word_of
from hitl_orchestrator.ledger.tables import OUTLINE_OF_ENTRY, TASK_OF_ENTRY, contents, events


class _CutDown(FunctionElement[str]):
    """An entry about the end or the beginning of a case, cut down where the database does so faster than we read."""

    type, inherit_cache = String(), False

    def __init__(self, entry: ColumnElement[str], to: str) -> None:
        super().__init__(entry)
        self.to = to


@compiles(_CutDown)
def _whole(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(_CutDown, "sqlite")
def _cut_down(element: Any, compiler: Any, **more: Any) -> str:
    return str(element.to).replace("entry", str(compiler.process(element.clauses, **more)))


_END, _BEGINNING = events.alias("ending"), events.alias("beginning")
OUTLINES = (
    select(_CutDown(_END.c.entry, OUTLINE_OF_ENTRY).label("ended"))
    .where(_END.c.kind == word_of(EventKind.FINISHED))
    .order_by(_END.c.seq)
)
PAST = (
    OUTLINES.add_columns(_CutDown(_BEGINNING.c.entry, TASK_OF_ENTRY).label("began"), contents.c.body)
    .select_from(
        _END.join(_BEGINNING, _BEGINNING.c.case_id == _END.c.case_id).outerjoin(
            contents, contents.c.case_id == _END.c.case_id
        )
    )
    .where(_BEGINNING.c.kind == word_of(EventKind.SUBMITTED))
)


def outlines(conn: Transaction) -> Iterator[str]:
    """Yield the outlines of finished cases in the order in which they finished."""
    return (outline_in(row["ended"]) for row in conn.stream(OUTLINES))


def past(conn: Transaction) -> Iterator[Past]:
    """Yield them with what was asked for."""
    return (past_in(row["ended"], row["began"], row["body"]) for row in conn.stream(PAST))
