"""Transactions on a SQLite file: the statements are SQLAlchemy Core's, compiled once and run on the driver itself.

A case writes a few small rows in two or four transactions; building a statement anew each time would cost more than
running it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, UniqueViolation, compiled

_MOST_IDLE = 8
_A_MOMENT = 0.01
_DIALECT = sqlite.dialect(paramstyle="named")


class SqliteTransaction:
    """One transaction on a connection that is lent."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: ClauseElement, **values: Any) -> sqlite3.Cursor:
        """Run a statement; the rows of its cursor are read by the names of their columns."""
        text, constants = compiled(statement, _DIALECT)
        return self._connection.execute(text, {**constants, **values})

    def run_each(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several rows."""
        self._connection.executemany(compiled(statement, _DIALECT)[0], rows)

    def first(self, statement: ClauseElement, **values: Any) -> Any:
        """Return the first row of a statement, None where it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: ClauseElement, **values: Any) -> Iterator[Any]:
        """Yield the rows of a statement that may have very many."""
        # Not `yield from`, which would close the cursor when it is left: by then its connection may be closed already.
        for row in self.run(statement, **values):  # noqa: UP028
            yield row

    def faults(self) -> Iterator[str]:
        """Yield what SQLite finds broken in the file, indexes included: with them rows are found, and missed."""
        for (fault,) in self._connection.execute("PRAGMA integrity_check(10)"):
            if fault != "ok":
                yield str(fault)


class SqliteDatabase:
    """A SQLite file: WAL, foreign keys, writers that queue. Safe to share between threads, never across a fork."""

    def __init__(self, path: str, url: str) -> None:
        self._path, self.url = path, url
        self._idle: list[sqlite3.Connection] = []
        self._owner, self._closed = os.getpid(), False

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[SqliteTransaction]:
        """Write in one transaction, which waits for its turn. With `flush` its commit survives a power cut at once."""
        with self._connection() as connection:
            connection.execute("PRAGMA synchronous=FULL" if flush else "PRAGMA synchronous=NORMAL")
            # A writer takes its place in the queue at once: upgrading a reader later would fail instead of waiting.
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteTransaction(connection)

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Read one consistent state of the file, whatever is written meanwhile."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield SqliteTransaction(connection)

    def revision(self) -> str | None:
        """Return the migration that the tables stand at."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = known and connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None

    def scrub(self) -> None:
        """Write the file anew without what was deleted, and empty the log beside it.

        Deleted rows are overwritten with zeros at once, but a row that moved from page to page may have left a copy.
        """
        with self._alone() as connection:
            connection.execute("VACUUM")
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreUnavailable(self.url, "somebody reads its log, which may hold what was erased; do it again")

    def engine(self) -> Engine:
        """Return an engine for migrations."""
        engine = create_engine("sqlite://", creator=lambda: connect(self._path), poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle and self._owner == os.getpid():
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
            raise UniqueViolation(str(exc)) from exc
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            # The driver cannot read its own message where it quotes a broken file.
            raise StoreUnavailable(self.url, str(exc)) from exc
        finally:
            if connection is not None:
                self._give_back(connection)

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection outside of any transaction."""
        connection = self._borrowed()
        try:
            yield connection
        except sqlite3.Error as exc:
            raise StoreUnavailable(self.url, str(exc)) from exc
        finally:
            self._give_back(connection)

    def _borrowed(self) -> sqlite3.Connection:
        if self._owner != os.getpid():
            # SQLite's locks do not survive a fork: what a child writes could be lost when its parent closes the file.
            raise StoreUnavailable(self.url, "it was opened before this process was forked; open it in the child")
        if self._closed:
            raise StoreUnavailable(self.url, "it was closed; open it again")
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(self._idle) < _MOST_IDLE and not self._closed:
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
    connection.execute("PRAGMA secure_delete=ON")
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


def check_not_emptied(path: str, key_file: Path, store: str) -> None:
    """Refuse a file that is there, empty, beside the keys of what it held: a new store in its place would hide that."""
    file = Path(path)
    is_empty = file.exists() and not file.stat().st_size
    if is_empty and any(key.exists() for key in (key_file, key_file.with_suffix(".head-key"))):
        why = f"it is empty, and the key beside it says that it was not; restore {path!r} from a back-up, or remove it"
        raise StoreUnavailable(store, f"{why} to begin anew")


def make_private(path: str, store: str) -> None:
    """Make a new database file, readable by its owner alone."""
    try:
        Path(path).touch(mode=0o600, exist_ok=True)
    except OSError as exc:
        raise StoreUnavailable(store, f"{exc.strerror}; check that the folder exists and can be written") from exc
