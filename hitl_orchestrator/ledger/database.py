"""What the ledger asks of a database: transactions on which named statements run. Each kind has a module."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Dialect, Engine
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import HitlError

BUSY_TIMEOUT_SECONDS = 30
"""For so long a writer waits for its turn."""


class Taken(HitlError):
    """A row breaks a rule of the schema, most often that somebody else's row came first."""


class Rows(Protocol):
    """What a statement found, and how many rows it changed."""

    @property
    def rowcount(self) -> int:
        """Return how many rows were changed."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows; a row is read by the names of its columns."""


class Transaction(Protocol):
    """One transaction: what it ran happens whole, or not at all."""

    def run(self, statement: ClauseElement, **values: Any) -> Rows:
        """Run a statement. Values it does not name are left aside."""

    def run_each(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several rows."""

    def first(self, statement: ClauseElement, **values: Any) -> Any:
        """Return the first row of a statement, None where it has none."""


class Database(Protocol):
    """A database, shared between threads and across a fork."""

    @property
    def url(self) -> str:
        """Return the address to name it by, without secrets."""

    def write(self, *, flush: bool = True) -> AbstractContextManager[Transaction]:
        """Write in one transaction, which waits for its turn: there is one writer at a time.

        With `flush` its commit survives a power cut at once.

        Raises:
            Taken: a row breaks a rule of the schema; nothing was written.
            StoreUnavailable: the database cannot be used; nothing was written.
        """

    def read(self) -> AbstractContextManager[Transaction]:
        """Read one consistent state, whatever is written meanwhile."""

    def revision(self) -> str | None:
        """Return the migration that the tables stand at, None where there are none."""

    def engine(self) -> Engine:
        """Return an engine for migrations: what it begins is one transaction, which processes take in turn."""

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""


@cache
def compiled(statement: ClauseElement, dialect: Dialect) -> tuple[str, dict[str, Any]]:
    """Return the text of a statement and the values that stand in it already. Each is compiled once a process."""
    made = statement.compile(dialect=dialect)
    constants = {name: value for name, value in (made.params or {}).items() if value is not None}
    return str(made), constants
