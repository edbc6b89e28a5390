"""Where a node runs: the thread, the namespace of its task, the resume values of this run, and the user who runs it.

The keys of LangGraph's configuration are those of the pinned versions; a test compares them with the installed one.
"""

import asyncio
from collections.abc import Iterator, Mapping
from time import monotonic, sleep
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.integrations.langgraph.answers import ANSWER_SCHEMA, wake_up

__all__ = [
    "CHECKPOINTER",
    "DURABILITY",
    "NO_TASK",
    "PATH",
    "PULL",
    "PUSH",
    "RESUME",
    "RESUME_MAP",
    "SCRATCHPAD",
    "Pauses",
    "Place",
    "UnfitRun",
    "authenticated_user",
]

CHECKPOINTER, DURABILITY = "__pregel_checkpointer", "__pregel_durability"
RESUME_MAP, SCRATCHPAD = "__pregel_resume_map", "__pregel_scratchpad"
PULL, PUSH, PATH = "__pregel_pull", "__pregel_push", "langgraph_path"
RESUME, NO_TASK = "__resume__", "00000000-0000-0000-0000-000000000000"

_NO_CHECKPOINTER = (
    "the graph has no checkpointer, so its pause would be lost: compile it with one, "
    "such as builder.compile(checkpointer=SqliteSaver(...))"
)
_EXIT = (
    "durability='exit' stores the pause only when the run ends: a process that dies before asks the agent again, and "
    "leaves an open review that nothing waits for; run the graph with durability='sync'"
)
_NOT_STORED = (
    "has not stored the checkpoint of this step: after a crash it would ask the agent again, and leave an open review "
    "that nothing waits for; run it with durability='sync', and compile no graph inside of it with checkpointer=False"
)
_HEARD = "heard"
"""What stands in the wake-up that takes the place of an answer."""

_PAUSE, _SECONDS = 0.005, 30.0
"""Between two looks for a checkpoint, and for how long a run of the durability `async` may take to store it."""


class UnfitRun(InvalidInput, ValueError):
    """The graph is run in a way, or with an input, that cannot be used. A server shows the text of a `ValueError`."""


class Place(NamedTuple):
    """The place of one task in one run of a graph: before and after a pause it has the same thread and namespace."""

    thread: str
    namespace: str
    config: RunnableConfig

    @classmethod
    def of(cls, config: RunnableConfig) -> "Place":
        """Return the place of the running node.

        Raises:
            UnfitRun: the graph has no checkpointer or thread, or a durability that leaves orphaned reviews.
        """
        inside: Mapping[str, Any] = config.get("configurable", {})
        if not inside.get(CHECKPOINTER):
            raise UnfitRun([_NO_CHECKPOINTER])
        if inside.get(DURABILITY) == "exit":
            raise UnfitRun([_EXIT])
        return cls(str(inside["thread_id"]), str(inside.get("checkpoint_ns", "")), config)

    @property
    def node(self) -> str:
        """The namespace of the node's calls: the same in each run of the thread, however often the node runs.

        It has the namespace of the graph around, the name of the node, and of one that was sent (`Send`) its position.
        The graph of another task is another one, as are the calls of a task of another kind, which keep its id.
        """
        around, separator, own = self.namespace.rpartition("|")
        name, kind, position = own.partition(":")[0], *(*self.config.get("metadata", {}).get(PATH, ()), None, None)[:2]
        if kind == PULL:
            return f"{around}{separator}{name}"
        if kind == PUSH and isinstance(position, int):
            return f"{around}{separator}{name}:{position}"
        return self.namespace

    def wait_until_stored(self) -> None:
        """Return once the checkpoints from which the task would start again after a crash are stored.

        Raises:
            UnfitRun: one of them is not.
        """
        saver, checks = self._inside[CHECKPOINTER], self._checks()
        for place in checks:
            while saver.get_tuple(place) is None:
                checks.missing()
                sleep(_PAUSE)

    async def await_stored(self) -> None:
        """Return as `wait_until_stored` does, without blocking the event loop."""
        saver, checks = self._inside[CHECKPOINTER], self._checks()
        for place in checks:
            while await saver.aget_tuple(place) is None:
                checks.missing()
                await asyncio.sleep(_PAUSE)

    @property
    def _inside(self) -> Mapping[str, Any]:
        return self.config.get("configurable", {})

    def _checks(self) -> "_Checks":
        graphs = self._inside.get("checkpoint_map", {})
        is_sync = self._inside.get(DURABILITY) == "sync"
        # One graph that runs with `sync` has stored its checkpoint; one inside of another may have none.
        names = {} if is_sync and len(graphs) == 1 else graphs
        return _Checks(self.thread, names, 0.0 if is_sync else _SECONDS)


