"""Pydantic AI (extra `pydantic-ai`): a toolset whose calls are reviewed, and executed once as approved."""

import json
from dataclasses import KW_ONLY, dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from hitl_orchestrator import Go, Waiting
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.integrations.checks import Confidence, Facade, closed, key_of
from hitl_orchestrator.integrations.tool_calls import Risk, ToolCalls, not_fitting, permitted, run_once

try:
    from pydantic_ai import ApprovalRequired, RunContext
    from pydantic_ai.tools import AgentDepsT
    from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
except ImportError as missing:
    raise InvalidInput([f"pydantic_ai: it is missing ({missing}); {install_hint('pydantic-ai')}"]) from missing


@dataclass
class OversightToolset(WrapperToolset[AgentDepsT]):
    """Reviews the calls of the wrapped toolset.

    The conversation's id and that of the call name it. An approval in `DeferredToolResults` is only a wake-up: each
    call asks again, and is deferred again while it waits, so that calls may be decided one by one.

    Raises:
        InvalidInput: the wrapped object is no toolset, or an option is unusable.
    """

    _: KW_ONLY
    hitl: Facade
    domain: str
    risk: Risk = "high"
    confidence: Confidence = None

    def __post_init__(self) -> None:
        """Check the options. The framework makes copies, for which this is called again."""
        if not isinstance(self.wrapped, AbstractToolset):
            problem = f"{_WHERE}: this is of the type {type(self.wrapped).__name__}, and no toolset"
            raise InvalidInput([f"{problem}; write {_WHERE}(FunctionToolset([refund]), hitl=hitl, domain=...)"])
        self._calls = ToolCalls(self.hitl, _WHERE, domain=self.domain, risk=self.risk, confidence=self.confidence)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT], tool: ToolsetTool[AgentDepsT]
    ) -> Any:
        """Run an approved call once, defer one that waits, and tell the model about one that was not approved."""
        key = key_of(_WHERE, ctx.conversation_id, ctx.tool_call_id)
        proposed = to_jsonable_python(tool_args)
        _check_kept(name, tool, proposed, ctx.validation_context)
        answer = await self._calls.ask(key, name, proposed, arguments_schema(tool))
        if isinstance(answer, Waiting):
            raise ApprovalRequired(metadata={"case_id": answer.case_id})
        # The framework has validated what the model proposed. The validators of some toolsets accept everything.
        is_edited = isinstance(answer, Go) and not same(answer.arguments, proposed)
        if isinstance(go := permitted(name, answer, arguments_schema(tool) if is_edited else None, proposed), str):
            return go
        try:
            approved = tool.args_validator.validate_json(json.dumps(go.arguments), context=ctx.validation_context)
        except ValidationError as unfit:
            return not_fitting(name, go, proposed, str(unfit))
        if not same(gets := to_jsonable_python(approved), go.arguments):
            return not_fitting(name, go, proposed, f"the tool would get {json.dumps(gets)}")
        run = self.wrapped.call_tool
        result, note = await run_once(name, proposed, go, lambda _: run(name, approved, ctx, tool))
        return f"{note}\n{result}" if note else result


def _check_kept(name: str, tool: ToolsetTool[Any], proposed: dict[str, Any], context: Any) -> None:
    """Raise `InvalidInput` for a tool whose validators change arguments that they have returned.

    What a reviewer approves is validated once more before it runs, and has to come out as it was.
    """
    try:
        again = to_jsonable_python(tool.args_validator.validate_json(json.dumps(proposed), context=context))
    except ValidationError:
        again = None
    if not same(again, proposed):
        problem = f"OversightToolset: a validator of the tool {name!r} changes approved arguments"
        raise InvalidInput([f"{problem}, so that other ones would run; convert them inside of the tool"])


def arguments_schema(tool: ToolsetTool[Any]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, which allows no others."""
    return closed(tool.tool_def.parameters_json_schema)


_WHERE = "OversightToolset"
