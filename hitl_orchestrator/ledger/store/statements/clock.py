"""SQL expressions for the store's clock. Deadlines and leases are evaluated against it, never against client clocks."""

from typing import Any

from sqlalchemy import ColumnElement, String, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

from hitl_orchestrator.domain.review import CLOCK_TOLERANCE


class FromNow(ColumnElement[str]):
    """The time a number of seconds from now, in the text form of the ledger; NULL for NULL seconds.

    It is constant within a statement, so that an index can be used for a comparison with it.
    """

    inherit_cache = True
    type = String()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy reads this class attribute as it is
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
    time = f"(statement_timestamp() + make_interval(secs => {seconds})) AT TIME ZONE 'UTC'"
    return f'to_char({time}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'


NOW = FromNow(literal_column("0"))
"""The current time of the store's clock."""

LATEST_START = FromNow(literal_column(str(int(CLOCK_TOLERANCE.total_seconds()))))
"""The latest time at which a lease or a claim can have begun: one that begins later is of a clock that was wrong."""
