"""What the LangChain middleware stands on, in LangChain and LangGraph as installed."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Interrupt, Send, interrupt
from pydantic import WrapValidator
from support.scripted_agents import THREAD, Scripted, pauses, resumed, started, tools_that_log

from hitl_orchestrator.integrations.langchain.build_order import building


class State(TypedDict):
    seen: Annotated[list, operator.add]


def asking(check):
    """Return a graph whose node asks, and judges each answer while LangGraph validates it."""

    def ask(state):
        answered: Any = Annotated[Any, WrapValidator(lambda value, _: check(value))]
        return {"seen": [interrupt("?", response_schema=answered)]}

    return StateGraph(State).add_node("ask", ask).add_edge(START, "ask").compile(checkpointer=InMemorySaver())


def test_a_pause_while_an_answer_is_validated_keeps_the_id_and_saves_no_answer():
    judged = []

    def check(value):
        judged.append(value)
        if value != "yes":
            namespace = get_config()["configurable"]["checkpoint_ns"]
            raise GraphInterrupt((Interrupt.from_ns("again", namespace),))
        return value

    graph = asking(check)
    (first,) = pauses(graph.invoke({"seen": []}, THREAD))
    (again,) = pauses(resumed(graph, {first.id: "no"}))
    done = resumed(graph, {first.id: "yes"})

    assert (again.id, again.value) == (first.id, "again")
    assert judged == ["no", "yes"]
    assert done["seen"] == ["yes"]


def test_an_answer_without_an_id_is_read_again_by_a_run_without_an_answer():
    """So a reviewer is named only in runs that carry their answer; see the docstring of the middleware."""
    judged = []

    def check(value):
        judged.append(value)
        namespace = get_config()["configurable"]["checkpoint_ns"]
        raise GraphInterrupt((Interrupt.from_ns("again", namespace),))

    graph = asking(check)
    graph.invoke({"seen": []}, THREAD)
    resumed(graph, "no")
    graph.invoke(None, THREAD)

    assert judged == ["no", "no"]


def test_the_namespace_of_a_task_is_the_same_before_and_after_its_pause_and_another_in_parallel():
    seen = []

    def ask(state):
        seen.append(get_config()["configurable"]["checkpoint_ns"])
        interrupt("?")

    builder = StateGraph(State).add_node("ask", ask)
    builder.add_conditional_edges(START, lambda state: [Send("ask", {}), Send("ask", {})], ["ask"])
    graph = builder.compile(checkpointer=InMemorySaver())
    waiting = pauses(graph.invoke({"seen": []}, THREAD))
    graph.invoke(Command(resume=dict.fromkeys((pause.id for pause in waiting), "x")), THREAD)

    assert len(set(seen)) == 2
    assert sorted(seen) == sorted([*set(seen), *set(seen)])


def test_langchain_reads_the_tools_of_a_middleware_while_its_frame_has_all_of_them():
    found = []

    class Looks(AgentMiddleware):
        @property
        def tools(self):
            found.append(building(self))
            return []

    @tool
    def ping() -> str:
        """Ping."""
        return "pong"

    class Adds(AgentMiddleware):
        tools = tools_that_log([])

    looks, adds = Looks(), Adds()
    create_agent(Scripted(turns=[]), tools=[ping], middleware=[looks, adds])

    assert building(looks) is None
    built = next(each for each in found if each is not None)
    assert built.middleware == (looks, adds)
    assert sorted(built.tools) == ["look_up", "ping", "refund"]


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_langchains_own_middleware_runs_an_approved_tool_again_after_a_crash(mode):
    """The reason for our executions: the process dies after the tool and before the checkpoint."""
    ran = []
    own = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)

    class Crashes(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            result = handler(request)
            if len(ran) == 1:
                raise SystemError("crash")
            return result

    script = [[("refund", {"amount": 1, "to": "ana"}, "call-0")], "done"]
    agent = create_agent(
        Scripted(turns=script),
        tools=tools_that_log(ran),
        middleware=[own, Crashes()],
        checkpointer=InMemorySaver(),
    )
    (pause,) = pauses(started(agent))
    answer = {"decisions": [{"type": "approve"}]} if mode == "batched" else {"type": "approve"}
    with pytest.raises(SystemError):
        resumed(agent, {pause.id: answer})
    agent.invoke(None, THREAD)

    assert ran == [("refund", 1, "ana"), ("refund", 1, "ana")]


def test_an_answer_that_does_not_fit_a_batch_poisons_the_thread_of_langchains_own_middleware():
    own = HumanInTheLoopMiddleware({"refund": True})
    script = [[("refund", {"amount": 1, "to": "ana"}, "call-0")], "done"]
    agent = create_agent(
        Scripted(turns=script), tools=tools_that_log([]), middleware=[own], checkpointer=InMemorySaver()
    )
    (pause,) = pauses(started(agent))

    for answer in ({"type": "rubbish"}, {"type": "approve"}):
        with pytest.raises(ValueError, match="rubbish"):
            resumed(agent, {pause.id: {"decisions": [answer]}})
