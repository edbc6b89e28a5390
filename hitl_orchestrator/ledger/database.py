"""Transactions on a SQLite file: the statements are SQLAlchemy Core's, compiled once and run on the driver itself.

A case writes a few small rows in two or four transactions; building a statement anew each time would cost more than
running it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from time import monotonic, sleep
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import HitlError, StoreUnavailable

BUSY_TIMEOUT_SECONDS = 30
_MOST_IDLE = 8
_A_MOMENT = 0.01
_DIALECT = sqlite.dialect(paramstyle="named")


class Taken(HitlError):
    """A row breaks a rule of the schema, most often that somebody else's row came first."""


class Transaction:
    """One transaction: what it ran happens whole, or not at all."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: ClauseElement, **values: Any) -> sqlite3.Cursor:
        """Run a statement; the rows of its cursor are read by the names of their columns."""
        text, constants = _compiled(statement)
        return self._connection.execute(text, {**constants, **values})

    def run_each(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several rows."""
        self._connection.executemany(_compiled(statement)[0], rows)

    def first(self, statement: ClauseElement, **values: Any) -> Any:
        """Return the first row of a statement, None where it has none."""
        return self.run(statement, **values).fetchone()


class Database:
    """A SQLite file: WAL, foreign keys, writers that queue. Threads may share it; a forked child may not."""

    def __init__(self, path: str, url: str) -> None:
        self._path, self._url = path, url
        self._idle: list[sqlite3.Connection] = []
        self._owner = os.getpid()

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[Transaction]:
        """Write in one transaction, which waits for its turn. With `flush` its commit survives a power cut at once.

        Raises:
            Taken: a row breaks a rule of the schema; nothing was written.
            StoreUnavailable: the file cannot be used; nothing was written.
        """
        with self._connection() as connection:
            connection.execute("PRAGMA synchronous=FULL" if flush else "PRAGMA synchronous=NORMAL")
            # A writer takes its place in the queue at once: upgrading a reader later would fail instead of waiting.
            connection.execute("BEGIN IMMEDIATE")
            yield Transaction(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Read one consistent state of the file, whatever is written meanwhile."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield Transaction(connection)

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; commit what was done with it, or take it back."""
        connection = None
        try:
            connection = self._borrowed()
            yield connection
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as exc:
            raise Taken(str(exc)) from exc
        except sqlite3.Error as exc:
            raise StoreUnavailable(self._url, str(exc)) from exc
        finally:
            if connection is not None:
                self._give_back(connection)

    def _borrowed(self) -> sqlite3.Connection:
        if self._owner != os.getpid():
            # A forked child must not touch its parent's connections, not even to close them.
            self._idle, self._owner = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def connect(path: str) -> sqlite3.Connection:
    """Open a SQLite file as the ledger needs it. Transactions begin where we say so, and nowhere else."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.row_factory = sqlite3.Row
    _use_wal(connection)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which a file keeps. SQLite does not wait for its turn at this one, so we do."""
    until = monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_A_MOMENT)
        else:
            return


@cache
def _compiled(statement: ClauseElement) -> tuple[str, dict[str, Any]]:
    """Return the text of a statement and the values that stand in it already."""
    compiled = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
    return str(compiled), constants
