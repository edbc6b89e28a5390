"""`OversightMiddleware`: the tool calls of a LangChain agent are reviewed, and run once, exactly as approved."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from langchain.agents.middleware.types import AgentMiddleware, AgentState, ToolCallRequest
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Command

from hitl_orchestrator import Go, No, Principal, Waiting
from hitl_orchestrator.domain.execution import RESPONSE
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.errors import ExecutionFailed, ExecutionUnknown, InvalidInput
from hitl_orchestrator.integrations.approved import is_call, is_response
from hitl_orchestrator.integrations.checks import Facade, check_facade, check_text
from hitl_orchestrator.integrations.langchain import messages
from hitl_orchestrator.integrations.langchain.ai_review import AIReviewer
from hitl_orchestrator.integrations.langchain.asking import Asking, Name, Person, Unreviewable
from hitl_orchestrator.integrations.langchain.build_order import Built, building, check_outermost
from hitl_orchestrator.integrations.langchain.calls import GatedCall, open_calls
from hitl_orchestrator.integrations.langchain.guard import GuardedTool
from hitl_orchestrator.integrations.langchain.pauses import Judged, Waits, pause
from hitl_orchestrator.integrations.langchain.schemas import unfit
from hitl_orchestrator.integrations.langchain.settings import ToolSettings, ToolTable
from hitl_orchestrator.integrations.langgraph.place import Pauses, authenticated_user
from hitl_orchestrator.integrations.langgraph.place import Place as LangGraphPlace

InterruptMode: TypeAlias = Literal["batched", "per_call"]
Result: TypeAlias = ToolMessage | Command[Any]
_MODES = ("batched", "per_call")
_WHERE = "OversightMiddleware"


class OversightMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Reviews the tool calls of an agent by the routing policy, and runs each approved one once.

    Put it first in `middleware=[...]` of `create_agent`; the agent needs a checkpointer. Each call is a case: its task
    type is the tool, its metadata are the arguments. `tools` has the settings of each tool; `True` takes the defaults,
    `False` declares a tool free, and a tool that is not named is of high risk.

    A call that needs a person pauses the agent in the shapes of LangChain's `HumanInTheLoopMiddleware`: one
    `HITLRequest` for all waiting calls of a message (`batched`), or one `ToolApprovalRequest` for each (`per_call`).
    People decide with `hitl review`, `hitl decide` or any other face, and whatever resumes the agent is a wake-up. With
    `reviewer`, the answer that resumes it is a decision of this person, checked and recorded as any other: a name, a
    principal, or a function of the run's configuration, which returns None for a run that carries no person's answer.
    It must not read what a client can set, or the client chooses the reviewer.

    `hitl` may be a function that returns the orchestrator, which is called when it is first needed. `graph` names the
    agent for the resumers of `Orchestrator.open`, which then continue it after a decision.
    `submitted_by`, a name or a function of the run's configuration, is recorded with each case, and never decides it:
    by default the user of the run that makes the call, whom a server has authenticated or `reviewer` returns.
    `ai_reviewer` judges calls before people do.
    `check_order=False` leaves the check for outer middleware out.

    Raises:
        InvalidInput: a setting is unusable; while the agent is built: it is not the outermost one around tool calls.
    """

    def __init__(
        self,
        hitl: Facade | Callable[[], Facade],
        tools: Mapping[str, ToolSettings | bool] | None = None,
        *,
        interrupt_mode: InterruptMode = "batched",
        reviewer: Person = None,
        submitted_by: Name = authenticated_user,
        domain: str = "general",
        graph: str | None = None,
        ai_reviewer: AIReviewer | None = None,
        description_prefix: str = "Tool execution requires approval",
        check_order: bool = True,
    ) -> None:
        super().__init__()
        if interrupt_mode not in _MODES:
            raise InvalidInput(
                [f"OversightMiddleware: interrupt_mode: {interrupt_mode!r} is none of {', '.join(_MODES)}"]
            )
        _check_options(hitl, domain=domain, graph=graph, description_prefix=description_prefix)
        if ai_reviewer is not None and not isinstance(ai_reviewer, AIReviewer):
            raise InvalidInput([f"{_WHERE}: ai_reviewer: this is a {type(ai_reviewer).__name__}; give AIReviewer(...)"])
        for name, value in {"reviewer": reviewer, "submitted_by": submitted_by}.items():
            if value is not None and not isinstance(value, Principal) and not callable(value):
                check_text(value, f"{_WHERE}: {name}")
        self._table, self._per_call = (
            ToolTable({} if tools is None else tools, domain=domain),
            interrupt_mode == "per_call",
        )
        self._asking = Asking(hitl, reviewer=reviewer, submitted_by=submitted_by, ai_reviewer=ai_reviewer, graph=graph)
        self._prefix, self._check_order = description_prefix, check_order
        self._built: Built | None = None

    @property
    def tools(self) -> Sequence[BaseTool]:  # type: ignore[override]  # an attribute there; read once, when built
        """The tools that it adds to the agent: none. LangChain reads this while it builds the agent."""
        built = building(self)
        if built is not None:
            if self._check_order:
                check_outermost(self, built)
            self._built = built
        return ()

    def after_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Pause the agent once for all calls of the model's message that wait for a person (`batched`)."""
        if calls := self._batch(state):
            if place := _to_be_stored():
                place.wait_until_stored()
            self._pause_for(calls, state, runtime)
        return None

    async def aafter_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Do what `after_model` does, without blocking the event loop."""
        if calls := self._batch(state):
            if place := _to_be_stored():
                await place.await_stored()
            await asyncio.to_thread(self._pause_for, calls, state, runtime)
        return None

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]) -> Result:
        """Run a tool call if it is free or approved: then once, with exactly the approved arguments."""
        call = self._gated(request.tool_call, request.tool, request.state)
        if call is None:
            return handler(request)
        if place := _to_be_stored():
            place.wait_until_stored()
        answer = self._approval(call, request.state)
        if isinstance(answer, ToolMessage):
            return answer
        try:
            if call.tool is None:
                result = answer.run(lambda _: handler(_as_approved(request, answer)), encode=messages.to_json)
            else:
                result = handler(_as_approved(request, answer))
        except (ExecutionFailed, ExecutionUnknown) as exc:
            return _ended(call.call, exc)
        return _with_note(result, call, answer)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """Do what `wrap_tool_call` does, without blocking the event loop."""
        call = self._gated(request.tool_call, request.tool, request.state)
        if call is None:
            return await handler(request)
        if place := _to_be_stored():
            await place.await_stored()
        answer = await asyncio.to_thread(self._approval, call, request.state)
        if isinstance(answer, ToolMessage):
            return answer
        try:
            if call.tool is None:
                result = await answer.arun(lambda _: handler(_as_approved(request, answer)), encode=messages.to_json)
            else:
                result = await handler(_as_approved(request, answer))
        except (ExecutionFailed, ExecutionUnknown) as exc:
            return _ended(call.call, exc)
        return _with_note(result, call, answer)

    def _batch(self, state: AgentState[Any]) -> list[GatedCall]:
        """Return the calls of the model's last message that are for review, if all of them pause the agent once."""
        calls = [] if self._per_call else open_calls(state)
        return [call for each in calls if (call := self._gated(each, self._tool(each["name"]), state))]

    def _pause_for(self, calls: Sequence[GatedCall], state: Any, runtime: Runtime[Any]) -> None:
        if waiting := self._waiting(calls, state, runtime):
            pause(waiting, lambda answer: self._judge(answer, waiting, state, runtime), per_call=False)

    def _approval(self, call: GatedCall, state: Any) -> Go | ToolMessage:
        """Return the approval of a call, or the message in the place of its result.

        Raises:
            GraphInterrupt: the call waits for a person.
        """
        try:
            answer = self._asking.ask(call, state)
            if isinstance(answer, Waiting):
                answer = self._decided(call, answer, state)
        except Unreviewable as exc:
            return messages.unfit(call.call, str(exc))
        return _approved(call, answer)

    def _decided(self, call: GatedCall, answer: Waiting, state: Any) -> Waiting | Go | No:
        """Pause until a call is decided, and return the answer about it."""
        runtime = get_runtime()
        waiting = [Waits(call, self._description(call, state, runtime), answer)]
        pause(waiting, lambda given: self._judge(given, waiting, state, runtime), per_call=True)
        return self._asking.ask(call, state)

    def _gated(self, call: ToolCall, tool: BaseTool | None, state: Any) -> GatedCall | None:
        """Return a call for review; None if its tool is free, or does not exist, which the agent tells the model."""
        if tool is None and self._built is not None and not self._built.may_run(call["name"], self):
            return None
        rule = self._table.rule(call["name"])
        return None if rule is None else GatedCall.of(call, rule, tool, state)

    def _tool(self, name: str) -> BaseTool | None:
        return None if self._built is None else self._built.tools.get(name)

    def _waiting(self, calls: Sequence[GatedCall], state: Any, runtime: Runtime[Any]) -> list[Waits]:
        """Return those of these calls that wait. One that cannot be reviewed is left to the guard on the tool."""
        found = []
        for call in calls:
            try:
                answer = self._asking.ask(call, state)
            except Unreviewable:
                continue
            if isinstance(answer, Waiting):
                found.append(Waits(call, self._description(call, state, runtime), answer))
        return found

    def _judge(self, answer: object, waiting: Sequence[Waits], state: Any, runtime: Runtime[Any]) -> Judged:
        """Take an answer as the decision of the reviewer, if there is one, and return what waits after it."""
        reviewer, problem = self._asking.person(), ""
        if reviewer is not None:
            problem = self._asking.decide([(each.call, each.answer) for each in waiting], answer, reviewer)
        return Judged(self._waiting([each.call for each in waiting], state, runtime), problem)

    def _description(self, call: GatedCall, state: Any, runtime: Runtime[Any]) -> str:
        given = call.rule.description
        if callable(given):
            return given(call.call, state, runtime)
        return given or f"{self._prefix}\n\nTool: {call.name}\nArgs: {call.arguments}"


