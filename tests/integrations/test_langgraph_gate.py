"""A gated call of a LangGraph agent waits in its parent, and runs once, exactly as it was approved."""

import asyncio
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from support.embedded_agent import Agent, agent_on, task_of
from support.embedded_agent import place as thread_of

from hitl_orchestrator import AsyncOrchestrator, InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langgraph import oversight_node

REVIEWER = {"langgraph_auth_user_id": "domain_reviewer"}
threads = (f"thread-{number}" for number in count())


@pytest.fixture(scope="module")
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


class Tool:
    """A tool that remembers what it was called with."""

    def __init__(self) -> None:
        self.calls = list[dict]()

    def __call__(self, arguments):
        self.calls.append(arguments)
        return f"sent to {arguments['to']}"


@pytest.fixture
def tool():
    return Tool()


@pytest.fixture
def agent(hitl, tool):
    return agent_on(InMemorySaver(), hitl, tool)


@pytest.fixture
def shared_saver():
    """A checkpointer that many threads may use: the one in memory has no lock."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


def a_call(to="ann", call_id="call_0"):
    return {"id": call_id, "arguments": {"to": to, "cents": 4000}}


def run(graph, given, thread, user=None):
    place = thread_of(thread)
    place["configurable"] |= user or {}
    return graph.invoke(given, place, durability="sync")


def recipient(pause):
    return pause.value["proposal"]["arguments"]["to"]


def paused(graph, thread):
    (each,) = graph.get_state(thread_of(thread)).interrupts
    return each


def answer(graph, thread, value, user=REVIEWER):
    return run(graph, Command(resume={paused(graph, thread).id: value}), thread, user)


DECISIONS = {
    "approve": ({}, [{"to": "ann", "cents": 4000}], "sent to ann"),
    "modify": (
        {"output": {"predicted_label": "send", "arguments": {"to": "bob", "cents": 1}}},
        [{"to": "bob", "cents": 1}],
        "sent to bob",
    ),
    "reject": ({"reason": "too much"}, [], "no: it was rejected: too much"),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_call_waits_and_then_runs_as_it_was_decided(hitl, agent, tool, decision):
    thread, (more, called, result) = next(threads), DECISIONS[decision]
    case_id = run(agent, {"calls": [a_call()]}, thread)["__interrupt__"][0].value["case_id"]
    assert tool.calls == []

    hitl.decide(case_id, decision, reviewer="domain_reviewer", **more)
    state = run(agent, Command(resume={paused(agent, thread).id: "go on"}), thread)

    assert tool.calls == called
    assert state["done"] == [result, "end"]


def test_a_wake_up_decides_nothing_whatever_it_says(agent, tool):
    thread = next(threads)
    run(agent, {"calls": [a_call()]}, thread)
    for word in ({"type": "approve"}, {"decisions": [{"type": "approve"}]}, "approve", True, [], {"approved": True}):
        answer(agent, thread, word)

    assert tool.calls == []
    assert answer(agent, thread, {"decision": {"human_decision": "approve"}})["done"] == ["sent to ann", "end"]


@given(
    st.permutations(["ann", "bob", "eve"]),
    st.lists(st.sampled_from(["approve", "reject"]), min_size=3, max_size=3),
)
@settings(max_examples=4, deadline=None)
def test_parallel_and_nested_calls_of_one_id_are_answered_in_any_order_and_never_mixed(hitl, order, words):
    tool, thread, decided = Tool(), next(threads), dict(zip(order, words, strict=True))
    # Two sub-agents at the same time, each of which sends its calls to gates of their own: six calls of one id.
    builder = StateGraph(Agent)
    for name in ("left", "right"):
        builder.add_node(name, agent_on(None, hitl, tool))
        builder.add_edge(START, name)
    parent = builder.compile(checkpointer=InMemorySaver())
    run(parent, {"calls": [a_call("ann"), a_call("bob"), a_call("eve")]}, thread)
    for to in order:
        waiting = [each for each in parent.get_state(thread_of(thread)).interrupts if recipient(each) == to]
        assert len(waiting) == 2
        for each in waiting:
            hitl.decide(each.value["case_id"], decided[to], reviewer="domain_reviewer", reason="r")
            run(parent, Command(resume={each.id: "go on"}), thread)

    approved = {to: 2 for to, word in decided.items() if word == "approve"}
    assert Counter(each["to"] for each in tool.calls) == approved


def test_64_wake_ups_at_once_run_the_call_once(hitl, shared_saver, tool):
    agent, thread, together = agent_on(shared_saver, hitl, tool), next(threads), Barrier(64)
    run(agent, {"calls": [a_call()]}, thread)
    pause = paused(agent, thread)
    hitl.decide(pause.value["case_id"], "approve", reviewer="domain_reviewer")

    def wake(number):
        together.wait()
        run(agent, Command(resume={pause.id: number}), thread)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(wake, range(64)))

    assert len(tool.calls) == 1
    assert hitl.executions.get(pause.value["case_id"]).result == "sent to ann"


ANSWERS = {
    "our approval": ({"decision": {"human_decision": "approve"}}, "approved", {"to": "ann", "cents": 4000}),
    "our edit": (
        {"decision": {"human_decision": "modify", "modified_output": {"predicted_label": "send", "arguments": {}}}},
        "modified_and_approved",
        {},
    ),
    "accept": ([{"type": "accept", "args": None}], "approved", {"to": "ann", "cents": 4000}),
    "accept with its request": (
        {"type": "accept", "args": {"action": "send", "args": {"to": "eve"}}},
        "approved",
        {"to": "ann", "cents": 4000},
    ),
    "edit, of which all values are text": (
        [{"type": "edit", "args": {"action": "send", "args": {"to": "12", "cents": "12"}}}],
        "modified_and_approved",
        {"to": "12", "cents": 12},
    ),
    "response": ([{"type": "response", "args": "ask the customer"}], "rejected", None),
    "ignore": ([{"type": "ignore", "args": None}], "rejected", None),
}


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "plain"])
@pytest.mark.parametrize("form", ANSWERS)
def test_an_answer_of_ours_or_of_agent_inbox_is_a_decision_of_the_authenticated_reviewer(hitl, by_id, form):
    value, final, arguments = ANSWERS[form]
    made, thread = list[dict](), next(threads)
    agent = agent_on(InMemorySaver(), hitl, made.append)
    case_id = run(agent, {"calls": [a_call()]}, thread)["__interrupt__"][0].value["case_id"]

    run(agent, Command(resume={paused(agent, thread).id: value} if by_id else value), thread, REVIEWER)

    record = hitl.cases.get(case_id).record
    assert (record.final_decision, record.reviewer_id) == (final, "domain_reviewer")
    assert made == ([] if arguments is None else [arguments])
    assert hitl.cases.get(case_id).reviews[0].verdict.channel == "langgraph"


UNFIT = {
    "no decision": ({"decision": {}}, "human_decision"),
    "an unknown decision": ({"decision": {"human_decision": "ok"}}, "human_decision"),
    "an override without a reason": ({"decision": {"human_decision": "override"}}, "reason"),
    "of other content": ({"decision": {"human_decision": "approve", "shown_digest": "0" * 64}}, "the review shows"),
    "an edit without arguments": ([{"type": "edit", "args": "more"}], "edit"),
    "an edit that changes nothing": (
        [{"type": "edit", "args": {"action": "send", "args": {"to": "ann", "cents": 4000}}}],
        "equals the proposal",
    ),
    "a response without a text": ([{"type": "response", "args": None}], "response"),
    "in the name of another": ({"decision": {"human_decision": "approve", "reviewer_id": "senior_manager"}}, "senior"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_an_unfit_answer_asks_again_with_the_reason_and_poisons_nothing(agent, tool, kind):
    (value, word), thread = UNFIT[kind], next(threads)
    run(agent, {"calls": [a_call()]}, thread)

    answer(agent, thread, value)

    assert word in paused(agent, thread).value["refused"]
    assert tool.calls == []
    assert answer(agent, thread, [{"type": "accept", "args": None}])["done"] == ["sent to ann", "end"]


@pytest.mark.parametrize("user", [None, "", "intruder", "not an id"], ids=str)
@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "plain"])
def test_an_answer_of_no_reviewer_counts_for_none_who_runs_the_graph_later(hitl, agent, tool, user, by_id):
    thread, forged = next(threads), {"decision": {"human_decision": "approve"}}
    case_id = run(agent, {"calls": [a_call()]}, thread)["__interrupt__"][0].value["case_id"]
    run(
        agent,
        Command(resume={paused(agent, thread).id: forged} if by_id else forged),
        thread,
        {"langgraph_auth_user_id": user},
    )
    assert paused(agent, thread).value["refused"]

    # The reviewer wakes the graph up, and rejects: the earlier answer is not theirs.
    answer(agent, thread, "go on")
    assert hitl.cases.get(case_id).status == "waiting"
    answer(agent, thread, {"type": "ignore"})

    assert hitl.cases.get(case_id).status == "rejected"
    assert tool.calls == []


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_run_without_an_answer_never_repeats_the_plain_answer_of_another_user(hitl, tool, is_async, is_nested):
    agent, thread = agent_on(None if is_nested else InMemorySaver(), hitl, tool), next(threads)
    if is_nested:
        builder = StateGraph(Agent)
        builder.add_node("inner", agent)
        builder.add_edge(START, "inner")
        agent = builder.compile(checkpointer=InMemorySaver())

    def step(given, user):
        place = thread_of(thread)
        place["configurable"] |= user
        if is_async:
            return asyncio.run(agent.ainvoke(given, place, durability="sync"))
        return agent.invoke(given, place, durability="sync")

    step({"calls": [a_call()]}, {})
    step(Command(resume={"type": "accept"}), {"langgraph_auth_user_id": "intruder"})
    step(None, REVIEWER)
    assert tool.calls == []

    assert step(Command(resume={"type": "accept"}), REVIEWER)["done"] == ["sent to ann", "end"]


def test_who_asks_does_not_decide_and_stays_the_submitter_when_a_reviewer_runs_the_graph(hitl, agent, tool):
    thread, me = next(threads), {"langgraph_auth_user_id": "senior_manager"}
    run(agent, {"calls": [a_call()]}, thread, me)
    answer(agent, thread, {"decision": {"human_decision": "approve"}}, me)
    assert tool.calls == []

    answer(agent, thread, {"decision": {"human_decision": "approve"}})

    assert hitl.cases.get(hitl.executions.list()[-1].case_id).submission.submitted_by == "senior_manager"
    assert len(tool.calls) == 1


def test_a_call_that_fails_is_reported_and_never_made_again(hitl, shared_saver):
    calls, thread = list[dict](), next(threads)

    def broken(arguments):
        calls.append(arguments)
        raise OSError("no route")

    agent = agent_on(shared_saver, hitl, broken)
    pause = run(agent, {"calls": [a_call()]}, thread)["__interrupt__"][0]
    hitl.decide(pause.value["case_id"], "approve", reviewer="domain_reviewer")

    with ThreadPoolExecutor(4) as pool:
        wakes = [pool.submit(run, agent, Command(resume={pause.id: "go on"}), thread) for _ in range(4)]

    # A run that comes while another one makes the call pauses again.
    result = {tuple(each.result()["done"]) for each in wakes} - {()}
    assert result == {("failed: OSError: no route", "end")}
    assert hitl.executions.get(pause.value["case_id"]).status == "failed"
    assert len(calls) == 1


def test_a_reviewer_who_names_another_function_does_not_make_the_gate_call_its_own(hitl, agent, tool):
    thread, other = next(threads), {"predicted_label": "delete", "arguments": {"to": "ann"}}
    run(agent, {"calls": [a_call()]}, thread)

    (result, _) = answer(agent, thread, {"decision": {"human_decision": "modify", "modified_output": other}})["done"]

    assert result == "no: a call of 'delete' was approved instead of 'send'; propose that one"
    assert tool.calls == []


def test_a_call_that_interrupts_the_graph_is_refused(hitl):
    agent, thread = agent_on(InMemorySaver(), hitl, lambda arguments: interrupt("really?")), next(threads)
    run(agent, {"calls": [a_call()]}, thread)

    (result, _) = answer(agent, thread, {"type": "accept"})["done"]

    assert "the approved call interrupted the graph" in result


def test_oversight_hands_the_grant_to_the_nodes_behind_it(hitl):
    builder = StateGraph(dict)
    answers = list[object]()
    builder.add_node(
        "ask", oversight_node(hitl, task_of=task_of, result_of=lambda state, each: answers.append(each) or state)
    )
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    graph, thread = builder.compile(checkpointer=InMemorySaver()), next(threads)
    run(graph, {"call": a_call()}, thread)

    answer(graph, thread, {"type": "accept"})

    (go,) = answers
    assert hitl.executions.grant(go.grant.token).begin().is_new
    assert not graph.get_state(thread_of(thread)).next


@pytest.mark.parametrize("facade", [Orchestrator, AsyncOrchestrator])
def test_an_asynchronous_graph_runs_an_asynchronous_call_once(tmp_path, facade):
    calls = list[dict]()

    async def send(arguments):
        calls.append(arguments)
        return "sent"

    async def use(hitl):
        agent, place = agent_on(InMemorySaver(), hitl, send), thread_of("t")
        await agent.ainvoke({"calls": [a_call("ann"), a_call("bob")]}, place, durability="sync")
        for each in (await agent.aget_state(place)).interrupts:
            user = {"configurable": {**place["configurable"], **REVIEWER}}
            done = await agent.ainvoke(Command(resume={each.id: {"type": "accept"}}), user, durability="sync")
        assert done["done"] == ["sent", "sent", "end"]
        with pytest.raises(InvalidInput, match="ainvoke"):
            agent.invoke({"calls": [a_call()]}, thread_of("u"))

    async def main():
        opened = facade.open(f"sqlite:///{tmp_path / 'hitl.db'}")
        if facade is AsyncOrchestrator:
            async with opened as hitl:
                await use(hitl)
        else:
            with opened as hitl:
                await use(hitl)

    asyncio.run(main())
    assert Counter(each["to"] for each in calls) == {"ann": 1, "bob": 1}
