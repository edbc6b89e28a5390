"""Protocols of a database: transactions that run named statements. Each kind of database has a module."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.ledger.database.statement import Statement

if TYPE_CHECKING:
    from sqlalchemy import Engine

BUSY_TIMEOUT_SECONDS = 30
"""The time that a writer waits for its turn."""

NEWEST = "0006"
"""The revision of the tables that this code reads and writes."""

SCRUB_SECONDS = 2
"""The time that erasing deleted data waits for other processes. It is repeated later, and must not hold up others."""

LARGEST_VALUE = 2**26
"""The number of bytes of the largest value that a verification reads: no case comes near it."""

_ATTEMPTS = 3
_P = ParamSpec("_P")
_T = TypeVar("_T")


class UniqueViolation(HitlError):
    """A row violates a constraint of the schema, most often because another writer inserted first."""


class TransientStoreError(StoreUnavailable):
    """The connection was lost, or the transaction had to be rolled back. Repeating it reveals whether it committed."""


class SchemaDefect(NamedTuple):
    """A difference between the schema of a store and the one that the migrations make, in a sentence.

    `is_unreadable` states that a table of ours is missing or of another form, so that reading it would fail, or never
    end.
    """

    sentence: str
    is_unreadable: bool = False


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """Return the number of changed rows."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows; columns are read by name."""


class StoreTransaction(Protocol):
    """One transaction: all of its statements take effect, or none."""

    def run(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement. Values without a parameter of their name are ignored."""

    def run_each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of these rows."""

    def insert_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement that inserts a row for each of these rows: for some dozens and more, the fastest way.

        Raises:
            UniqueViolation: a row violates a constraint, here or at the end of the transaction.
        """

    def first(self, statement: Statement, **values: Any) -> Any:
        """Return the first row of a statement, None if it has none."""

    def stream(self, statement: Statement, **values: Any) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a large result as tuples, in the order of the selected columns."""

    def close_group(self) -> None:
        """Let no other transaction read what this one wrote before it is committed.

        Threads of one process may share a commit, which can fail. What a reader keeps in memory must be committed.
        """

    def schema_defects(self) -> Iterator[SchemaDefect]:
        """Yield the differences between the schema and the one that the migrations make.

        A table that has another form than expected is not read, and named first.
        """

    def integrity_errors(self) -> Iterator[str]:
        """Yield the defects that the database reports in its own storage, if it offers such a check."""


class Database(Protocol):
    """A database that threads may share. A forked process opens its own."""

    @property
    def url(self) -> str:
        """Return the address for messages, without secrets."""

    def write(self, *, flush: bool = True) -> AbstractContextManager[StoreTransaction]:
        """Open a transaction that writes. There is one writer at a time; others wait for their turn.

        Transactions of waiting threads may share a commit. An error takes back the changes of its own transaction
        only; a commit that fails fails for all that share it.

        With `flush` the commit survives a power failure as soon as it returns.

        Raises:
            UniqueViolation: a row violates a constraint; nothing was written.
            TransientStoreError: the connection was lost, perhaps during the commit; read again to learn the result.
            StoreUnavailable: the database cannot be used; nothing was written.
        """

    def read(self) -> AbstractContextManager[StoreTransaction]:
        """Open a transaction that reads one consistent state, unaffected by concurrent writers."""

    def shared_read(self, begin: Callable[[str], None]) -> AbstractContextManager[StoreTransaction | None]:
        """Open a transaction that reads the same state as other processes; None if that cannot be had.

        `begin` is called with the name of that state, perhaps several times, and returns when all of them have begun to
        read. They open the database at `shared_place`.
        """

    @property
    def shared_place(self) -> Mapping[str, Any] | None:
        """Return how another process of this user opens the database to read it, as JSON; None if it cannot.

        It may have a password.
        """

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement from a transaction of its own. A slow reader blocks no writer."""

    def scrub(self) -> None:
        """Erase deleted data from the files of the database, which rewrites them.

        Raises:
            StoreUnavailable: deleted data may remain, because other processes use the database; repeat the call.
        """

    def close(self) -> None:
        """Close idle connections; a connection in use is closed when it is returned."""


def check_revision(url: str, revision: str | None) -> None:
    """Raise `StoreUnavailable` in a process whose tables a newer version has migrated since it opened them."""
    if revision != NEWEST:
        cause = f"another version has migrated its tables to revision {revision!r}, and this one knows {NEWEST!r}"
        raise StoreUnavailable(url, f"{cause}; nothing was written: end this process, and continue with that version")


class MigratedDatabase(Database, Protocol):
    """A database whose tables outlive the process and are migrated by Alembic."""

    def revision(self) -> str | None:
        """Return the revision of the tables, None if there are no tables."""

    def engine(self) -> "Engine":
        """Return an engine for migrations, whose transactions exclude each other across processes."""


def retried(operation: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat an idempotent operation after a lost connection, so that its caller learns the result.

    Raises:
        TransientStoreError: the connection was lost at every attempt.
    """

    @wraps(operation)
    def repeat(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _ in range(_ATTEMPTS - 1):
            try:
                return operation(*args, **kwargs)
            except TransientStoreError:
                continue
        return operation(*args, **kwargs)

    return repeat


def resumed(listing: Callable[_P, Iterator[_T]]) -> Callable[_P, Iterator[_T]]:
    """Continue an append-only listing after a lost connection, behind the items that were already yielded.

    Raises:
        TransientStoreError: the connection was lost at every attempt.
    """

    @wraps(listing)
    def repeat(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[_T]:
        yielded, attempts = 0, _ATTEMPTS
        while True:
            attempts -= 1
            try:
                for item in islice(listing(*args, **kwargs), yielded, None):
                    yielded += 1
                    yield item
            except TransientStoreError:
                if not attempts:
                    raise
            else:
                return

    return repeat
