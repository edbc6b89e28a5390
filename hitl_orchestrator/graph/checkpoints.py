"""Checkpoints of waiting cases, with strict reading; a finished case has none.

A checkpoint can be rebuilt from the tables at any time, so its connection commits without waiting for the disk, unlike
the connection of the ledger.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from hitl_orchestrator.errors import CheckpointUnreadable, StoreUnavailable, UnsafeRow
from hitl_orchestrator.graph.serializer import strict_serializer
from hitl_orchestrator.graph.topology import GIVEN, OUTCOME

BUSY_TIMEOUT_SECONDS = 30
_LEDGER = "hitl_ledger"


# Errors of reading a row that this code did not write: wrong tags, bytes or shapes. Database errors pass through.
_UNREADABLE = (UnsafeRow, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError)


class CaseCheckpointSaver(BaseCheckpointSaver[Any]):
    """Stores the checkpoint of a running or waiting case, and deletes it when the case finishes.

    LangGraph silently resumes a finished thread again; a deleted one cannot be resumed. Each checkpoint names its
    ledger: one that was copied from another store is not resumed.
    """

    ledger_id = ""
    missing: Callable[[str], bool] = staticmethod(lambda case_id: False)
    """Called with a thread that a client reads, and that may have no checkpoint; returns whether it has one now."""
    on_unreadable: Callable[[CheckpointUnreadable], None] = staticmethod(lambda error: None)
    """Called with the error of a checkpoint before it is raised."""

    def of_ledger(self, ledger_id: str) -> Self:
        """Return these checkpoints, bound to the ledger with this id."""
        self.ledger_id = ledger_id
        return self

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint of a case. One that a waiting case lacks is made now.

        Raises:
            CheckpointUnreadable: this code did not write the row, or for another ledger. Nothing that it names was
                imported or called.
        """
        try:
            found = super().get_tuple(config)
            if found is None and self._is_made(config["configurable"]):
                found = super().get_tuple(config)
            if found is not None:
                _check_shape(found.checkpoint)
                self._check_ledger(found.metadata)
        except _UNREADABLE as exc:
            error = CheckpointUnreadable(str(config["configurable"]["thread_id"]), str(exc))
            self.on_unreadable(error)
            raise error from exc
        return found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, or delete the thread if the case has its outcome."""
        if OUTCOME not in checkpoint["channel_values"]:
            named: Any = {**metadata, _LEDGER: self.ledger_id}
            return super().put(config, checkpoint, named, new_versions)
        place = config["configurable"]
        if place.get("checkpoint_id") is not None:
            # The outcome is stored already: a checkpoint that cannot be deleted must not fail the run.
            with suppress(StoreUnavailable):
                self.delete_thread(place["thread_id"])
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    def holds(self, case_id: str) -> bool:
        """Return whether a case has a checkpoint, without reading or making it."""
        raise NotImplementedError

    def threads(self) -> set[str]:
        """Return the ids of all stored threads."""
        raise NotImplementedError

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the name that LangGraph calls it by
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints. The one that a waiting case lacks is made now."""
        if config is not None and before is None:
            self._is_made(config["configurable"])
        yield from super().list(config, filter=filter, before=before, limit=limit)

    def _is_made(self, place: dict[str, Any]) -> bool:
        """Make the newest checkpoint of a thread of ours, if it waits; return whether there is one now."""
        is_newest = not place.get("checkpoint_ns") and place.get("checkpoint_id") is None
        return is_newest and self.missing(str(place["thread_id"]))

    def _check_ledger(self, metadata: CheckpointMetadata) -> None:
        stated = cast(dict[str, Any], metadata).get(_LEDGER)
        if stated != self.ledger_id:
            raise UnsafeRow(f"it is of ledger {stated!r}, and this is ledger {self.ledger_id!r}")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read in a thread, without blocking the event loop."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write in a thread, without blocking the event loop."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write in a thread, without blocking the event loop."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete in a thread, without blocking the event loop."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the name that LangGraph calls it by
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List in a thread, without blocking the event loop."""
        found = await asyncio.to_thread(lambda: list(self.list(config, filter=filter, before=before, limit=limit)))
        for item in found:
            yield item


def _check_shape(checkpoint: Any) -> None:
    """Require the structure that LangGraph resumes from: an id, and the values and versions of the channels."""
    parts = ("channel_values", "channel_versions", "versions_seen")
    if not isinstance(checkpoint["id"], str) or not all(isinstance(checkpoint[part], dict) for part in parts):
        raise UnsafeRow("it does not have the structure of a checkpoint")
    if not isinstance(checkpoint["channel_values"].get(GIVEN, {}), dict):
        raise UnsafeRow(f"its {GIVEN} is not an object")


class SqliteCheckpoints(CaseCheckpointSaver, SqliteSaver):
    """Checkpoints in a SQLite file or in memory, for synchronous and asynchronous callers alike."""

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """Yield a cursor. A failed transaction is rolled back, so that it does not keep the file locked.

        Raises:
            StoreUnavailable: the file cannot be used.
        """
        try:
            with super().cursor(transaction) as cursor:
                yield cursor
        except sqlite3.Error as exc:
            if self.conn.in_transaction:
                self.conn.rollback()
            file = self.conn.execute("PRAGMA database_list").fetchone()[2]
            raise StoreUnavailable(f"sqlite:///{file}", str(exc)) from exc

    def holds(self, case_id: str) -> bool:
        """Return whether a case has a checkpoint, without reading it."""
        with self.cursor(transaction=False) as cursor:
            found = cursor.execute("SELECT 1 FROM checkpoints WHERE thread_id = ? LIMIT 1", (case_id,))
            return found.fetchone() is not None

    def threads(self) -> set[str]:
        """Return the ids of all stored threads."""
        with self.cursor(transaction=False) as cursor:
            found = cursor.execute("SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM writes")
            return {thread for (thread,) in found}


def sqlite_checkpoints(path: str, key: bytes | None = None) -> SqliteCheckpoints:
    """Open the checkpoints of a SQLite file, or of `:memory:`, encrypted where there is a key.

    `close` is the connection's: `checkpoints.conn.close()`.
    """
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_TIMEOUT_SECONDS)
    connection.execute("PRAGMA synchronous=NORMAL")
    return SqliteCheckpoints(connection, serde=strict_serializer(key))
