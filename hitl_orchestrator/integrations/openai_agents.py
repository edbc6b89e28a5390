"""The OpenAI Agents SDK (extra `openai-agents`): tools whose calls are reviewed, and executed once as approved."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hitl_orchestrator import CallKey, Waiting
from hitl_orchestrator.errors import AwaitingReview, InvalidInput, install_hint
from hitl_orchestrator.integrations.tool_calls import Confidence, Facade, Risk, ToolCalls, permitted, run_once

try:
    from agents import FunctionTool, RunContextWrapper, RunState
    from agents.tool_context import ToolContext
except ImportError as missing:
    raise InvalidInput([f"openai_agents: the SDK is missing ({missing}); {install_hint('openai-agents')}"]) from missing


class Oversight:
    """Reviews the calls of tools. `thread` names the conversation by the context that the application gives to a run.

    The SDK's own approval of a call is only a wake-up: the tool asks again before it runs.
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
        self._calls, self._thread = ToolCalls(hitl, domain=domain, risk=risk, confidence=confidence), thread

    def gate(self, tool: FunctionTool) -> FunctionTool:
        """Return a copy of a tool whose calls wait for their approval, and run once, with the approved arguments.

        A tool with `failure_error_function=None` has its errors recorded as failures; of others the record has the
        text that the model reads.
        """

        async def needs_approval(context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
            key = self._key(context.context, call_id)
            return isinstance(await self._calls.ask(key, tool.name, arguments), Waiting)

        async def invoke(context: ToolContext[Any], text: str) -> Any:
            proposed, key = json.loads(text or "{}"), self._key(context.context, context.tool_call_id)
            answer = await self._calls.ask(key, tool.name, proposed)
            if isinstance(answer, Waiting):
                raise AwaitingReview(answer.case_id)
            if isinstance(go := permitted(tool.name, answer), str):
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
        return CallKey(thread=self._thread(context), call_id=call_id)
