"""What the ledger asks of a database: transactions on which named statements run. Each kind has a module."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, wraps
from itertools import islice
from typing import Any, ParamSpec, Protocol, TypeVar

from sqlalchemy import Dialect, Engine
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import HitlError, StoreUnavailable

BUSY_TIMEOUT_SECONDS = 30
"""For so long a writer waits for its turn."""

_ATTEMPTS = 3
_P = ParamSpec("_P")
_T = TypeVar("_T")


class UniqueViolation(HitlError):
    """A row breaks a rule of the schema, most often that somebody else's row came first."""


class TransientStoreError(StoreUnavailable):
    """The connection was lost, or a transaction had to give way. Doing it again tells whether it was written."""


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

    def stream(self, statement: ClauseElement, **values: Any) -> Iterator[Any]:
        """Yield the rows of a statement that may have very many."""

    def faults(self) -> Iterator[str]:
        """Yield what the database itself finds broken where it keeps its rows, if it can be asked."""


class Database(Protocol):
    """A database. Threads may share it; a process that was forked opens its own."""

    @property
    def url(self) -> str:
        """Return the address to name it by, without secrets."""

    def write(self, *, flush: bool = True) -> AbstractContextManager[Transaction]:
        """Write in one transaction, which waits for its turn: there is one writer at a time.

        With `flush` its commit survives a power cut at once.

        Raises:
            UniqueViolation: a row breaks a rule of the schema; nothing was written.
            TransientStoreError: the connection was lost, perhaps during the commit; read again to learn the result.
            StoreUnavailable: the database cannot be used; nothing was written.
        """

    def read(self) -> AbstractContextManager[Transaction]:
        """Read one consistent state, whatever is written meanwhile."""

    def revision(self) -> str | None:
        """Return the migration that the tables stand at, None where there are none."""

    def scrub(self) -> None:
        """Overwrite what was deleted, as far as this kind of database lets us.

        Raises:
            StoreUnavailable: others were in the way for too long; doing it again goes on.
        """

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


def resolved(operation: Callable[_P, _T]) -> Callable[_P, _T]:
    """Do an operation again when its connection was lost, so that its caller learns what became of it.

    For operations that may be done twice: the second time finds what the first has written, or writes it.

    Raises:
        TransientStoreError: the connection was lost again and again.
    """

    @wraps(operation)
    def again(*given: _P.args, **named: _P.kwargs) -> _T:
        for _ in range(_ATTEMPTS - 1):
            try:
                return operation(*given, **named)
            except TransientStoreError:
                continue
        return operation(*given, **named)

    return again


def resumed(listing: Callable[_P, Iterator[_T]]) -> Callable[_P, Iterator[_T]]:
    """Go on with a listing that only grows at its end when its connection was lost: behind what it has yielded.

    Raises:
        TransientStoreError: the connection was lost again and again.
    """

    @wraps(listing)
    def again(*given: _P.args, **named: _P.kwargs) -> Iterator[_T]:
        yielded, left = 0, _ATTEMPTS
        while True:
            left -= 1
            try:
                for item in islice(listing(*given, **named), yielded, None):
                    yielded += 1
                    yield item
            except TransientStoreError:
                if not left:
                    raise
            else:
                return

    return again
