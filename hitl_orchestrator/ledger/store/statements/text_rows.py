"""Many rows as one text, which the database builds: reading each value into Python would take several times as long."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Float, Select, Text, bindparam, func, select
from sqlalchemy.ext.compiler import compiles

from hitl_orchestrator.ledger.database.clock import MEMORY_DIALECT
from hitl_orchestrator.ledger.database.tables import outcomes
from hitl_orchestrator.ledger.ports.ledger import ROW_END, VALUE_END


class JoinedRows(ColumnElement[str]):
    """The values of these columns in all selected rows, in the order of the first column."""

    inherit_cache = False
    type = Text()

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self.columns = tuple(columns)


@compiles(JoinedRows, "sqlite")
@compiles(JoinedRows, MEMORY_DIALECT)
def _on_sqlite(element: JoinedRows, compiler: Any, **options: Any) -> str:
    names = [compiler.process(column, **options) for column in element.columns]
    # Only `quote` writes a number exactly.
    values = [
        f"quote({name})" if isinstance(column.type, Float) else name
        for name, column in zip(names, element.columns, strict=True)
    ]
    return f"group_concat(printf('{VALUE_END.join(['%s'] * len(values))}', {', '.join(values)}), '{ROW_END}')"


@compiles(JoinedRows, "postgresql")
def _on_postgresql(element: JoinedRows, compiler: Any, **options: Any) -> str:
    values = [compiler.process(column, **options) for column in element.columns]
    # The driver reads %% as a percent sign.
    row = f"format('{VALUE_END.join(['%%s'] * len(values))}', {', '.join(values)})"
    return f"string_agg({row}, '{ROW_END}' ORDER BY {values[0]})"


SPAN = select(
    func.count().label("rows"),
    func.min(outcomes.c.finished_seq).label("first"),
    func.max(outcomes.c.finished_seq).label("last"),
).select_from(outcomes)
"""The number of outcomes, and the entries of the first and the last one."""


@cache
def outcomes_as_text(columns: Sequence[str]) -> Select[int, int, str]:
    """Return the statement for the next outcomes after an entry, up to another one, as one text.

    Its row has their number, the entry of the last one and the text, whose first column is `finished_seq`.
    """
    seq = outcomes.c.finished_seq
    after: BindParameter[int] = bindparam("after")
    next_ones = (
        select(seq).where(seq > after, seq <= bindparam("up_to")).order_by(seq).limit(bindparam("most")).subquery()
    )
    last = select(func.max(next_ones.c.finished_seq)).scalar_subquery()
    text = JoinedRows([seq, *(outcomes.c[name] for name in columns)])
    query = select(func.count().label("rows"), func.max(seq).label("last"), text.label("text")).select_from(outcomes)
    return query.where(seq > after, seq <= last)
