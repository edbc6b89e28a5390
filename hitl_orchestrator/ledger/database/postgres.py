"""Transactions on a PostgreSQL database, with the same statements as on SQLite and the same promises."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from psycopg import Cursor, Pipeline, ProgrammingError
from psycopg.rows import DictRow
from sqlalchemy import Connection as AlembicConnection
from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, compiled
from hitl_orchestrator.ledger.database.postgres_connections import Connection, Connections

WRITER = 0x6869746C
"""The advisory lock of whoever writes. The ledger has no gaps and each entry holds the one before: one at a time."""

_DIALECT: Dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # it has no types of its own
ROWS_AT_A_TIME = 500
# Whoever reads may take a long look at each row; nobody waits for a reader.
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"
_BEGIN_WRITING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    f"SELECT pg_advisory_xact_lock({WRITER})",
)
# Several streams may be open in one transaction.
_NUMBERS = count(1)


class PostgresRows:
    """What a statement found. It is on its way until somebody asks."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, cursor: Cursor[DictRow], pipeline: Pipeline | None) -> None:
        self._cursor, self._pipeline = cursor, pipeline

    @property
    def rowcount(self) -> int:
        """Return how many rows were changed."""
        if self._cursor.rowcount < 0 and self._pipeline is not None:
            self._await()
        return self._cursor.rowcount

    def _await(self) -> None:
        """Wait for the answer, having sent all of the question.

        `Pipeline.sync` waits without that: what is larger than a socket takes at once would never be answered.
        """
        try:
            self._cursor.fetchone()
        except ProgrammingError as exc:
            # A statement that changes rows has none to fetch; an error of the server has a code.
            if exc.sqlstate is not None:
                raise

    def __iter__(self) -> Iterator[DictRow]:
        """Yield the rows."""
        return iter(self._cursor)

    def fetchone(self) -> DictRow | None:
        """Return the next row."""
        return self._cursor.fetchone()


class PostgresTransaction:
    """One transaction on a connection that is lent. In a pipeline, nobody waits for an answer that nobody needs."""

    __slots__ = ("_connection", "_pipeline")

    def __init__(self, connection: Connection, pipeline: Pipeline | None = None) -> None:
        self._connection, self._pipeline = connection, pipeline

    def run(self, statement: ClauseElement, **values: Any) -> PostgresRows:
        """Run a statement; its rows are read by the names of their columns."""
        text, constants = compiled(statement, _DIALECT)
        return PostgresRows(self._connection.execute(text, {**constants, **values}), self._pipeline)

    def run_each(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several rows."""
        text, _ = compiled(statement, _DIALECT)
        for row in rows:
            self._connection.execute(text, row)

    def first(self, statement: ClauseElement, **values: Any) -> Any:
        """Return the first row of a statement, None where it has none."""
        return self.run(statement, **values).fetchone()

    def stream(self, statement: ClauseElement, **values: Any) -> Iterator[Any]:
        """Yield the rows of a statement that may have very many; only a few are held at a time."""
        text, constants = compiled(statement, _DIALECT)
        with self._connection.cursor(name=f"stream_{next(_NUMBERS)}") as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(text, {**constants, **values})

    def faults(self) -> Iterator[str]:
        """Yield nothing: a server looks after its pages itself, with checksums where its owner asks for them."""
        return iter(())


class PostgresDatabase:
    """A PostgreSQL database: one writer at a time, readers in one state each."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.url = connections.url

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[PostgresTransaction]:
        """Write in one transaction, which waits for its turn. With `flush` its commit survives a power cut at once."""
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
        """Read one consistent state, whatever is written meanwhile."""
        with self._connections.lend() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            yield PostgresTransaction(connection)
            self._check(connection.execute("COMMIT", prepare=False))

    def revision(self) -> str | None:
        """Return the migration that the tables stand at."""
        with self._connections.lend() as connection:
            if connection.execute("SELECT to_regclass('alembic_version') AS known").fetchone() == {"known": None}:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row["version_num"])

    def scrub(self) -> None:
        """Free the room of what was deleted. Pages, log and back-ups may hold it until they are written over."""
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
        """Close what is idle; what is in use closes when it is given back."""
        self._connections.close()

    def _check(self, committing: Cursor[DictRow]) -> None:
        """Make sure of a commit: a transaction in which something failed answers a COMMIT with a ROLLBACK."""
        ended = committing.statusmessage
        if ended != "COMMIT":
            raise StoreUnavailable(self.url, f"a transaction that should commit answered {ended}; nothing was written")
