"""Where a waiting case keeps its place: strict checkpoints, and none for a case that has finished.

A checkpoint is an aid, not the truth: it can be made again from the tables at any time. That is why its connection
commits without waiting for the disk, while the ledger's does wait.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.graph.topology import OUTCOME

BUSY_TIMEOUT_SECONDS = 30


class LaxSerializer(HitlError):
    """The checkpoint serializer would rebuild any class that a stored row names, and so run foreign code."""


@dataclass(frozen=True)
class _Probe:
    """A class that no checkpoint of ours holds."""

    held: int = 1


def _say_nothing(record: logging.LogRecord) -> bool:
    """Keep LangGraph's warning about the probe out of everybody's log; its other warnings stay."""
    return _Probe.__name__ not in record.getMessage()


def strict_serializer() -> JsonPlusSerializer:
    """Return a serializer that rebuilds plain values and LangGraph's own types, and nothing else; no pickle.

    Raises:
        LaxSerializer: the installed version does not hold to that, which is tried with a harmless class.
    """
    strict = JsonPlusSerializer(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None)
    foreign = JsonPlusSerializer(allowed_msgpack_modules=True).dumps_typed(_Probe())
    log = logging.getLogger(JsonPlusSerializer.__module__)
    log.addFilter(_say_nothing)
    try:
        rebuilt = strict.loads_typed(foreign)
    finally:
        log.removeFilter(_say_nothing)
    if isinstance(rebuilt, _Probe):
        raise LaxSerializer("the installed langgraph-checkpoint rebuilds foreign classes; install a version we support")
    return strict


class ForgetsFinished(BaseCheckpointSaver[Any]):
    """Stores the place of a case that runs or waits, and deletes it where a case has finished.

    A finished thread would accept another resume without a word; one that is gone cannot.
    """

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, or let the whole thread go with its last one."""
        if OUTCOME not in checkpoint["channel_values"]:
            return super().put(config, checkpoint, metadata, new_versions)
        place = config["configurable"]
        if place.get("checkpoint_id") is not None:
            self.delete_thread(place["thread_id"])
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}


class Places(Protocol):
    """What a runner asks of checkpoints beside what LangGraph does."""

    def holds(self, case_id: str) -> bool:
        """Whether a case has a place here."""

    def delete_thread(self, thread_id: str) -> None:
        """Let the place of a case go, if it has one."""


class SqliteCheckpoints(ForgetsFinished, SqliteSaver):
    """Checkpoints in a SQLite file, for synchronous and asynchronous callers alike."""

    def holds(self, case_id: str) -> bool:
        """Whether a case has a place here, without reading it."""
        with self.cursor(transaction=False) as cursor:
            found = cursor.execute("SELECT 1 FROM checkpoints WHERE thread_id = ? LIMIT 1", (case_id,))
            return found.fetchone() is not None

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write in a thread, so that the event loop goes on."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete in a thread, so that the event loop goes on."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the name that LangGraph calls it by
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List in a thread, so that the event loop goes on."""
        found = await asyncio.to_thread(lambda: list(self.list(config, filter=filter, before=before, limit=limit)))
        for item in found:
            yield item


class MemoryCheckpoints(ForgetsFinished, InMemorySaver):
    """Checkpoints in memory, with the same rules."""

    def holds(self, case_id: str) -> bool:
        """Whether a case has a place here."""
        return case_id in self.storage


def sqlite_checkpoints(path: str) -> SqliteCheckpoints:
    """Open the checkpoints of a SQLite file. `close` is the connection's: `checkpoints.conn.close()`."""
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_TIMEOUT_SECONDS)
    connection.execute("PRAGMA synchronous=NORMAL")
    return SqliteCheckpoints(connection, serde=strict_serializer())


def memory_checkpoints() -> MemoryCheckpoints:
    """Return checkpoints that end with the process."""
    return MemoryCheckpoints(serde=strict_serializer())
