"""Transactions on a SQLite file. The driver runs the texts of the statements."""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.errors import StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import (
    BUSY_TIMEOUT_SECONDS,
    SCRUB_SECONDS,
    SchemaDefect,
)
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.database.writers.sqlite import SqliteGroup, SqliteWriter, revision_in, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_MOST_IDLE = 8
_MOST_BEGINNINGS = 100
_RETRY_SECONDS = 0.01
_MILLISECONDS = 1000
_PUT_BACK = "put the right file in its place, and open the store again"


class SqliteTransaction:
    """One transaction on a borrowed connection."""

    __slots__ = ("_connection", "_group", "_text_of")

    def __init__(
        self,
        connection: sqlite3.Connection,
        text_of: Callable[[str], str] | None = None,
        group: SqliteGroup | None = None,
    ) -> None:
        """`text_of` returns the text to run for the text of a statement, if that differs."""
        self._connection, self._text_of, self._group = connection, text_of, group

    def run(self, statement: Statement, **values: Any) -> sqlite3.Cursor:
        """Run a statement; columns of its rows are read by name."""
        return self._connection.execute(self._text(statement), values)

    def run_each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of these rows."""
        self._connection.executemany(self._text(statement), rows)

    insert_many = run_each

    def first(self, statement: Statement, **values: Any) -> Any:
        """Return the first row of a statement, None if it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: Statement, **values: Any) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a large result as tuples."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        # Not `yield from`, which would close the cursor on exit, when its connection may be closed already.
        for row in cursor.execute(self._text(statement), values):  # noqa: UP028
            yield row

    def fix_state(self) -> None:
        """Read something: the first reading of a transaction fixes the state of all."""
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def close_group(self) -> None:
        """Let no later transaction share the commit of this one."""
        if self._group is not None:
            self._group.is_open = False

    def schema_defects(self) -> Iterator[SchemaDefect]:
        """Yield the differences between the schema of the file and the one that the migrations make."""
        from hitl_orchestrator.ledger.database.schema import sqlite as schema  # noqa: PLC0415 - for verification alone

        defects = sorted(schema.defects_in(self._connection), key=lambda each: not each.is_unreadable)
        yield from defects
        if not any(each.is_unreadable for each in defects):
            yield from schema.revision_defects(self._connection)

    def integrity_errors(self) -> Iterator[str]:
        """Yield the defects that SQLite finds in the file, indexes included: a damaged index hides rows."""
        for (defect,) in self._connection.execute("PRAGMA integrity_check(10)"):
            if defect != "ok":
                yield str(defect)

    def _text(self, statement: Statement) -> str:
        return statement.sqlite if self._text_of is None else self._text_of(statement.sqlite)