class _Checks:
    """The checkpoints of a task and of the tasks around it, and the time in which they have to be stored."""

    def __init__(self, thread: str, graphs: Mapping[str, str], seconds: float) -> None:
        self._thread, self._graphs, self._end = thread, graphs, monotonic() + seconds
        self._namespace = ""

    def __iter__(self) -> Iterator[RunnableConfig]:
        for namespace, checkpoint in self._graphs.items():
            self._namespace = namespace
            names = {"thread_id": self._thread, "checkpoint_ns": self._namespace, "checkpoint_id": checkpoint}
            yield {"configurable": names}

    def missing(self) -> None:
        """Raise `UnfitRun` if the time is over in which the current one has to be stored."""
        if monotonic() >= self._end:
            graph = f"the graph in {self._namespace!r}" if self._namespace else "the graph"
            raise UnfitRun([f"{graph} {_NOT_STORED}"])


class Pauses:
    """The interrupts of one task in one run. They return the earlier answers again before they pause.

    An answer is fresh if this very run brought it: an earlier one was heard by an earlier run, whose user was another.
    """

    def __init__(self, place: Place, *, is_async: bool = False) -> None:
        self._place, self._is_async = place, is_async
        inside: Mapping[str, Any] = place.config.get("configurable", {})
        self._by_id: Mapping[str, Any] = inside.get(RESUME_MAP) or {}
        self._stored = len(getattr(inside.get(SCRATCHPAD), "resume", ()))
        self._count = 0

    @property
    def is_first(self) -> bool:
        """Whether the task has no answer yet: it may run for the first time."""
        return not (self._by_id or self._stored)

    def forget(self) -> Any:
        """Put a wake-up in the place of an answer without an id, which a later run of another user would read again.

        Returns what is to be awaited in an asynchronous graph.
        """
        inside: Mapping[str, Any] = self._place.config.get("configurable", {})
        checkpoint = inside.get("checkpoint_map", {}).get("")
        if self._by_id or checkpoint is None:
            return None
        place = {"thread_id": self._place.thread, "checkpoint_ns": "", "checkpoint_id": checkpoint}
        put = inside[CHECKPOINTER].aput_writes if self._is_async else inside[CHECKPOINTER].put_writes
        return put({"configurable": place}, [(RESUME, wake_up(_HEARD))], NO_TASK)

    def wait(self, pause: dict[str, Any]) -> tuple[Any, bool]:
        """Pause the graph, or return the next resume value and whether it is fresh.

        Raises:
            GraphInterrupt: there is no further value.
        """
        value = interrupt(pause, response_schema=ANSWER_SCHEMA)
        self._count += 1
        if self._by_id:
            return value, any(value is each for each in self._by_id.values())
        return value, self._count > self._stored


def authenticated_user(config: RunnableConfig) -> str | None:
    """Return the user whom a LangGraph server has authenticated for this run; None without one.

    Outside of a server the configuration is the application's: it may set `langgraph_auth_user_id` itself, and must
    never copy a configuration from a request.
    """
    return str(config.get("configurable", {}).get("langgraph_auth_user_id") or "") or None