def _check_options(hitl: object, **texts: str | None) -> None:
    """Raise `InvalidInput` for an orchestrator that is none, or a text that is blank."""
    if not callable(hitl) or isinstance(hitl, type):
        check_facade(hitl, f"{_WHERE}: hitl")
    for name, text in texts.items():
        if text is not None:
            check_text(text, f"{_WHERE}: {name}")


def _to_be_stored() -> LangGraphPlace | None:
    """Return the place of a task that may run for the first time: its checkpoint is stored before a case is opened.

    Otherwise a process that dies would ask the model again, and leave a review that nothing waits for.
    """
    place = LangGraphPlace.of(get_config())
    return place if Pauses(place).is_first else None


def _approved(call: GatedCall, answer: Waiting | Go | No) -> Go | ToolMessage:
    """Return the approval to run the tool, or the message in the place of its result."""
    if isinstance(answer, No):
        return messages.refused(call.call, answer)
    if isinstance(answer, Waiting):
        raise InvalidInput([f"the call of {call.name!r} still waits (case {answer.case_id}); resume the agent later"])
    if is_response(answer):
        text = (answer.output.model_extra or {})[RESPONSE]
        return messages.answered(call.call, answer.run(lambda _: str(text)))
    if answer.name != call.name:
        return messages.other_tool(call.call, answer.name)
    if not is_call(answer):
        return messages.no_arguments(call.call)
    is_edited = not same(answer.arguments, call.arguments)
    if is_edited and (problems := unfit(answer.arguments, call.tool, call.rule.args_schema)):
        return messages.unfit_edit(call.call, answer.arguments, problems)
    return answer


def _as_approved(request: ToolCallRequest, answer: Go) -> ToolCallRequest:
    call: ToolCall = {**request.tool_call, "args": dict(answer.arguments)}
    if request.tool is None:
        return request.override(tool_call=call)
    return request.override(tool_call=call, tool=GuardedTool.of(request.tool, answer))


def _ended(call: ToolCall, exc: ExecutionFailed | ExecutionUnknown) -> ToolMessage:
    return messages.unknown(call) if isinstance(exc, ExecutionUnknown) else messages.failed(call, str(exc))


def _with_note(result: Result, call: GatedCall, answer: Go) -> Result:
    changed = not same(answer.arguments, call.arguments)
    return messages.with_edit(result, call.call, answer.arguments) if changed else result
