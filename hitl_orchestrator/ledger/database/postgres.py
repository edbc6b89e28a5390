"""Transactions on a PostgreSQL database, with the statements and guarantees of SQLite."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from psycopg import Cursor, ProgrammingError, errors
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Identifier

from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import (
    BUSY_TIMEOUT_SECONDS,
    SCRUB_SECONDS,
    SchemaDefect,
    check_revision,
)
from hitl_orchestrator.ledger.database.postgres_connections import Connection, Connections
from hitl_orchestrator.ledger.database.statement import Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection as AlembicConnection
    from sqlalchemy import Engine

WRITER = 0x6869746C
"""The advisory lock of the writer. Entries are numbered without gaps and chained, so there is one writer at a time."""

ROWS_AT_A_TIME = 500
FEWEST_TO_COPY = 48
# A reader may pause between rows for long; it blocks no writer.
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"
# The first query takes the snapshot: what it sees was logged before this place.
_PLACE = "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn()::text END AS value"
_IS_FLUSHED = "SELECT pg_current_wal_flush_lsn() >= %(place)s::pg_lsn AS value"
_BEGIN_WRITING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    f"SELECT pg_advisory_xact_lock({WRITER})",
)
# A commit is flushed after the lock is released: by a transaction of its own that writes nothing but to the log.
_FLUSH = "SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'hitl', '')"
_WITH_TEXTS = (
    "contents",
    "reviews",
    "payloads",
    "outcomes",
    "wakeups",
    "tallies",
    "checkpoints",
    "checkpoint_blobs",
    "checkpoint_writes",
)
"""Our tables that hold texts of agents and people, and those of LangGraph."""

_TABLES_WITH_TEXTS = (
    "SELECT coalesce(array_agg(name), '{}') AS value FROM unnest(%s::text[]) AS name "
    "WHERE to_regclass(name) IS NOT NULL"
)
# A session whose snapshot is older than a rewrite keeps the rows that it may still read.
_OLDER_SNAPSHOTS = (
    "SELECT count(*) AS value FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend' AND backend_xmin IS NOT NULL AND xact_start < %s"
)
_INSERTION = re.compile(r"INSERT INTO (?P<table>\w+) \((?P<columns>.*?)\) VALUES \((?P<values>.*)\)", re.DOTALL)
_REVISION = "SELECT version_num FROM alembic_version"
# One transaction may have several open streams.
_NUMBERS = count(1)


def _first(connection: Connection, text: str, *values: Any) -> Any:
    """Return the value of a query with one row."""
    row = connection.execute(text, values, prepare=False).fetchone()
    return None if row is None else row["value"]


@cache
def _place_of(statement: Statement) -> tuple[str, list[str]] | None:
    """Return the table and the columns of a statement that inserts its parameters, None for any other statement."""
    parts = _INSERTION.fullmatch(statement.postgres)
    columns = parts["columns"].split(", ") if parts else []
    plain = parts is not None and parts["values"] == ", ".join(f"%({name})s" for name in columns)
    return (parts["table"], columns) if parts is not None and plain else None


def _value(cursor: Cursor[DictRow]) -> Any:
    """Return the value of a query with one row."""
    row = cursor.fetchone()
    return None if row is None else row["value"]


@contextmanager
def _warnings_of(connection: Connection) -> Iterator[list[str]]:
    """Collect the warnings of the server: it skips a table of another owner with a warning only."""
    warnings: list[str] = []

    def collect(notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "")

    connection.add_notice_handler(collect)
    try:
        yield warnings
    finally:
        connection.remove_notice_handler(collect)


class Pipelining:
    """The pipeline of a transaction, which is left for what PostgreSQL refuses in one."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._entered = connection, ExitStack()

    def __enter__(self) -> Self:
        """Begin to send statements without waiting for their results."""
        self._entered.enter_context(self._connection.pipeline())
        return self

    def __exit__(self, *error: Any) -> None:
        """Wait for all results."""
        self._entered.__exit__(*error)

    def end(self) -> None:
        """Wait for all results, and send no more statements ahead."""
        self._entered.close()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Wait for all results, and begin a new pipeline afterwards."""
        self._entered.close()
        yield
        self.__enter__()


class PostgresRows:
    """The result of a statement, received when it is first needed."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, cursor: Cursor[DictRow], pipeline: Pipelining | None) -> None:
        self._cursor, self._pipeline = cursor, pipeline

    @property
    def rowcount(self) -> int:
        """Return the number of changed rows."""
        if self._cursor.rowcount < 0 and self._pipeline is not None:
            self._await()
        return self._cursor.rowcount

    def _await(self) -> None:
        """Send the whole statement, then wait for its result.

        `Pipeline.sync` waits without sending the rest: a statement larger than the socket buffer would hang.
        """
        try:
            self._cursor.fetchone()
        except ProgrammingError as exc:
            # A statement that changes rows returns none; a server error has a code.
            if exc.sqlstate is not None:
                raise

    def __iter__(self) -> Iterator[DictRow]:
        """Yield the rows."""
        return iter(self._cursor)

    def fetchone(self) -> DictRow | None:
        """Return the next row."""
        return self._cursor.fetchone()