class SqliteDatabase:
    """A SQLite file with WAL, foreign keys and queueing writers. Safe to share between threads, never across a fork."""

    def __init__(self, path: str, url: str) -> None:
        self._path, self.url = path, url
        self._idle: list[sqlite3.Connection] = []
        self._writer = SqliteWriter(url, partial(connect, path), self._check_usable)
        self._owner, self._closed = os.getpid(), False
        self._file: tuple[int, int] | None = None

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[SqliteTransaction]:
        """Wait for the turn and open a transaction that writes. With `flush` its commit survives a power failure.

        Threads that wait for their turn share a commit; if that fails, it fails for all of them.
        """
        self._check_owner()
        with self._writer.write(flush=flush) as (connection, group):
            yield SqliteTransaction(connection, group=group)

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Open a transaction that reads one consistent state of the file."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield SqliteTransaction(connection)

    @property
    def shared_place(self) -> Mapping[str, Any]:
        """Return how another process opens the file to read it."""
        return {"path": self._path, "url": self.url, "shared": True, "largest": None}

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[SqliteTransaction | None]:
        """Open a transaction that reads the same state as others."""
        with self._autocommit() as watcher, same_state(watcher, begin, self.read) as transaction:
            yield transaction

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement from a transaction of its own."""
        with self.read() as transaction:
            yield from transaction.stream(statement, **values)

    def revision(self) -> str | None:
        """Return the revision of the tables."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            exists = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version' AND type = 'table'"
            ).fetchone()
            return revision_in(connection) if exists else None

    def scrub(self) -> None:
        """Rebuild the file without deleted data, and truncate its write-ahead log.

        SQLite overwrites deleted rows with zeros, but a row that moved between pages may have left a copy.
        """
        with self._autocommit() as connection:
            connection.execute(f"PRAGMA busy_timeout = {SCRUB_SECONDS * _MILLISECONDS}")
            try:
                connection.execute("VACUUM")
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * _MILLISECONDS}")
        if busy:
            raise StoreUnavailable(self.url, "another process reads it, which keeps erased data in its file and log")

    def engine(self) -> "Engine":
        """Return an engine for migrations."""
        from sqlalchemy import create_engine, event  # noqa: PLC0415 - slow to import, and for migrations alone
        from sqlalchemy.pool import NullPool  # noqa: PLC0415

        engine = create_engine("sqlite://", creator=lambda: connect(self._path), poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def _begin(connection: "Connection") -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def close(self) -> None:
        """Close idle connections; a connection in use is closed when it is returned."""
        self._closed = True
        if self._owner == os.getpid():
            self._writer.close()
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; commit its transaction, or roll it back on an error."""
        with translated(self.url):
            connection = self._borrow()
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                self._give_back(connection)

    @contextmanager
    def _autocommit(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection outside a transaction."""
        connection = self._borrow()
        try:
            yield connection
        except sqlite3.Error as exc:
            raise StoreUnavailable(self.url, str(exc)) from exc
        finally:
            self._give_back(connection)

    def _borrow(self) -> sqlite3.Connection:
        self._check_owner()
        self._check_usable()
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path)

    def _check_owner(self) -> None:
        if self._owner != os.getpid():
            # SQLite's locks do not survive a fork: data of a child could be lost when its parent closes the file.
            raise StoreUnavailable(self.url, "it was opened before this process was forked; open it in the child")

    def _check_usable(self) -> None:
        """Refuse a file other than that of the first connection: what is written to the old one would be lost."""
        if self._closed:
            raise StoreClosed(self.url)
        try:
            status = Path(self._path).stat()
        except OSError as exc:
            raise StoreUnavailable(self.url, f"its file is gone ({exc.strerror}); {_PUT_BACK}") from exc
        file = (status.st_dev, status.st_ino)
        self._file = self._file or file
        if file != self._file:
            raise StoreUnavailable(self.url, f"its file was replaced while this process used it; {_PUT_BACK}")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(self._idle) < _MOST_IDLE and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()


@contextmanager
def same_state(
    watcher: sqlite3.Connection,
    begin: Callable[[str], None],
    read: Callable[[], AbstractContextManager[SqliteTransaction]],
) -> Iterator[SqliteTransaction | None]:
    """Open a transaction that reads the state in which `begin` made others begin; None if others always wrote between.

    `data_version` of a connection that does not write changes with every commit of others. If it is the same before
    and after all have read something, all of them read the same state.
    """
    for _ in range(_MOST_BEGINNINGS):
        before = _data_version(watcher)
        begin("")
        with read() as transaction:
            transaction.fix_state()
            if _data_version(watcher) == before:
                yield transaction
                return
    yield None


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def connect(path: str) -> sqlite3.Connection:
    """Open a SQLite file with the settings of the ledger. Transactions begin explicitly only."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.row_factory = sqlite3.Row
    # Text that is not UTF-8 makes its own row unreadable, and not the whole result.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    _use_wal(connection)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, a setting of the file. SQLite does not wait for a lock here, so this function does."""
    deadline = monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_RETRY_SECONDS)
        else:
            return


def check_not_foreign(path: str, store: str) -> None:
    """Refuse a database of another application, before anything is written to it. Damage is reported on opening."""
    if not Path(path).is_file() or not Path(path).stat().st_size:
        return
    readable = f"{Path(path).as_uri()}?mode=ro"
    # The text of an error about a damaged file is not always valid.
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(readable, uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if tables and "alembic_version" not in tables:
            why = f"it is the database of another application, with the table {tables[0]!r}; name another file"
            raise StoreUnavailable(store, why)


def make_private(path: str, store: str) -> None:
    """Create the database file if needed, readable by its owner only."""
    try:
        Path(path).touch(mode=0o600, exist_ok=True)
    except OSError as exc:
        raise StoreUnavailable(store, f"{exc.strerror}; check that the folder exists and can be written") from exc
