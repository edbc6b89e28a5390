"""Transactions on a PostgreSQL database, with the statements and guarantees of SQLite."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from psycopg import Cursor, Pipeline, ProgrammingError
from psycopg.rows import DictRow, tuple_row
from sqlalchemy import Connection as AlembicConnection
from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, compiled
from hitl_orchestrator.ledger.database.postgres_connections import Connection, Connections

WRITER = 0x6869746C
"""The advisory lock of the writer. Entries are numbered without gaps and chained, so there is one writer at a time."""

_DIALECT: Dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # it has no types of its own
ROWS_AT_A_TIME = 500
# A reader may pause between rows for long; it blocks no writer.
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"
_BEGIN_WRITING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    f"SELECT pg_advisory_xact_lock({WRITER})",
)
# One transaction may have several open streams.
_NUMBERS = count(1)


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

    def run(self, statement: ClauseElement, **values: Any) -> PostgresRows:
        """Run a statement; columns of its rows are read by name."""
        text, constants = compiled(statement, _DIALECT)
        return PostgresRows(self._connection.execute(text, {**constants, **values}), self._pipeline)

    def run_each(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of these rows."""
        text, _ = compiled(statement, _DIALECT)
        for row in rows:
            self._connection.execute(text, row)

    def first(self, statement: ClauseElement, **values: Any) -> Any:
        """Return the first row of a statement, None if it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: ClauseElement, **values: Any) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a large result as tuples, fetching a few hundred at a time."""
        text, constants = compiled(statement, _DIALECT)
        with self._connection.cursor(name=f"stream_{next(_NUMBERS)}", row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(text, {**constants, **values})

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
                if flush:
                    connection.execute(f"SET LOCAL synchronous_commit = {self._connections.flushing}", prepare=False)
                yield PostgresTransaction(connection, pipeline)
                committing = connection.execute("COMMIT", prepare=False)
            self._check(committing)

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        """Open a transaction that reads one consistent state."""
        with self._connections.lend() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            yield PostgresTransaction(connection)
            self._check(connection.execute("COMMIT", prepare=False))

    def stream(self, statement: ClauseElement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement from a transaction of its own."""
        with self.read() as transaction:
            yield from transaction.stream(statement, **values)

    def revision(self) -> str | None:
        """Return the revision of the tables."""
        with self._connections.lend() as connection:
            if connection.execute("SELECT to_regclass('alembic_version') AS name").fetchone() == {"name": None}:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row["version_num"])

    def scrub(self) -> None:
        """Free the space of deleted rows. Pages, log and backups may contain them until they are overwritten."""
        with self._connections.lend() as connection:
            connection.execute("VACUUM contents, reviews, payloads", prepare=False)

    def engine(self) -> Engine:
        """Return an engine for migrations."""
        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connections.plain,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
        )

        @event.listens_for(engine, "begin")
        def _begin(connection: AlembicConnection) -> None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")

        return engine

    def close(self) -> None:
        """Close idle connections; a connection in use is closed when it is returned."""
        self._connections.close()

    def _check(self, committing: Cursor[DictRow]) -> None:
        """Confirm a commit: PostgreSQL answers COMMIT with ROLLBACK when a statement of the transaction failed."""
        status = committing.statusmessage
        if status != "COMMIT":
            raise StoreUnavailable(self.url, f"a COMMIT was answered with {status}; nothing was written")
