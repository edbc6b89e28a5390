"""The transactions that write to a SQLite file, of all threads of a process, on one connection."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, UniqueViolation, check_revision
from hitl_orchestrator.ledger.database.writers.queue import Group, WriterQueue

_POLL_SECONDS = 0.001
_PRIMARY_CODE = 0xFF

SqliteGroup = Group[sqlite3.Connection]


class SqliteWriter:
    """The one connection of a process that writes. Safe to share between threads, never across a fork.

    A transaction that joins a group is a savepoint in it: its error takes back its own changes alone. It sees the
    changes of those before it. A commit that fails fails for all of the group.
    """

    def __init__(self, url: str, connect: Callable[[], sqlite3.Connection], check: Callable[[], None]) -> None:
        """`check` raises why the file may no longer be used."""
        self._url, self._connect, self._check_usable = url, connect, check
        self._idle: list[sqlite3.Connection] = []
        self._flushes: bool | None = None
        self._closed = False
        self._queue = WriterQueue(url, self._end)

    @contextmanager
    def write(self, *, flush: bool) -> Iterator[tuple[sqlite3.Connection, SqliteGroup]]:
        """Wait for the turn, and lend the connection in a transaction. Commit it, or roll it back on an error."""
        until = monotonic() + BUSY_TIMEOUT_SECONDS
        group = self._queue.turn(flush=flush, until=until)
        joined = group.connection is not None
        try:
            with translated(self._url):
                connection = group.connection or self._begin(group, until)
                if joined:
                    connection.execute("SAVEPOINT joined")
                yield connection, group
                self._check_open(connection)
                if joined:
                    connection.execute("RELEASE joined")
        except BaseException as exc:
            try:
                self._undo(group, joined=joined, cause=exc)
            finally:
                self._queue.leave(group)
            # The changes of others that may explain this error were not committed.
            if joined and isinstance(exc, Exception):
                self._check(group)
            raise
        self._queue.leave(group)
        self._check(group)

    def close(self) -> None:
        """Close the connection, now or at the end of its transaction."""
        self._closed = True
        with suppress(IndexError):
            self._idle.pop().close()

    def _begin(self, group: SqliteGroup, until: float) -> sqlite3.Connection:
        """Begin a transaction as soon as no other process writes."""
        connection = self._connection()
        try:
            if self._flushes != group.flush:
                connection.execute(f"PRAGMA synchronous={'FULL' if group.flush else 'NORMAL'}")
                self._flushes = group.flush
            _begin_immediate(connection, until)
            check_revision(self._url, revision_in(connection))
        except BaseException:
            self._put_back(connection)
            raise
        group.connection = connection
        return connection

    def _connection(self) -> sqlite3.Connection:
        self._check_usable()
        with suppress(IndexError):
            return self._idle.pop()
        connection = self._connect()
        # SQLite waits ever longer between its attempts, so that a process with a few long transactions would starve.
        connection.execute("PRAGMA busy_timeout=0")
        self._flushes = None
        return connection

    def _undo(self, group: SqliteGroup, *, joined: bool, cause: BaseException) -> None:
        """Take back the changes of one transaction. If SQLite rolled back all for its error, the group fails."""
        connection = group.connection
        if connection is None:
            return
        if not joined:
            group.connection = None
            self._put_back(connection)
            return
        try:
            connection.execute("ROLLBACK TO joined")
            connection.execute("RELEASE joined")
        except (sqlite3.Error, UnicodeDecodeError):
            group.is_open, group.error = False, f"a transaction that shared its commit failed: {cause}"

    def _end(self, group: SqliteGroup) -> None:
        """Commit a group, or state in it that nothing was committed."""
        connection = group.connection
        if connection is None:
            return
        # Only a commit that returned is acknowledged.
        failed, group.error = group.error, "the thread that committed was interrupted; read again to learn the result"
        try:
            if failed is None:
                connection.execute("COMMIT")
            group.error = failed
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            group.error = str(exc)
        finally:
            self._put_back(connection)

    def _put_back(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if connection.in_transaction:
            connection.close()
            return
        self._idle.append(connection)
        if self._closed:
            self.close()

    def _check_open(self, connection: sqlite3.Connection) -> None:
        if not connection.in_transaction:
            raise StoreUnavailable(self._url, "SQLite rolled the transaction back; nothing was written")

    def _check(self, group: SqliteGroup) -> None:
        if group.error is not None:
            raise StoreUnavailable(self._url, group.error)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise the errors of the driver as ours."""
    try:
        yield
    except sqlite3.IntegrityError as exc:
        raise UniqueViolation(str(exc)) from exc
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        # The driver cannot decode its own message when that quotes a damaged file.
        raise StoreUnavailable(url, str(exc)) from exc


def revision_in(connection: sqlite3.Connection) -> str | None:
    """Return the revision of the tables."""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _begin_immediate(connection: sqlite3.Connection, until: float) -> None:
    """Queue for the lock of the file until this time of the monotonic clock."""
    while True:
        try:
            # A writer queues at once: upgrading a reader later would fail instead of waiting.
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_POLL_SECONDS)
        else:
            return
