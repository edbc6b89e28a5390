"""LangGraph gives an answer without an interrupt id to later runs as well: it counts in its own run alone."""

import asyncio
import sqlite3
from contextlib import closing
from itertools import count

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from support.embedded_agent import Agent, agent_on, outcome, place, task_of
from support.scripted_agents import an_agent, pauses, started

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.langgraph import gate

APPROVE = {"decision": {"human_decision": "approve"}}
CALL = {"id": "call_0", "arguments": {"to": "ann"}}
threads = (f"thread-{number}" for number in count())


@pytest.fixture(scope="module")
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite"])
def saver(request):
    if request.param == "memory":
        yield InMemorySaver()
        return
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@pytest.fixture
def sent():
    return []


def by(user, thread):
    config = place(thread)
    return {"configurable": {**config["configurable"], **({"langgraph_auth_user_id": user} if user else {})}}


def run(graph, given, user, thread):
    return graph.invoke(given, by(user, thread), durability="sync")


def in_a_row(saver, hitl, tool, *names, around=True, task_of=task_of):
    """Return a graph of gates one after the other, inside of another graph if it is to have one around it."""
    inner = StateGraph(Agent)
    for before, name in zip((START, *names), names, strict=False):
        inner.add_node(name, gate(hitl, tool, task_of=task_of, result_of=outcome, submitter_of=None))
        inner.add_edge(before, name)
    if not around:
        return inner.compile(checkpointer=saver)
    outer = StateGraph(Agent)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    outer.add_edge("inner", END)
    return outer.compile(checkpointer=saver)


@pytest.mark.parametrize("user", [None, "intruder"], ids=str)
def test_a_refused_answer_is_not_taken_for_that_of_who_continues_the_thread(hitl, saver, sent, user):
    graph, thread = agent_on(saver, hitl, lambda given: sent.append(given) or "sent"), next(threads)
    run(graph, {"calls": [CALL]}, None, thread)
    (refused,) = run(graph, Command(resume=APPROVE), user, thread)["__interrupt__"]
    assert refused.value["refused"]

    for _ in range(2):
        run(graph, None, "domain_reviewer", thread)
    assert sent == []
    assert hitl.cases.get(refused.value["case_id"]).status == "waiting"

    # The same words count when the reviewer sends them.
    run(graph, Command(resume=APPROVE), "domain_reviewer", thread)
    assert sent == [{"to": "ann"}]


def test_asynchronous_runs_tell_their_own_answer_from_a_leftover_one(hitl, sent):
    graph, thread = agent_on(InMemorySaver(), hitl, lambda given: sent.append(given) or "sent"), next(threads)

    async def answered():
        for given, user in (
            ({"calls": [CALL]}, None),
            (Command(resume=APPROVE), None),
            (None, "domain_reviewer"),
        ):
            await graph.ainvoke(given, by(user, thread), durability="sync")
        assert sent == []
        await graph.ainvoke(Command(resume=APPROVE), by("domain_reviewer", thread), durability="sync")

    asyncio.run(answered())
    assert sent == [{"to": "ann"}]


def test_an_approval_of_one_call_is_none_of_the_next_call_in_a_graph_inside(hitl, saver, sent):
    graph, thread = in_a_row(saver, hitl, lambda given: sent.append(given) or "sent", "first", "second"), next(threads)
    run(graph, {"call": CALL}, None, thread)
    run(graph, Command(resume=APPROVE), "domain_reviewer", thread)
    assert len(sent) == 1

    run(graph, None, "domain_reviewer", thread)
    assert len(sent) == 1

    run(graph, Command(resume=APPROVE), "domain_reviewer", thread)
    assert len(sent) == 2


def test_an_answer_that_no_node_could_hear_counts_for_no_later_run(hitl, saver, sent):
    broken = []

    def fails(state):
        if broken:
            raise OSError("the store of the application is away")
        return task_of(state)

    graph = in_a_row(saver, hitl, lambda given: sent.append(given) or "sent", "only", around=False, task_of=fails)
    thread = next(threads)
    run(graph, {"call": CALL}, None, thread)
    broken.append(True)
    with pytest.raises(OSError, match="away"):
        run(graph, Command(resume=APPROVE), None, thread)
    broken.clear()

    run(graph, None, "domain_reviewer", thread)

    assert sent == []


def test_an_answer_is_none_to_a_call_that_has_not_paused_before(hitl, sent):
    broken = [True]

    def fails(state):
        if broken:
            raise OSError("away")
        return task_of({"call": {"id": "unseen", "arguments": {"to": "mallory"}}})

    builder = StateGraph(Agent)
    builder.add_node("a_unseen", gate(hitl, sent.append, task_of=fails, result_of=outcome, submitter_of=None))
    builder.add_node("shown", gate(hitl, sent.append, task_of=task_of, result_of=outcome))
    builder.add_edge(START, "a_unseen")
    builder.add_edge(START, "shown")
    graph, thread = builder.compile(checkpointer=InMemorySaver()), next(threads)
    with pytest.raises(OSError, match="away"):
        run(graph, {"call": CALL}, None, thread)
    while not graph.get_state(place(thread)).interrupts:
        with pytest.raises(OSError, match="away"):
            run(graph, None, None, thread)
    broken.clear()

    # One task after the other: the one that has not paused yet is the first to take the answer.
    graph.invoke(Command(resume=APPROVE), {**by("domain_reviewer", thread), "max_concurrency": 1}, durability="sync")

    assert {"to": "mallory"} not in sent


@pytest.mark.parametrize("mode", ["batched", "per_call"])
@pytest.mark.parametrize("user", [None, "intruder", "domain_reviewer"], ids=str)
def test_an_answer_to_an_agent_counts_for_the_person_of_its_own_run_alone(mode, user):
    ran, approve = [], [{"type": "approve"}]
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(
            hitl,
            ran,
            interrupt_mode=mode,
            settings={"refund": {"risk": "high"}},
            reviewer=lambda config: config["configurable"].get("langgraph_auth_user_id"),
        )
        started(agent, by(None, "t"))
        run(agent, Command(resume=approve), user, "t")

        for _ in range(2):
            assert pauses(run(agent, None, "senior_manager", "t"))
        assert ran == []

        run(agent, Command(resume=approve), "senior_manager", "t")
        assert ran == [("refund", 50, "ana")]
