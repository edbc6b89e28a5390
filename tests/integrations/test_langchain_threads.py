"""The `per_call` pauses of any thread, of our middleware and of LangChain's own, are listed and answered."""

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from support.scripted_agents import THREAD, Scripted, an_agent, started, tools_that_log

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langchain import answer_call, pending_calls

CALLS = [("refund", {"amount": number, "to": "ana"}, f"call-{number}") for number in (1, 2)]


def langchains_own(ran, allowed=("approve", "edit", "reject")):
    """Return an agent inside of a graph under LangChain's own middleware."""
    own = HumanInTheLoopMiddleware({"refund": {"allowed_decisions": list(allowed)}}, interrupt_mode="per_call")
    agent = create_agent(Scripted(turns=[CALLS, "done"]), tools=tools_that_log(ran), middleware=[own])
    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    return builder.compile(checkpointer=InMemorySaver())


def test_the_calls_of_langchains_own_middleware_are_answered_one_by_one():
    ran = []
    graph = langchains_own(ran)
    started(graph)
    calls = {pending.arguments["amount"]: pending for pending in pending_calls(graph, "thread-1")}
    assert {pending.name for pending in calls.values()} == {"refund"}
    assert calls[1].allowed == ("approve", "edit", "reject")
    assert calls[1].case_id is None

    answer_call(graph, "thread-1", calls[2], {"type": "reject"})
    (left,) = pending_calls(graph, THREAD)
    answer_call(graph, THREAD, left, {"type": "approve"})

    assert ran == [("refund", 1, "ana")]
    assert not pending_calls(graph, THREAD)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"type": "respond", "message": "no"},
        {"type": "edit", "edited_action": {"name": "look_up", "args": {}}},
        {"type": "edit", "edited_action": {"name": "refund", "args": {"amount": "much", "to": "ana"}}},
    ],
)
def test_an_answer_that_does_not_fit_is_refused_before_the_thread_is_resumed(answer):
    ran = []
    graph = langchains_own(ran)
    started(graph)
    pending, _ = pending_calls(graph, THREAD)

    with pytest.raises(InvalidInput, match="refund"):
        answer_call(graph, THREAD, pending, answer)

    assert not ran
    assert len(pending_calls(graph, THREAD)) == 2


def test_the_only_allowed_decision_is_listed():
    graph = langchains_own([], allowed=["reject"])
    started(graph)

    assert {pending.allowed for pending in pending_calls(graph, THREAD)} == {("reject",)}


def test_a_call_of_ours_names_its_case_and_goes_on_after_its_decision():
    ran = []
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, ran, interrupt_mode="per_call")
        started(agent)
        (pending,) = pending_calls(agent, THREAD)

        hitl.decide(pending.case_id, "approve", reviewer="domain_reviewer")
        answer_call(agent, THREAD, pending)

        assert pending.allowed == ("approve", "edit", "reject", "respond")
        assert ran == [("refund", 50, "ana")]
