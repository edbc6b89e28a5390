"""Clients of LangGraph that look at the thread of a case: a waiting one has a checkpoint from the first look on."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from support.builders import a_review, a_task, an_output
from support.internals import look_at, services_of

from hitl_orchestrator.nodes.state import CaseRun

CLIENTS = 8


def client_of(hitl, case):
    """Return the graph for clients, and the thread of a case."""
    runner = services_of(hitl).runner
    return runner.graph, runner.thread(case.case_id)


def threads(hitl):
    return services_of(hitl).runner._checkpoints.threads()


def seen(state):
    """Return what a client sees of a thread, without the ids of a run."""
    asked = [(each.value, each.response_schema) for each in state.interrupts]
    return state.values, state.next, asked, [(task.name, task.error) for task in state.tasks]


def run_by_a_client(hitl, case):
    """Run a received case with checkpoints, as a client does."""
    graph, thread = client_of(hitl, case)
    run = CaseRun(submission=case.submission)
    graph.invoke(services_of(hitl).runner.input(case.submission), thread, context=run, durability="exit")


def test_a_checkpoint_made_for_a_look_is_that_of_a_run_with_checkpoints(hitl):
    case = hitl.cases.enqueue(a_task(), an_output(confidence=0.5))
    run_by_a_client(hitl, case)
    stored = look_at(hitl, case.case_id)
    services_of(hitl).runner.forget(case.case_id)
    assert threads(hitl) == set()

    made = look_at(hitl, case.case_id)

    assert seen(made) == seen(stored)
    assert (made.next, len(made.interrupts)) == (("human_review",), 1)
    assert threads(hitl) == {case.case_id}


def test_the_history_of_a_waiting_thread_is_its_pause(hitl, waits):
    case = waits(hitl)
    graph, thread = client_of(hitl, case)

    (first,) = graph.get_state_history(thread)

    assert seen(first) == seen(look_at(hitl, case.case_id))
    assert first.config == look_at(hitl, case.case_id).config
    assert [each.config for each in graph.get_state_history(thread)] == [first.config]


def test_a_client_resumes_a_thread_that_it_has_not_looked_at(hitl, waits):
    case = waits(hitl)
    graph, thread = client_of(hitl, case)
    answer = a_review("approve", "ana").model_dump(mode="json", exclude_none=True)

    result = graph.invoke(Command(resume={"decision": answer}), thread)

    assert result["outcome"]["log_id"] == hitl.cases.get(case.case_id).record.log_id
    assert hitl.cases.get(case.case_id).status == "approved"
    assert look_at(hitl, case.case_id).values == {}
    assert hitl.recover() == []
    assert threads(hitl) == set()


def test_clients_that_look_at_once_see_the_same(hitl, waits):
    case = waits(hitl)
    together = Barrier(CLIENTS)

    def look(_):
        together.wait()
        return look_at(hitl, case.case_id)

    with ThreadPoolExecutor(CLIENTS) as pool:
        states = list(pool.map(look, range(CLIENTS)))

    assert len({state.config["configurable"]["checkpoint_id"] for state in states}) == 1
    assert {(state.next, len(state.interrupts)) for state in states} == {(("human_review",), 1)}


def test_clients_of_two_processes_that_look_at_once_see_the_pause(opened, durable_store, waits):
    both = [opened(durable_store), opened(durable_store)]
    together = Barrier(CLIENTS)

    def look(number, case):
        together.wait()
        return look_at(both[number % 2], case.case_id)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for each in range(3):
            case = waits(both[0], f"task-{each}")
            states = list(pool.map(look, range(CLIENTS), [case] * CLIENTS))
            reviews = {interrupt.value["review_id"] for state in states for interrupt in state.interrupts}
            assert reviews == {case.open_review.review_id}
            assert all(len(state.interrupts) == 1 for state in states)

    assert both[1].decide(case.case_id, a_review("approve", "ana")).status == "approved"
    assert case.case_id not in threads(both[0])


def test_a_look_during_a_decision_leaves_no_checkpoint(hitl, waits):
    together = Barrier(2)

    def look(case):
        together.wait()
        return look_at(hitl, case.case_id)

    def decide(case):
        together.wait()
        return hitl.decide(case.case_id, a_review("approve", "ana"))

    with ThreadPoolExecutor(2) as pool:
        for number in range(10):
            case = waits(hitl, f"task-{number}")
            looked, decided = pool.submit(look, case), pool.submit(decide, case)
            assert decided.result().status == "approved"
            assert looked.result().next in ((), ("human_review",))
            assert threads(hitl) == set()
            assert look_at(hitl, case.case_id).next == ()

    assert len(list(hitl.audit.records())) == 10
    assert hitl.audit.verify().sound


def test_a_look_at_a_thread_that_does_not_wait_makes_nothing(hitl, waits):
    finished = hitl.submit(a_task("auto"), an_output("auto"))
    decided = waits(hitl, "decided")
    hitl.decide(decided.case_id, a_review("reject", "ana"))
    received = hitl.cases.enqueue(a_task("received"), an_output("received"))

    for name in (finished.case_id, decided.case_id, received.case_id, "unknown"):
        state = look_at(hitl, name)
        assert (state.values, state.next, state.interrupts) == ({}, (), ())
        assert list(services_of(hitl).runner.graph.get_state_history(services_of(hitl).runner.thread(name))) == []

    assert threads(hitl) == set()


def test_a_look_at_an_escalated_case_shows_its_new_review(hitl, waits):
    case = waits(hitl)
    for reviewer in ("ana", "max"):
        (asked,) = look_at(hitl, case.case_id).interrupts
        assert asked.value["review_id"] == case.open_review.review_id
        case = hitl.decide(case.case_id, a_review("escalate", reviewer))

    (asked,) = look_at(hitl, case.case_id).interrupts
    assert (asked.value["review_id"], asked.value["shown"]["level"]) == (case.open_review.review_id, 2)
    assert (
        len(list(services_of(hitl).runner.graph.get_state_history(services_of(hitl).runner.thread(case.case_id)))) == 1
    )


class Foreign(TypedDict, total=False):
    """The state of a graph of the host application."""

    statuses: list[str]


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
def test_a_case_in_a_node_of_another_graph_neither_pauses_nor_is_stored_there(opened, store, tracing, durability):
    hitl, saver = opened(store, tracing=tracing), InMemorySaver()

    def work(state: Foreign) -> Foreign:
        waiting = hitl.submit(a_task("waits", task_description="a secret"), an_output("waits", confidence=0.5))
        ahead = hitl.submit(a_task("auto", task_description="a secret"), an_output("auto"))
        assert look_at(hitl, waiting.case_id).interrupts
        done = hitl.decide(waiting.case_id, a_review("approve", "ana"))
        return {"statuses": [waiting.status, ahead.status, done.status]}

    graph = StateGraph(Foreign)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    host, place = graph.compile(checkpointer=saver), {"configurable": {"thread_id": "of the host"}}

    result = host.invoke({"statuses": []}, place, durability=durability)

    assert result == {"statuses": ["waiting", "approved", "approved"]}
    assert {each.config["configurable"]["checkpoint_ns"] for each in saver.list(None)} == {""}
    assert {each.config["configurable"]["thread_id"] for each in saver.list(None)} == {"of the host"}
    assert "a secret" not in repr(list(saver.list(None)))
    assert host.get_state(place).interrupts == ()
    assert threads(hitl) == set()
