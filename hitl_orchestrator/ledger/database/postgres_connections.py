"""A small pool of PostgreSQL connections, each lent to one thread at a time and replaced once the server closed it.

Driver errors become `UniqueViolation`, `TransientStoreError` or `StoreUnavailable`; messages never contain a password.
"""

import logging
import os
import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import DictRow, dict_row

from hitl_orchestrator.errors import HitlError, StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.address import HOW_TO_WRITE, can_be_read, shown
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, TransientStoreError, UniqueViolation
from hitl_orchestrator.ledger.database.writers.queue import WriterQueue

MOST_CONNECTIONS = 5
PATIENCE_SECONDS = 5
"""The time that a server may be unreachable after it was reachable: it restarts, or fails over."""

_RETRY_SECONDS = 0.05
_MILLISECONDS = 1000
# A client that disappeared must not hold the writer lock for hours.
SESSION = (
    "SELECT current_setting('synchronous_commit') AS synchronous_commit,"
    " current_setting('synchronous_standby_names') AS standbys;"
    f"SET lock_timeout = {BUSY_TIMEOUT_SECONDS * _MILLISECONDS};"
    f"SET idle_in_transaction_session_timeout = {2 * BUSY_TIMEOUT_SECONDS * _MILLISECONDS};"
    "SET synchronous_commit = off"
)
_DEFAULTS: dict[str, Any] = {
    "application_name": "hitl",
    "connect_timeout": 10,
    "keepalives_idle": BUSY_TIMEOUT_SECONDS,
    "tcp_user_timeout": BUSY_TIMEOUT_SECONDS * _MILLISECONDS,
}
Connection = psycopg.Connection[DictRow]

