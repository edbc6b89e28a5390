"""Connections to PostgreSQL: a few, lent to one thread at a time, replaced when the server has closed them.

Driver errors become `UniqueViolation`, `TransientStoreError` or `StoreUnavailable`; messages never contain a password.
"""

import logging
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import DictRow, dict_row

from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.ledger.database.address import HOW_TO_WRITE, can_be_read, shown
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, TransientStoreError, UniqueViolation

MOST_CONNECTIONS = 5
PATIENCE_SECONDS = 5
"""For so long a server that was there a moment ago may be away: it is starting again, or another takes its place."""

_A_MOMENT = 0.05
_MILLISECONDS = 1000
# A client that vanished without a word must not hold the one place of a writer for hours.
SESSION = (
    "SHOW synchronous_commit;"
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

# What the driver would write to stderr where nobody has set up logging stands in our errors already.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Connections:
    """Connections to one server. Safe to share between threads, and across a fork.

    Their commits do not wait for the disk unless a transaction asks for it.
    """

    def __init__(self, url: str) -> None:
        """Raises `StoreUnavailable` where the address cannot be read. Nothing is connected yet."""
        self.url = shown(url)
        self._options = _options(url, self.url)
        self._patient_until = 0.0
        self.flushing = "on"
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._idle: list[Connection] = []
        self._seats = BoundedSemaphore(MOST_CONNECTIONS)
        self._owner = os.getpid()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection outside of a transaction, and take it back in whatever state.

        Raises:
            UniqueViolation: a row breaks a rule of the schema.
            TransientStoreError: the connection was lost, or the transaction had to give way.
            StoreUnavailable: anything else went wrong.
        """
        if self._owner != os.getpid():
            # A forked child must not touch its parent's connections, not even to close them.
            self._abandoned = self._idle
            self._start_afresh()
        if not self._seats.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable(self.url, f"its {MOST_CONNECTIONS} connections were busy for too long; try again")
        seats, idle = self._seats, self._idle
        try:
            connection = self._alive(idle) or self._connected()
            try:
                yield connection
            except psycopg.Error as exc:
                meaning = self._meaning(exc, connection)
                # A pipeline that failed leaves the driver with names of statements that the server never prepared.
                connection.close()
                raise meaning from exc
            finally:
                _give_back(connection, idle)
        finally:
            seats.release()

    def close(self) -> None:
        """Close what is idle; what is in use closes when the process ends."""
        while self._idle:
            self._idle.pop().close()

    def connect(self) -> Connection:
        """Open one more connection, for a caller who closes it.

        Raises:
            psycopg.OperationalError: it cannot be opened.
        """
        return psycopg.connect(**self._options, autocommit=True, row_factory=dict_row, prepare_threshold=1)

    def plain(self) -> psycopg.Connection[Any]:
        """Open a connection as the driver has it by default, for the migrations."""
        return psycopg.connect(**self._options)

    def _alive(self, idle: list[Connection]) -> Connection | None:
        """Return an idle connection that the server has not closed, None where there is none."""
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
        """Open a connection; a server that was there a moment ago is given a moment to come back."""
        while True:
            try:
                connection = self.connect()
                self._set_up(connection)
            except psycopg.Error as exc:
                if monotonic() > self._patient_until:
                    raise StoreUnavailable(self.url, _sentence(exc)) from exc
                sleep(_A_MOMENT)
            else:
                return connection

    def _set_up(self, connection: Connection) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise StoreUnavailable(self.url, f"its encoding is {encoding}; make the database with ENCODING 'UTF8'")
        row = connection.execute(SESSION, prepare=False).fetchone()
        # More than `on`, waiting for a second server, is the owner's to ask for; less would break our word.
        self.flushing = row["synchronous_commit"] if row and row["synchronous_commit"] != "off" else "on"

    def _be_patient(self) -> None:
        self._patient_until = monotonic() + PATIENCE_SECONDS

    def _meaning(self, exc: psycopg.Error, connection: Connection) -> HitlError:
        """Return our word for what the driver raised."""
        if not _can_be_used(connection) or exc.diag.severity_nonlocalized in ("FATAL", "PANIC"):
            connection.close()
            self._be_patient()
            return TransientStoreError(self.url, f"the connection was lost ({_sentence(exc)})")
        if isinstance(exc, (errors.SerializationFailure, errors.DeadlockDetected)):
            return TransientStoreError(self.url, _sentence(exc))
        if isinstance(exc, (errors.UniqueViolation, errors.ForeignKeyViolation)):
            return UniqueViolation(_sentence(exc))
        if isinstance(exc, errors.LockNotAvailable):
            return StoreUnavailable(self.url, f"another writer held it for {BUSY_TIMEOUT_SECONDS} s; try again")
        return StoreUnavailable(self.url, _sentence(exc))


def _options(url: str, shown_url: str) -> dict[str, Any]:
    """Return what an address says, with our defaults. The driver quotes what it cannot read, so its words stay here."""
    try:
        given = conninfo_to_dict(url) if can_be_read(url) else None
    except psycopg.Error:
        given = None
    if given is None:
        raise StoreUnavailable(shown_url, f"the address cannot be read; {HOW_TO_WRITE}")
    return {**_DEFAULTS, **given, "client_encoding": "utf8"}


def _is_quiet(connection: Connection) -> bool:
    """Whether a connection is open with nothing to read, as one that is idle should be. Costs no round trip."""
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
    """Whether a connection has told all that was asked of it. One cut in a pipeline has not."""
    if connection.closed or connection.pgconn.pipeline_status != PipelineStatus.OFF:
        return False
    return connection.info.transaction_status not in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)


def _give_back(connection: Connection, idle: list[Connection]) -> None:
    """Keep a connection for the next caller, if it is in a state to be used again."""
    if _can_be_used(connection) and connection.info.transaction_status is not TransactionStatus.IDLE:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK", prepare=False)
    if _can_be_used(connection) and connection.info.transaction_status is TransactionStatus.IDLE:
        idle.append(connection)
    else:
        connection.close()


def _sentence(exc: psycopg.Error) -> str:
    """Return what the driver says, in one line."""
    return exc.diag.message_primary or " ".join(str(exc).split())
