"""Finished cases in a SQL store as short texts, from an index that holds no more than these where there is one."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, String, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.database.ports import Transaction
from hitl_orchestrator.ledger.database.tables import OUTLINE_OF_ENTRY, TASK_OF_ENTRY, contents, events
from hitl_orchestrator.ledger.events.summaries import CaseSummary, outline_in, past_in
from hitl_orchestrator.ledger.store.statements import word_of


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


_AT_A_TIME = 1_000
_END, _BEGINNING = events.alias("ending"), events.alias("beginning")
_ENDED = _END.c.kind == word_of(EventKind.FINISHED)
_NUMBER = select(func.count().label("number")).select_from(_END).where(_ENDED)
OUTLINES = select(_CutDown(_END.c.entry, OUTLINE_OF_ENTRY).label("ended")).where(_ENDED).order_by(_END.c.seq)
# An outer join for the beginnings would be safer, and SQLite would not answer it from the index alone.
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
    rows = conn.stream(OUTLINES)
    while page := [row["ended"] for row in islice(rows, _AT_A_TIME)]:
        # What one database gives is all cut down, or all whole: to look at each would take as long as to read it.
        are_outlines = None not in page and not page[0].startswith("{")
        yield from page if are_outlines else map(outline_in, page)


def past(conn: Transaction) -> Iterator[CaseSummary]:
    """Yield them with what was asked for. Raises `LedgerDamaged` where some case has no beginning."""
    number = 0
    for row in conn.stream(PAST):
        number += 1
        yield past_in(row["ended"], row["began"], row["body"])
    missing = conn.first(_NUMBER)["number"] - number
    if missing:
        raise LedgerDamaged(f"the entry of a submission cannot be read: {missing} of the finished cases have none")
