"""Adapters fail closed: what could not be reviewed is refused when it is made, and a bad edit claims nothing."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from agents import Agent, Runner, UserError, function_tool
from google.adk.tools.function_tool import FunctionTool
from pydantic_ai import RunContext, RunUsage
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import FunctionToolset
from support.agents import openai_agent

from hitl_orchestrator import CallKey, Orchestrator, Task, proposed_call
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.integrations import adk
from hitl_orchestrator.integrations.adk import OversightPlugin
from hitl_orchestrator.integrations.openai_agents import Oversight, arguments_schema
from hitl_orchestrator.integrations.pydantic_ai import OversightToolset


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


PROPOSED = {"order": "A1", "amount": 20.0}


def refund(order: str, amount: float = 20.0) -> str:
    """Pay a refund."""
    return f"paid {amount}"


ADAPTERS = {
    "openai": lambda hitl, **given: Oversight(hitl, **{"thread": lambda context: "c1", "domain": "d", **given}),
    "pydantic": lambda hitl, **given: OversightToolset(
        FunctionToolset([refund]), hitl=hitl, **{"domain": "d", **given}
    ),
    "adk": lambda hitl, **given: OversightPlugin(hitl, **{"domain": "d", **given}),
}


@pytest.fixture(params=ADAPTERS)
def adapter(request):
    """Return the function that makes one of the adapters."""
    return ADAPTERS[request.param]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("risk", "hihg"),
        ("risk", {"refund": "hihg"}),
        ("risk", lambda name, arguments: "low"),
        ("confidence", 95),
        ("confidence", lambda: 0.5),
        ("domain", " "),
    ],
    ids=["level", "level by tool", "two arguments", "percent", "no argument", "blank"],
)
def test_an_unusable_option_is_refused_when_the_adapter_is_made(hitl, adapter, option, value):
    with pytest.raises(InvalidInput, match=rf"^Oversight\w*: {option}: "):
        adapter(hitl, **{option: value})


@pytest.mark.parametrize("given", ["memory://", Orchestrator, None])
def test_only_an_open_orchestrator_is_taken(adapter, given):
    with pytest.raises(InvalidInput, match=r"hitl: .*Orchestrator\.open"):
        adapter(given)


async def by_openai(hitl):
    gated = ADAPTERS["openai"](hitl).gate(function_tool(refund))
    return await gated.on_invoke_tool(SimpleNamespace(context=None, tool_call_id="call_0"), json.dumps(PROPOSED))


async def by_pydantic(hitl):
    context = RunContext(
        deps=None, model=TestModel(), usage=RunUsage(), conversation_id="c1", tool_call_id="call_0", tool_name="refund"
    )
    tools = ADAPTERS["pydantic"](hitl)
    return await tools.call_tool("refund", PROPOSED, context, (await tools.get_tools(context))["refund"])


async def by_adk(hitl):
    session = SimpleNamespace(app_name="shop", user_id="ann", id="s1")
    context = SimpleNamespace(session=session, function_call_id="call_0")
    tool = FunctionTool(refund)
    answer = await ADAPTERS["adk"](hitl).before_tool_callback(tool=tool, tool_args=PROPOSED, tool_context=context)
    return answer["message"]


@pytest.mark.parametrize(
    ("call", "thread"), [(by_openai, "c1"), (by_pydantic, "c1"), (by_adk, '["shop", "ann", "s1"]')]
)
def test_an_approved_edit_that_does_not_fit_the_tool_claims_nothing(hitl, call, thread):
    # Asked about without the schema of the tool, as by an earlier version of the agent.
    task = Task(task_id="t", task_type="t", task_description="d", domain="d", risk_level="low")
    case_id = hitl.ask(CallKey(thread=thread, call_id="call_0"), task, proposed_call("refund", PROPOSED)).case_id
    edit = {"predicted_label": "refund", "arguments": {"order": "A1", "amnt": 5.0}}
    hitl.decide(case_id, "modify", reviewer="senior_manager", output=edit, feedback="less")

    answer = asyncio.run(call(hitl))

    assert "that a reviewer has set do not fit it" in answer
    assert list(hitl.executions.list()) == []


@pytest.mark.parametrize("tool", [refund, lambda order: order, OversightToolset], ids=["function", "lambda", "class"])
def test_a_gate_above_the_wrong_decorator_is_refused(hitl, tool):
    gate = ADAPTERS["openai"](hitl).gate

    with pytest.raises(InvalidInput, match="put @function_tool below"):
        function_tool(gate(tool))
    assert gate(function_tool(refund)).name == "refund"


@pytest.mark.parametrize("thread", ["chat-17", None, lambda: "c1"])
def test_a_thread_that_is_no_function_of_the_context_is_refused(hitl, thread):
    with pytest.raises(InvalidInput, match=r"^Oversight: thread: "):
        Oversight(hitl, thread=thread, domain="d")


@pytest.mark.parametrize("thread", [lambda _: None, lambda _: 5, lambda _: "", lambda context: context["id"]])
def test_a_conversation_without_an_id_is_refused_and_nothing_is_asked(hitl, thread):
    oversight = Oversight(hitl, thread=thread, domain="d")
    agent = Agent(name="a", model=openai_agent.ScriptedModel(), tools=[oversight.gate(function_tool(refund))])

    with pytest.raises(UserError, match="Oversight: thread: ") as refused:
        asyncio.run(Runner.run(agent, "refund"))
    assert isinstance(refused.value.__cause__, InvalidInput)
    assert hitl.inbox() == []


def test_a_list_of_functions_is_no_toolset(hitl):
    with pytest.raises(InvalidInput, match=r"FunctionToolset\(\[refund\]\)"):
        OversightToolset([refund], hitl=hitl, domain="d")


@pytest.mark.parametrize("ungated", ["search", [refund]])
def test_ungated_tools_are_a_list_of_names(hitl, ungated):
    with pytest.raises(InvalidInput, match=r"^OversightPlugin: ungated: "):
        OversightPlugin(hitl, domain="d", ungated=ungated)


def test_a_tool_that_asks_for_confirmations_itself_is_refused(hitl):
    plugin, tool = OversightPlugin(hitl, domain="d"), FunctionTool(refund, require_confirmation=True)

    with pytest.raises(InvalidInput, match="require_confirmation"):
        asyncio.run(plugin.before_tool_callback(tool=tool, tool_args={}, tool_context=None))


def test_the_schema_of_a_tool_allows_no_other_arguments():
    schemas = [arguments_schema(function_tool(refund)), adk.arguments_schema(FunctionTool(refund))]

    assert [sorted(each["properties"]) for each in schemas] == [["amount", "order"]] * 2
    assert [each["additionalProperties"] for each in schemas] == [False] * 2
