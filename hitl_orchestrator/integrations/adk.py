"""Google ADK (extra `adk`): a plugin that reviews the calls of tools, and executes each once as approved."""

import inspect
import json
from collections.abc import Collection
from typing import Any

from hitl_orchestrator import Waiting
from hitl_orchestrator.errors import AwaitingReview, InvalidInput, install_hint
from hitl_orchestrator.integrations.checks import Confidence, Facade, closed, key_of
from hitl_orchestrator.integrations.tool_calls import Risk, ToolCalls, permitted, run_once, waits

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

    Raises:
        InvalidInput: an option is unusable.
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
        self._calls = ToolCalls(hitl, _WHERE, domain=domain, risk=risk, confidence=confidence)
        if isinstance(ungated, str | bytes) or not all(isinstance(each, str) and each for each in ungated):
            raise InvalidInput(
                [f"{_WHERE}: ungated: {ungated!r} is no list of names of tools; write ungated=['search']"]
            )
        self._ungated = frozenset(ungated)

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        """Answer a gated call: with the tool's result, a request for confirmation, or why it was not made."""
        if tool.name in self._ungated:
            return None
        if getattr(tool, "_require_confirmation", False):
            # It would be claimed, and then ask for a confirmation of its own in place of being run.
            problem = f"{_WHERE}: the tool {tool.name!r} has require_confirmation; this plugin asks for confirmations"
            raise InvalidInput([f"{problem}: remove it, or name the tool in ungated"])
        session = tool_context.session
        thread = json.dumps([session.app_name, session.user_id, session.id])
        key = key_of(_WHERE, thread, tool_context.function_call_id)
        answer = await self._calls.ask(key, tool.name, tool_args, arguments_schema(tool))
        if isinstance(answer, Waiting):
            if tool_context.tool_confirmation is not None:
                # An answer now would use the confirmation up, and the approved call would never be made.
                raise AwaitingReview(answer.case_id)
            message, case_id = waits(tool.name, answer), answer.case_id
            tool_context.request_confirmation(hint=message, payload={"case_id": case_id})
            tool_context.actions.skip_summarization = True
            return {"status": "waiting", "message": message, "case_id": case_id}
        if isinstance(go := permitted(tool.name, answer, arguments_schema(tool), tool_args), str):
            return {"status": "not approved", "message": go}
        result, note = await run_once(
            tool.name, tool_args, go, lambda approved: tool.run_async(args=approved, tool_context=tool_context)
        )
        shown = result if isinstance(result, dict) else {"result": result}
        return {**shown, "note": note} if note else shown


def arguments_schema(tool: BaseTool) -> dict[str, Any] | None:
    """Return the JSON Schema of a tool's arguments, which allows no others; None if the tool does not declare them.

    ADK itself drops arguments that a function does not have, and runs it with its defaults.
    """
    declared = tool._get_declaration()
    if declared is None:
        return None
    function = getattr(tool, "func", None)
    if function is not None and any(
        each.kind is inspect.Parameter.VAR_KEYWORD for each in inspect.signature(function).parameters.values()
    ):
        return dict(declared.parameters_json_schema or {"type": "object"})
    if declared.parameters_json_schema is not None:
        return closed(declared.parameters_json_schema)
    if declared.parameters is not None:
        return closed(declared.parameters.json_schema.model_dump(mode="json", by_alias=True, exclude_none=True))
    return closed({"type": "object", "properties": {}})


_WHERE = "OversightPlugin"
