"""The OpenAI Agents SDK (extra `openai-agents`): tools whose calls are reviewed, and executed once as approved."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hitl_orchestrator import CallKey, Waiting
from hitl_orchestrator.errors import AwaitingReview, InvalidInput, install_hint
from hitl_orchestrator.integrations.checks import Confidence, Facade, called, check_takes_one, closed, key_of
from hitl_orchestrator.integrations.tool_calls import Risk, ToolCalls, permitted, run_once

try:
    from agents import FunctionTool, RunContextWrapper, RunState
    from agents.tool_context import ToolContext
except ImportError as missing:
    raise InvalidInput([f"openai_agents: the SDK is missing ({missing}); {install_hint('openai-agents')}"]) from missing


class Oversight:
    """Reviews the calls of tools. `thread` names the conversation by the context that the application gives to a run.

    The SDK's own approval of a call is only a wake-up: the tool asks again before it runs.

    Raises:
        InvalidInput: an option is unusable.
    """

    def __init__(
        self,
        hitl: Facade,
        *,
        thread: Callable[[Any], str],
        domain: str,
        risk: Risk = "high",
        confidence: Confidence = None,
    ) -> None:
        self._calls, self._thread = ToolCalls(hitl, _WHERE, domain=domain, risk=risk, confidence=confidence), thread
        if not callable(thread):
            raise InvalidInput([f"{_WHERE}: thread: {thread!r} is no function of the context that returns a text"])
        check_takes_one(thread, f"{_WHERE}: thread")

    def gate(self, tool: FunctionTool) -> FunctionTool:
        """Return a copy of a tool whose calls wait for their approval, and run once, with the approved arguments.

        A tool with `failure_error_function=None` has its errors recorded as failures; of others the record has the
        text that the model reads.

        Raises:
            InvalidInput: this is no function tool, so that its calls could not be reviewed.
        """
        if not isinstance(tool, FunctionTool):
            problem = f"{_WHERE}: gate: a {type(tool).__name__} is no FunctionTool, and would not be reviewed"
            remedy = "put @function_tool below the gate, or use oversight.gate(function_tool(f))"
            raise InvalidInput([f"{problem}; {remedy}"])

        async def needs_approval(context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
            key = self._key(context.context, call_id)
            return isinstance(await self._calls.ask(key, tool.name, arguments, arguments_schema(tool)), Waiting)

        async def invoke(context: ToolContext[Any], text: str) -> Any:
            proposed, key = json.loads(text or "{}"), self._key(context.context, context.tool_call_id)
            answer = await self._calls.ask(key, tool.name, proposed, arguments_schema(tool))
            if isinstance(answer, Waiting):
                raise AwaitingReview(answer.case_id)
            if isinstance(go := permitted(tool.name, answer, arguments_schema(tool), proposed), str):
                return go
            result, note = await run_once(
                tool.name, proposed, go, lambda approved: tool.on_invoke_tool(context, json.dumps(approved))
            )
            return f"{note}\n{result}" if note else result

        gated = copy.copy(tool)
        gated.needs_approval, gated.on_invoke_tool = needs_approval, invoke
        return gated

    async def wake(self, state: RunState[Any, Any], context: Any) -> int:
        """Approve in the SDK the calls of an interrupted run that were decided; return how many still wait."""
        pending = state.get_interruptions()
        decided = [each for each in pending if await self._calls.is_decided(self._key(context, each.call_id or ""))]
        for each in decided:
            state.approve(each)
        return len(pending) - len(decided)

    def _key(self, context: Any, call_id: str) -> CallKey:
        return key_of(_WHERE, self._thread_of(context), call_id)

    def _thread_of(self, context: Any) -> str:
        of = f"the context is of the type {type(context).__name__}, as Runner.run(context=...) gave it"
        thread = called(self._thread, context, f"{_WHERE}: thread: {of}")
        if not isinstance(thread, str) or not thread:
            problem = f"{_WHERE}: thread: the function returned {thread!r}"
            raise InvalidInput([f"{problem}; return the id of the conversation, a text that is not empty"])
        return thread


def arguments_schema(tool: FunctionTool) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, which allows no others."""
    return closed(tool.params_json_schema)


_WHERE = "Oversight"