class PostgresTransaction:
    """One transaction on a borrowed connection. In a pipeline, the client waits only for the results that it reads."""

    __slots__ = ("_connection", "_pipeline")

    def __init__(self, connection: Connection, pipeline: Pipelining | None = None) -> None:
        self._connection, self._pipeline = connection, pipeline

    def run(self, statement: Statement, **values: Any) -> PostgresRows:
        """Run a statement; columns of its rows are read by name."""
        cursor = self._connection.execute(statement.postgres, values)
        return PostgresRows(cursor, self._pipeline)

    def run_each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of these rows."""
        # Not executemany, which waits for the results.
        for row in rows:
            self._connection.execute(statement.postgres, row)

    def insert_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; some dozens and more by COPY, for which the client waits three times."""
        place = _place_of(statement)
        if len(rows) < FEWEST_TO_COPY or place is None or self._pipeline is None:
            self.run_each(statement, rows)
            return
        table, columns = place
        names = SQL(", ").join(map(Identifier, columns))
        copying = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)
        with self._pipeline.left(), self._connection.cursor() as cursor, cursor.copy(copying) as copy:
            for row in rows:
                copy.write_row([row[name] for name in columns])

    def first(self, statement: Statement, **values: Any) -> Any:
        """Return the first row of a statement, None if it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: Statement, **values: Any) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a large result as tuples, fetching a few hundred at a time."""
        if self._pipeline is not None:
            self._pipeline.end()
        with self._connection.cursor(name=f"stream_{next(_NUMBERS)}", row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(statement.postgres, values)

    def close_group(self) -> None:
        """Do nothing: no transaction shares the commit of another."""

    def schema_defects(self) -> Iterator[SchemaDefect]:
        """Yield the differences between the schema in the catalog and the one that the migrations make."""
        from hitl_orchestrator.ledger.database.schema import postgres as schema  # noqa: PLC0415 - for verification

        defects = sorted(schema.defects_in(self._catalog), key=lambda each: not each.is_unreadable)
        yield from defects
        if not any(each.is_unreadable for each in defects):
            yield from schema.size_defects(self._catalog)
            yield from schema.revision_defects(self._catalog)

    def _catalog(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            return list(cursor.execute(query))

    def integrity_errors(self) -> Iterator[str]:
        """Yield nothing: the server checks its pages itself if its owner enables checksums."""
        return iter(())


class PostgresDatabase:
    """A PostgreSQL database: one writer at a time; each reader sees one state."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.url = connections.url

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[PostgresTransaction]:
        """Wait for the turn and open a transaction that writes. With `flush` its commit survives a power failure.

        The next writer begins while the commit is flushed. A reader waits for the flush of what it has seen.
        """
        with self._connections.turn() as end_turn, self._connections.lend() as connection:
            with self._flushed_on_error(connection, flush=flush), Pipelining(connection) as pipeline:
                revision = self._begin(connection, flush=flush)
                yield PostgresTransaction(connection, pipeline)
                self._check_revision(revision)
                committing = connection.execute("COMMIT", prepare=False)
                if flush and self._connections.flushes_alone:
                    connection.execute(_FLUSH)
                end_turn()
            self._check(committing)

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        """Open a transaction that reads one consistent state, which is flushed when it ends."""
        with self._connections.lend() as connection:
            with Pipelining(connection) as pipeline:
                for text in _BEGIN_READING.split("; "):
                    connection.execute(text, prepare=False)
                place = connection.execute(_PLACE)
                yield PostgresTransaction(connection, pipeline)
                committing, seen = connection.execute("COMMIT", prepare=False), _value(place)
                flushed = None if seen is None else connection.execute(_IS_FLUSHED, {"place": seen})
            self._check(committing)
            if flushed is not None and not _value(flushed):
                connection.execute(_FLUSH)

    @property
    def shared_place(self) -> Mapping[str, Any]:
        """Return how another process reaches the server, with the password if the address has one."""
        return {"address": self._connections.address}

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[PostgresTransaction]:
        """Open a transaction whose snapshot others use."""
        with self._connections.lend() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            begin(_first(connection, "SELECT pg_export_snapshot() AS value"))
            yield PostgresTransaction(connection)
            self._check(connection.execute("COMMIT", prepare=False))

    @contextmanager
    def read_state(self, name: str) -> Iterator[PostgresTransaction]:
        """Open a transaction that reads the state which `shared_read` named."""
        with self._connections.lend() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            connection.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(name), prepare=False)
            yield PostgresTransaction(connection)
            self._check(connection.execute("COMMIT", prepare=False))

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement from a transaction of its own."""
        with self.read() as transaction:
            yield from transaction.stream(statement, **values)

    def revision(self) -> str | None:
        """Return the revision of the tables."""
        with self._connections.lend() as connection:
            if connection.execute("SELECT to_regclass('alembic_version') AS name").fetchone() == {"name": None}:
                return None
            row = connection.execute(_REVISION).fetchone()
        return None if row is None else str(row["version_num"])

    def scrub(self) -> None:
        """Rewrite the tables that held texts. The write-ahead log and backups contain deleted rows for longer."""
        with self._connections.lend() as connection, _warnings_of(connection) as warnings:
            started = _first(connection, "SELECT clock_timestamp() AS value")
            tables = _first(connection, _TABLES_WITH_TEXTS, list(_WITH_TEXTS))
            connection.execute(f"SET lock_timeout = '{SCRUB_SECONDS}s'", prepare=False)
            try:
                for table in tables:
                    # A plain VACUUM leaves the bytes of deleted rows in pages that it keeps.
                    connection.execute(f'VACUUM (FULL) "{table}"', prepare=False)
            except errors.LockNotAvailable as exc:
                raise StoreUnavailable(self.url, "another session uses a table that holds erased data") from exc
            finally:
                connection.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'", prepare=False)
            if warnings:
                raise StoreUnavailable(self.url, f"erased data could not be removed: {warnings[0]}")
            if _first(connection, _OLDER_SNAPSHOTS, started):
                raise StoreUnavailable(self.url, "another session still sees the data from before it was erased")

    def engine(self) -> "Engine":
        """Return an engine for migrations."""
        from sqlalchemy import create_engine, event  # noqa: PLC0415 - slow to import, and for migrations alone
        from sqlalchemy.pool import NullPool  # noqa: PLC0415

        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connections.plain,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
        )

        @event.listens_for(engine, "begin")
        def _begin(connection: "AlembicConnection") -> None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")

        return engine

    def close(self) -> None:
        """Close idle connections; a connection in use is closed when it is returned."""
        self._connections.close()

    def _begin(self, connection: Connection, *, flush: bool) -> Cursor[DictRow]:
        """Begin a transaction that writes, and return the statement that reads the revision of the tables."""
        for text in _BEGIN_WRITING:
            connection.execute(text, prepare=False)
        if flush and not self._connections.flushes_alone:
            connection.execute(f"SET LOCAL synchronous_commit = {self._connections.flushing}", prepare=False)
        return connection.execute(_REVISION)

    @contextmanager
    def _flushed_on_error(self, connection: Connection, *, flush: bool) -> Iterator[None]:
        """Flush what a transaction has seen before its error is raised, which may report it."""
        try:
            yield
        except HitlError:
            if flush and self._connections.flushes_alone:
                connection.execute("ROLLBACK", prepare=False)
                connection.execute(_FLUSH)
            raise

    def _check_revision(self, reading: Cursor[DictRow]) -> None:
        """Refuse to commit to tables that were migrated since they were opened. Received with the first result."""
        row = reading.fetchone()
        check_revision(self.url, None if row is None else str(row["version_num"]))

    def _check(self, committing: Cursor[DictRow]) -> None:
        """Confirm a commit: PostgreSQL answers COMMIT with ROLLBACK when a statement of the transaction failed."""
        status = committing.statusmessage
        if status != "COMMIT":
            raise StoreUnavailable(self.url, f"a COMMIT was answered with {status}; nothing was written")
