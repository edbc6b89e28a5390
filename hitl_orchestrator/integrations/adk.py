"""Google ADK (extra `adk`): a plugin that reviews the calls of tools, and executes each once as approved."""

import json
from collections.abc import Collection
from typing import Any

from hitl_orchestrator import CallKey, Waiting
from hitl_orchestrator.errors import AwaitingReview, InvalidInput, install_hint
from hitl_orchestrator.integrations.tool_calls import Confidence, Facade, Risk, ToolCalls, permitted, run_once, waits

try:
    from google.adk.plugins.base_plugin import BasePlugin
    from google.adk.tools.base_tool import BaseTool
    from google.adk.tools.tool_context import ToolContext
except ImportError as missing:
    raise InvalidInput([f"adk: Google ADK is missing ({missing}); {install_hint('adk')}"]) from missing


class OversightPlugin(BasePlugin):
    """Reviews the calls of all tools of an app, except those named in `ungated`.

    The session (app, user and id) and the id of the function call name a call. A confirmation in ADK is only a
    wake-up: the callback asks again. It runs the tool itself, so that no later callback changes the arguments.
    """

    def __init__(
        self,
        hitl: Facade,
        *,
        domain: str,
        risk: Risk = "high",
        confidence: Confidence = None,
        ungated: Collection[str] = (),
    ) -> None:
        super().__init__(name="hitl_orchestrator")
        self._calls = ToolCalls(hitl, domain=domain, risk=risk, confidence=confidence)
        self._ungated = frozenset(ungated)

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        """Answer a gated call: with the tool's result, a request for confirmation, or why it was not made."""
        if tool.name in self._ungated:
            return None
        session = tool_context.session
        thread = json.dumps([session.app_name, session.user_id, session.id])
        key = CallKey(thread=thread, call_id=tool_context.function_call_id or "")
        answer = await self._calls.ask(key, tool.name, tool_args)
        if isinstance(answer, Waiting):
            if tool_context.tool_confirmation is not None:
                # An answer now would use the confirmation up, and the approved call would never be made.
                raise AwaitingReview(answer.case_id)
            message, case_id = waits(tool.name, answer), answer.case_id
            tool_context.request_confirmation(hint=message, payload={"case_id": case_id})
            tool_context.actions.skip_summarization = True
            return {"status": "waiting", "message": message, "case_id": case_id}
        if isinstance(go := permitted(tool.name, answer), str):
            return {"status": "not approved", "message": go}
        result, note = await run_once(
            tool.name, tool_args, go, lambda approved: tool.run_async(args=approved, tool_context=tool_context)
        )
        shown = result if isinstance(result, dict) else {"result": result}
        return {**shown, "note": note} if note else shown
