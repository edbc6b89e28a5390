"""The guard on a tool: the approved call runs once, with exactly the approved arguments, whatever stands before it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.messages import ToolCall
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from pydantic import PrivateAttr

from hitl_orchestrator import Go
from hitl_orchestrator.errors import GrantRefused
from hitl_orchestrator.integrations.langchain import messages
from hitl_orchestrator.integrations.langchain.schemas import injected


class PausedInside(RuntimeError):
    """A reviewed tool paused its agent while it ran, so that its one execution has no end."""

    def __init__(self, name: str) -> None:
        remedy = "declare it free with tools={...: False}, and review the calls inside of it"
        super().__init__(f"the tool {name!r} paused inside of its one approved execution; {remedy}")


class GuardedTool(BaseTool):
    """A tool for one approved call. It stands where the tool stands, so that no middleware comes between.

    Calling it again returns the stored result. Another name or other arguments than the approved ones are refused.
    """

    _tool: BaseTool = PrivateAttr()
    _go: Go = PrivateAttr()

    @classmethod
    def of(cls, tool: BaseTool, go: Go) -> "GuardedTool":
        """Return the guarded form of a tool for an approved call."""
        guarded = cls(
            name=tool.name,
            description=tool.description,
            args_schema=tool.args_schema,
            return_direct=tool.return_direct,
            tags=tool.tags,
            metadata=tool.metadata,
            response_format=tool.response_format,
            extras=tool.extras,
        )
        guarded._tool, guarded._go = tool, go
        return guarded

    def invoke(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Any:  # noqa: A002 - as in the base
        """Run the approved call if this is it.

        Raises:
            GrantRefused: the name or an argument is not the approved one; nothing ran.
            AlreadyRunning, ExecutionFailed, ExecutionUnknown: it ran before, or runs elsewhere.
        """
        call = partial(self._tool.invoke, input, config, **options)
        return self._checked(input).run(lambda _: _unpaused(self.name, call), **self._stored(input))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Any:  # noqa: A002
        """Run the approved call as `invoke` does."""

        async def call(_: dict[str, Any]) -> Any:
            try:
                return await self._tool.ainvoke(input, config, **options)
            except GraphBubbleUp as exc:
                raise PausedInside(self.name) from exc

        return await self._checked(input).arun(call, **self._stored(input))

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse a call without the tool call, which only `invoke` has."""
        raise GrantRefused(self._go.case_id, f"the tool {self.name!r} was called without its tool call")

    def _checked(self, given: Any) -> Go:
        """Return the approval for what is about to run, whose arguments the grant then compares with the approved."""
        if not isinstance(given, dict) or not isinstance(given.get("args"), dict):
            raise GrantRefused(self._go.case_id, f"the tool {self.name!r} was called without its tool call")
        if given.get("name") != self._go.name:
            why = f"it is about {self._go.name!r}, and a middleware has changed the call to {given.get('name')!r}"
            raise GrantRefused(self._go.case_id, why)
        hidden = injected(self._tool)
        return replace(self._go, arguments={name: each for name, each in given["args"].items() if name not in hidden})

    def _stored(self, given: ToolCall) -> dict[str, Callable[[Any], Any]]:
        return {"encode": messages.to_json, "decode": partial(messages.from_json, given)}


def _unpaused(name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except GraphBubbleUp as exc:
        raise PausedInside(name) from exc
