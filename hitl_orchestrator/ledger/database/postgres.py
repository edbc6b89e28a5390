"""Transactions on a PostgreSQL database, with the statements and guarantees of SQLite."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from psycopg import Cursor, Pipeline, ProgrammingError, errors
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL

from hitl_orchestrator.errors import StoreUnavailable
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
# A reader may pause between rows for long; it blocks no writer.
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"
_BEGIN_WRITING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    f"SELECT pg_advisory_xact_lock({WRITER})",
)
_WITH_TEXTS = (
    "contents",
    "reviews",
    "payloads",
    "outcomes",
    "wakeups",
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
_REVISION = "SELECT version_num FROM alembic_version"
# One transaction may have several open streams.
_NUMBERS = count(1)


def _first(connection: Connection, text: str, *values: Any) -> Any:
    """Return the value of a query with one row."""
    row = connection.execute(text, values, prepare=False).fetchone()
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


class PostgresRows:
    """The result of a statement, received when it is first needed."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, cursor: Cursor[DictRow], pipeline: Pipeline | None) -> None:
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

    def __init__(self, connection: Connection, pipeline: Pipeline | None = None) -> None:
        self._connection, self._pipeline = connection, pipeline

    def run(self, statement: Statement, **values: Any) -> PostgresRows:
        """Run a statement; columns of its rows are read by name."""
        cursor = self._connection.execute(statement.postgres, values)
        return PostgresRows(cursor, self._pipeline)

    def run_each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of these rows."""
        for row in rows:
            self._connection.execute(statement.postgres, row)

    def first(self, statement: Statement, **values: Any) -> Any:
        """Return the first row of a statement, None if it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: Statement, **values: Any) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a large result as tuples, fetching a few hundred at a time."""
        with self._connection.cursor(name=f"stream_{next(_NUMBERS)}", row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(statement.postgres, values)

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
        """Wait for the turn and open a transaction that writes. With `flush` its commit survives a power failure."""
        with self._connections.lend() as connection:
            with connection.pipeline() as pipeline:
                for text in _BEGIN_WRITING:
                    connection.execute(text, prepare=False)
                revision = connection.execute(_REVISION)
                if flush:
                    connection.execute(f"SET LOCAL synchronous_commit = {self._connections.flushing}", prepare=False)
                yield PostgresTransaction(connection, pipeline)
                self._check_revision(revision)
                committing = connection.execute("COMMIT", prepare=False)
            self._check(committing)

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        """Open a transaction that reads one consistent state."""
        with self._connections.lend() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            yield PostgresTransaction(connection)
            self._check(connection.execute("COMMIT", prepare=False))

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

    def _check_revision(self, reading: Cursor[DictRow]) -> None:
        """Refuse to commit to tables that were migrated since they were opened. Received with the first result."""
        row = reading.fetchone()
        check_revision(self.url, None if row is None else str(row["version_num"]))

    def _check(self, committing: Cursor[DictRow]) -> None:
        """Confirm a commit: PostgreSQL answers COMMIT with ROLLBACK when a statement of the transaction failed."""
        status = committing.statusmessage
        if status != "COMMIT":
            raise StoreUnavailable(self.url, f"a COMMIT was answered with {status}; nothing was written")
