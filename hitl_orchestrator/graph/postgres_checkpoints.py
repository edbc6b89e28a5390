"""Checkpoints in PostgreSQL: LangGraph's own saver and tables, on connections that are replaced when they are lost.

As on SQLite its commits do not wait for the disk: a checkpoint can be rebuilt from the tables at any time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Cursor
from psycopg.rows import DictRow

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.graph.checkpoints import CaseCheckpointSaver
from hitl_orchestrator.graph.serializer import strict_serializer
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS, retried
from hitl_orchestrator.ledger.database.postgres_connections import Connections

_MAKER = 0x686B7074
_A_MOMENT = 0.05
# Texts must not get into the statistics of the server, where redaction could not erase them.
_TEXTS = {"checkpoints": ("checkpoint", "metadata"), "checkpoint_blobs": ("blob",), "checkpoint_writes": ("blob",)}


class PostgresCheckpoints(CaseCheckpointSaver, PostgresSaver):
    """Checkpoints in a PostgreSQL database, for synchronous and asynchronous callers alike.

    All writes are idempotent, so an operation whose connection was lost is repeated.
    """

    def __init__(self, connections: Connections, key: bytes | None = None) -> None:
        super().__init__(cast(Any, connections), serde=strict_serializer(key))
        self._connections = connections

    def holds(self, case_id: str) -> bool:
        """Return whether a case has a checkpoint, without reading it."""
        return self._has("SELECT 1 FROM checkpoints WHERE thread_id = %s LIMIT 1", case_id)

    @retried
    def threads(self) -> set[str]:
        """Return the ids of all stored threads."""
        tables = ("checkpoints", "checkpoint_writes", "checkpoint_blobs")
        wanted = " UNION ".join(f"SELECT thread_id FROM {table}" for table in tables)  # noqa: S608 - our own words
        with self._connections.lend() as connection:
            return {str(row["thread_id"]) for row in connection.execute(wanted)}

    @retried
    def setup(self) -> None:
        """Create or migrate the tables, one process at a time; the others wait.

        Raises:
            StoreUnavailable: another process took too long.
        """
        if self._is_set_up():
            return
        with self._connections.lend() as connection:
            # Waiting inside the database would hold up the index that the other one is making, and it would wait
            # for us in turn.
            until = monotonic() + BUSY_TIMEOUT_SECONDS
            while not _is_true(connection.execute("SELECT pg_try_advisory_lock(%s) AS yes", (_MAKER,))):
                if monotonic() > until:
                    raise StoreUnavailable(self._connections.url, "another process makes its tables; try again")
                sleep(_A_MOMENT)
            try:
                # A crash of the server right after it would leave a process without the tables that it has made.
                connection.execute("SET synchronous_commit = on")
                super().setup()
                for table, columns in _TEXTS.items():
                    changes = ", ".join(f"ALTER COLUMN {column} SET STATISTICS 0" for column in columns)
                    connection.execute(f"ALTER TABLE {table} {changes}")
            finally:
                connection.execute("SET synchronous_commit = off")
                connection.execute("SELECT pg_advisory_unlock(%s)", (_MAKER,))

    @retried
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint."""
        return super().get_tuple(config)

    @retried
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, or delete the thread if the case has its outcome."""
        return super().put(config, checkpoint, metadata, new_versions)

    @retried
    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a step."""
        super().put_writes(config, writes, task_id, task_path)

    @retried
    def delete_thread(self, thread_id: str) -> None:
        """Delete the checkpoint of a case, if it has one."""
        super().delete_thread(thread_id)

    def _is_set_up(self) -> bool:
        if not self._has("SELECT 1 WHERE to_regclass(%s) IS NOT NULL", "checkpoint_migrations"):
            return False
        return self._has("SELECT 1 FROM checkpoint_migrations WHERE v >= %s", len(self.MIGRATIONS) - 1)

    @retried
    def _has(self, question: str, value: Any) -> bool:
        with self._connections.lend() as connection:
            return connection.execute(question, (value,)).fetchone() is not None

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        """Yield a cursor; the writes of a pipeline are one transaction."""
        with self._connections.lend() as connection:
            if not pipeline:
                with connection.cursor(binary=True) as cursor:
                    yield cursor
            elif self.supports_pipeline:
                with connection.pipeline(), connection.cursor(binary=True) as cursor:
                    yield cursor
            else:
                with connection.transaction(), connection.cursor(binary=True) as cursor:
                    yield cursor


def _is_true(cursor: Cursor[DictRow]) -> bool:
    row = cursor.fetchone()
    return row is not None and bool(row["yes"])


def postgres_checkpoints(url: str, key: bytes | None = None) -> PostgresCheckpoints:
    """Open the checkpoints of a PostgreSQL database that is open already, encrypted where there is a key.

    `close` is the connections': `checkpoints.conn.close()`.
    """
    checkpoints = PostgresCheckpoints(Connections(url, reached=True), key)
    checkpoints.setup()
    return checkpoints
