"""Where a node runs: the thread, the namespace of its task, the resume values of this run, and the user who runs it.

The keys of LangGraph's configuration are those of the pinned versions; a test compares them with the installed one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.integrations.langgraph.answers import ANSWER_SCHEMA

__all__ = [
    "CHECKPOINTER",
    "DURABILITY",
    "RESUME_MAP",
    "SCRATCHPAD",
    "Pauses",
    "Place",
    "UnfitRun",
    "authenticated_user",
]

CHECKPOINTER, DURABILITY = "__pregel_checkpointer", "__pregel_durability"
RESUME_MAP, SCRATCHPAD = "__pregel_resume_map", "__pregel_scratchpad"

_NO_CHECKPOINTER = (
    "the graph has no checkpointer, so its pause would be lost: compile it with one, "
    "such as builder.compile(checkpointer=SqliteSaver(...))"
)
_EXIT = (
    "durability='exit' stores the pause only when the run ends: a process that dies before asks the agent again, and "
    "leaves an open review that nothing waits for; run the graph with durability='sync'"
)


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


class Pauses:
    """The interrupts of one task in one run. They return the earlier answers again before they pause.

    An answer is fresh if this very run brought it: an earlier one was heard by an earlier run, whose user was another.
    """

    def __init__(self, place: Place) -> None:
        inside: Mapping[str, Any] = place.config.get("configurable", {})
        self._by_id: Mapping[str, Any] = inside.get(RESUME_MAP) or {}
        self._stored = len(getattr(inside.get(SCRATCHPAD), "resume", ()))
        self._count = 0

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