# Without configured logging the driver would print to stderr what our errors already contain.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Connections:
    """Connections to one server. Safe to share between threads, and across a fork.

    Commits do not wait for the disk unless a transaction requests it.
    """

    def __init__(self, url: str, *, reached: bool = False) -> None:
        """Parse the address without connecting; `reached` says that other connections have reached the server.

        Raises `StoreUnavailable` for an invalid address.
        """
        self.url, self.address = shown(url), url
        self._options = _options(url, self.url)
        self._patient_until = monotonic() + PATIENCE_SECONDS if reached else 0.0
        self.flushing, self.flushes_alone = "on", True
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._idle: list[Connection] = []
        self._seats = BoundedSemaphore(MOST_CONNECTIONS)
        # Each turn is a group of its own: an error in a pipeline would spoil the transactions of others.
        self._queue = WriterQueue[None](self.url)
        self._owner = os.getpid()

    @contextmanager
    def turn(self) -> Iterator[Callable[[], None]]:
        """Wait until no other thread of this process writes, and yield a function that ends the turn early.

        Threads that wait for the server's lock, each with a connection, would leave none to read with.
        """
        self._check_owner()
        queue = self._queue
        turn = queue.turn(flush=True, until=monotonic() + BUSY_TIMEOUT_SECONDS)
        with ExitStack() as ending:
            ending.callback(queue.leave, turn)
            yield ending.close

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection outside a transaction, and accept it back in any state.

        Raises:
            UniqueViolation: a row violates a constraint.
            TransientStoreError: the connection was lost, or the server aborted the transaction.
            StoreUnavailable: anything else went wrong.
        """
        if self._closed:
            raise StoreClosed(self.url)
        self._check_owner()
        if not self._seats.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable(self.url, f"its {MOST_CONNECTIONS} connections were busy for too long; try again")
        seats, idle = self._seats, self._idle
        try:
            connection = self._alive(idle) or self._connected()
            try:
                yield connection
            except psycopg.Error as exc:
                meaning = self._meaning(exc, connection)
                if isinstance(meaning, UniqueViolation):
                    _roll_back(connection)
                else:
                    connection.close()
                raise meaning from exc
            finally:
                _give_back(connection, idle)
                if self._closed:
                    self.close()
        finally:
            seats.release()

    def close(self) -> None:
        """Close idle connections; a connection in use is closed when it is returned."""
        self._closed = True
        while self._idle and self._owner == os.getpid():
            self._idle.pop().close()

    def connect(self) -> Connection:
        """Open a connection outside the pool; the caller closes it.

        Raises:
            psycopg.OperationalError: the connection failed.
        """
        return psycopg.connect(**self._options, autocommit=True, row_factory=dict_row, prepare_threshold=1)

    def plain(self) -> psycopg.Connection[Any]:
        """Open a connection with the defaults of the driver, for the migrations."""
        return psycopg.connect(**self._options)

    def _check_owner(self) -> None:
        if self._owner != os.getpid():
            # A forked child must not touch its parent's connections, not even to close them.
            self._abandoned = self._idle
            self._reset()

    def _alive(self, idle: list[Connection]) -> Connection | None:
        """Return an idle connection that is still open, None if there is none."""
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                return None
            if _is_quiet(connection) or _answers(connection):
                return connection
            connection.close()
            self._be_patient()

    def _connected(self) -> Connection:
        """Open a connection. A server that was reachable before is retried for a few seconds."""
        while True:
            try:
                connection = self.connect()
                self._set_up(connection)
            except psycopg.Error as exc:
                if monotonic() > self._patient_until:
                    raise StoreUnavailable(self.url, _message(exc)) from exc
                sleep(_RETRY_SECONDS)
            else:
                return connection

    def _set_up(self, connection: Connection) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise StoreUnavailable(self.url, f"its encoding is {encoding}; make the database with ENCODING 'UTF8'")
        row = connection.execute(SESSION, prepare=False).fetchone()
        # The owner may require more than `on`, such as a standby; less would break the durability guarantee.
        if row is not None:
            self.flushing = row["synchronous_commit"] if row["synchronous_commit"] != "off" else "on"
            # Readers cannot tell whether a standby has received what they see.
            self.flushes_alone = self.flushing in ("on", "local") and not row["standbys"]

    def _be_patient(self) -> None:
        self._patient_until = monotonic() + PATIENCE_SECONDS

    def _meaning(self, exc: psycopg.Error, connection: Connection) -> HitlError:
        """Translate an exception of the driver."""
        if not _can_be_used(connection) or exc.diag.severity_nonlocalized in ("FATAL", "PANIC"):
            connection.close()
            self._be_patient()
            return TransientStoreError(self.url, f"the connection was lost ({_message(exc)})")
        if isinstance(exc, (errors.SerializationFailure, errors.DeadlockDetected)):
            return TransientStoreError(self.url, _message(exc))
        if isinstance(exc, (errors.UniqueViolation, errors.ForeignKeyViolation)):
            return UniqueViolation(_message(exc))
        if isinstance(exc, errors.LockNotAvailable):
            return StoreUnavailable(self.url, f"another writer held it for {BUSY_TIMEOUT_SECONDS} s; try again")
        if isinstance(exc, (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
            remedy = "connect as a role, or to a server, that may do this; nothing was written"
            return StoreUnavailable(self.url, f"{_message(exc)}; {remedy}")
        return StoreUnavailable(self.url, _message(exc))


def _options(url: str, shown_url: str) -> dict[str, Any]:
    """Return the options of an address over our defaults. The driver's message is dropped: it may quote a password."""
    try:
        options = conninfo_to_dict(url) if can_be_read(url) else None
    except psycopg.Error:
        options = None
    if options is None:
        raise StoreUnavailable(shown_url, f"the address cannot be read; {HOW_TO_WRITE}")
    return {**_DEFAULTS, **options, "client_encoding": "utf8"}


def _is_quiet(connection: Connection) -> bool:
    """Whether a connection is open with nothing to read, as expected of an idle one. Costs no round trip."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _answers(connection: Connection) -> bool:
    try:
        connection.execute("SELECT 1", prepare=False)
    except psycopg.Error:
        return False
    return True


def _can_be_used(connection: Connection) -> bool:
    """Whether a connection has received all of its results. One that was cut in a pipeline has not."""
    if connection.closed or connection.pgconn.pipeline_status != PipelineStatus.OFF:
        return False
    return connection.info.transaction_status not in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)


def _roll_back(connection: Connection) -> None:
    """Make a connection usable after a constraint was violated: a repeated submission must not cost a new one.

    A pipeline that failed leaves the driver with names of statements that the server never prepared. Only `rollback` in
    a transaction makes the driver forget them in every case, and not the statement ROLLBACK.
    """
    with suppress(psycopg.Error):
        if connection.info.transaction_status is TransactionStatus.IDLE:
            connection.execute("BEGIN", prepare=False)
        connection.rollback()
        return
    connection.close()


def _give_back(connection: Connection, idle: list[Connection]) -> None:
    """Return a connection to the pool if it is usable, else close it."""
    if _can_be_used(connection) and connection.info.transaction_status is not TransactionStatus.IDLE:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK", prepare=False)
    if _can_be_used(connection) and connection.info.transaction_status is TransactionStatus.IDLE:
        idle.append(connection)
    else:
        connection.close()


def _message(exc: psycopg.Error) -> str:
    """Return the message of the driver on one line."""
    return exc.diag.message_primary or " ".join(str(exc).split())
