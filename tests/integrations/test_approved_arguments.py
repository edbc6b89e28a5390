"""A tool gets what was approved: not what a validator, a default or a decision without arguments makes of it."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import pytest
from langchain_core.tools import tool
from pydantic import AfterValidator
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.toolsets import FunctionToolset
from support.scripted_agents import an_agent, pauses, results, resumed, started

from hitl_orchestrator import CallKey, Orchestrator, Waiting
from hitl_orchestrator.errors import AwaitingReview, CallRejected, InvalidInput, TaskConflict
from hitl_orchestrator.integrations import guard
from hitl_orchestrator.integrations.pydantic_ai import OversightToolset
from hitl_orchestrator.integrations.tool_calls import ToolCalls, permitted

BY = {"reviewer": "senior_manager"}
WITHOUT_ARGUMENTS = [
    {"predicted_label": "wipe"},
    {"predicted_label": "wipe", "arguments": None},
    {"predicted_label": "wipe", "response": 5},
    {"predicted_label": "wipe", "response": "no", "arguments": {"path": "/"}},
]


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


@pytest.fixture
def made():
    """Return the list of the calls that were really made."""
    return []


def override(hitl, output):
    (request,) = hitl.inbox()
    with suppress(InvalidInput):  # what states no call may be refused already where it is decided
        hitl.decide(request.case_id, "override", output=output, reason="looks fine", feedback="f", **BY)


@pytest.mark.parametrize("output", [*WITHOUT_ARGUMENTS, {"predicted_label": "wipe", "response": "no", "arguments": {}}])
def test_a_decision_without_arguments_runs_no_tool_with_its_defaults(hitl, made, output):
    @tool
    def wipe(path: str = "/") -> str:
        """Wipe a path."""
        made.append(path)
        return "ok"

    agent = an_agent(hitl, made, ("wipe", {"path": "/tmp/x"}, "w"), tools=[wipe])
    started(agent)
    override(hitl, output)

    done = resumed(agent, {"wake_up": "x"})

    assert made == []
    assert pauses(done) or results(done)["w"].content == "no" or "was not run" in results(done)["w"].content


@pytest.mark.parametrize("output", [*WITHOUT_ARGUMENTS, {"predicted_label": "wipe", "response": "no"}])
def test_a_decision_without_arguments_runs_no_function_and_no_tool_of_an_sdk(hitl, made, output):
    @guard(hitl, task_type="t", domain="d", name="wipe")
    def wipe(*paths: str) -> None:
        made.append(paths)

    calls = ToolCalls(hitl, "tests", domain="d")
    key = CallKey(thread="t", call_id="c")
    calls.ask_now(key, "wipe", {"path": "/tmp/x"}, None)
    override(hitl, output)
    answer = calls.ask_now(key, "wipe", {"path": "/tmp/x"}, None)
    for case in hitl.inbox():
        hitl.decide(case.case_id, "reject", **BY)
    with pytest.raises(AwaitingReview):
        wipe("/tmp/x")
    override(hitl, output)

    with pytest.raises((AwaitingReview, CallRejected)):
        wipe("/tmp/x")
    assert isinstance(answer, Waiting) or "was not run" in permitted("wipe", answer, None, {"path": "/tmp/x"})
    assert made == []


@pytest.mark.parametrize("other", [{"n": True, "flag": 0}, {"n": "1", "flag": False}])
def test_arguments_that_python_calls_equal_are_another_call(hitl, other):
    calls = ToolCalls(hitl, "tests", domain="d")
    key = CallKey(thread="t", call_id="c")
    first = calls.ask_now(key, "pay", {"n": 1, "flag": False}, None)

    assert calls.ask_now(key, "pay", {"n": 1.0, "flag": False}, None).case_id == first.case_id
    with pytest.raises(TaskConflict):
        calls.ask_now(key, "pay", other, None)


def test_a_key_of_a_guarded_function_tells_true_from_one(hitl):
    @guard(hitl, task_type="t", domain="d", name="act", key="k")
    def act(it, k: str): ...

    with pytest.raises(AwaitingReview):
        act(1, "a")
    with pytest.raises(TaskConflict):
        act(True, "a")


def an_sdk_agent(hitl, made, annotation):
    def pay(euros: annotation) -> str:
        made.append(euros)
        return "paid"

    def model(messages, _):
        first = len(messages) == 1
        return ModelResponse(parts=[ToolCallPart("pay", {"euros": 5}, tool_call_id="c") if first else TextPart("done")])

    tools = OversightToolset(FunctionToolset([pay]), hitl=hitl, domain="d")
    return Agent(FunctionModel(model), toolsets=[tools], output_type=[str, DeferredToolRequests])


def test_a_validator_that_changes_approved_arguments_is_refused_before_anyone_is_asked(hitl, made):
    agent = an_sdk_agent(hitl, made, Annotated[int, AfterValidator(lambda euros: euros * 100)])

    with pytest.raises(InvalidInput, match="a validator of the tool 'pay'"):
        asyncio.run(agent.run("pay", conversation_id="c1"))
    assert (hitl.inbox(), made) == ([], [])


def test_an_edit_that_a_validator_changes_runs_nothing(hitl, made):
    agent = an_sdk_agent(hitl, made, Annotated[int, AfterValidator(abs)])

    async def story():
        paused = await agent.run("pay", conversation_id="c1")
        edit = {"predicted_label": "pay", "arguments": {"euros": -7}}
        hitl.decide(hitl.inbox()[0].case_id, "modify", output=edit, feedback="f", **BY)
        approvals = DeferredToolResults(approvals={"c": True})
        await agent.run(message_history=paused.all_messages(), deferred_tool_results=approvals, conversation_id="c1")

    asyncio.run(story())
    assert (made, hitl.executions.list()) == ([], [])


def test_a_text_of_agent_inbox_is_validated_once(hitl, made):
    @tool
    def pay(euros: Annotated[int, AfterValidator(lambda euros: euros * 100)]) -> str:
        """Pay cents."""
        made.append(euros)
        return "paid"

    agent = an_agent(hitl, made, ("pay", {"euros": 5}, "p"), tools=[pay], **BY)
    started(agent)
    resumed(agent, [{"type": "edit", "args": {"action": "pay", "args": {"euros": "7"}}}])

    assert made == [700]


def test_an_edit_of_one_to_true_is_an_edit(hitl, made):
    @tool
    def pay(amount: Any) -> str:
        """Pay an amount."""
        made.append(amount)
        return "paid"

    agent = an_agent(hitl, made, ("pay", {"amount": 1}, "p"), tools=[pay], **BY)
    started(agent)
    edited = {"name": "pay", "args": {"amount": True}}
    resumed(agent, {"decisions": [{"type": "edit", "edited_action": edited}]})

    assert [record.final_decision for record in hitl.audit.records()] == ["modified_and_approved"]


@pytest.mark.parametrize("mode", ["batched", "per_call"])
@pytest.mark.parametrize("amounts", [(1, 2), (1, 1)], ids=["other arguments", "equal arguments"])
def test_two_calls_with_one_id_are_refused_and_the_agent_goes_on(hitl, made, mode, amounts):
    calls = [("refund", {"amount": amount, "to": "ana"}, "same") for amount in amounts]
    done = started(an_agent(hitl, made, *calls, interrupt_mode=mode))

    assert not pauses(done)
    assert (made, hitl.inbox()) == ([], [])
    assert "an id of its own" in results(done)["same"].content
    assert done["messages"][-1].content == "done"
