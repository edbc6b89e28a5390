"""The store's own clock in a statement: what has a deadline is judged by the database, whatever clocks others have."""

from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal


class FromNow(ColumnElement[str]):
    """The time so many seconds from now, as the ledger writes times; nothing where the seconds are nothing.

    It is one time for a whole statement, so that an index serves to compare with it.
    """

    inherit_cache = True
    type = String()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy reads it as it stands
        ("seconds", InternalTraversal.dp_clauseelement)
    ]

    def __init__(self, seconds: ColumnElement[Any]) -> None:
        self.seconds = seconds


@compiles(FromNow, "sqlite")
def _on_sqlite(element: FromNow, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.seconds, **options)
    return f"(strftime('%Y-%m-%dT%H:%M:%f', 'now', {seconds} || ' seconds') || '000Z')"


@compiles(FromNow, "postgresql")
def _on_postgresql(element: FromNow, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.seconds, **options)
    moment = f"(statement_timestamp() + make_interval(secs => {seconds})) AT TIME ZONE 'UTC'"
    return f'to_char({moment}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'


def from_now(name: str) -> FromNow:
    """Return the time as many seconds from now as the parameter of this name says."""
    return FromNow(bindparam(name))


NOW = FromNow(literal_column("0"))
"""What the store's clock says."""
