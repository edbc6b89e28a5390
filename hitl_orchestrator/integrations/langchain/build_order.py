"""Checks the place of the oversight among the middleware of an agent, while LangChain builds it.

LangChain has no hook for this. While `create_agent` reads the `tools` of each middleware, its own frame holds the whole
list. Where that frame is not found, nothing is known and nothing is refused: the guard on the tool does not depend on
the order.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware
from langchain_core.tools import BaseTool, tool

from hitl_orchestrator.errors import InvalidInput

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Built:
    """What is known about the agent: its middleware in order, outermost first, and its tools by name."""

    middleware: tuple[AgentMiddleware[Any, Any, Any], ...]
    tools: dict[str, BaseTool]

    def may_run(self, name: str, own: object) -> bool:
        """Return whether the agent has a tool, or another middleware may run a call without one."""
        return name in self.tools or any(wraps_tool_calls(each) for each in self.middleware if each is not own)


def building(own: object) -> Built | None:
    """Return what `create_agent` is building right now; None if it is not on the stack. `own` adds no tools."""
    frame = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame.f_code.co_name == "create_agent" and frame.f_globals.get("__name__") == "langchain.agents.factory":
            names = frame.f_locals
            middleware: Sequence[Any] = names.get("middleware") or ()
            theirs = [each for other in middleware if other is not own for each in getattr(other, "tools", ())]
            tools = [_as_tool(each) for each in (*theirs, *(names.get("tools") or ())) if not isinstance(each, dict)]
            return Built(tuple(middleware), {each.name: each for each in tools})
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _as_tool(given: Any) -> BaseTool:
    """Return a tool as LangChain makes it of a function."""
    made: BaseTool = given if isinstance(given, BaseTool) else tool(given)
    return made


def check_outermost(own: object, built: Built) -> None:
    """Refuse an agent in which another middleware wraps tool calls outside of the oversight.

    Raises:
        InvalidInput: with the names of the middleware to move.
    """
    before: list[str] = []
    for each in built.middleware:
        if each is own:
            break
        if wraps_tool_calls(each):
            before.append(each.name)
    if before:
        problem = f"OversightMiddleware: {', '.join(before)} is listed before it, and may hide a pause or a refusal"
        raise InvalidInput([f"{problem}; put OversightMiddleware first in middleware=[...]"])


def wraps_tool_calls(middleware: AgentMiddleware[Any, Any, Any]) -> bool:
    """Return whether a middleware has a hook around tool calls."""
    kind = type(middleware)
    return (
        kind.wrap_tool_call is not AgentMiddleware.wrap_tool_call
        or kind.awrap_tool_call is not AgentMiddleware.awrap_tool_call
    )
