"""Which calls of a graph are the same: one is decided and made once, also by a later run of its thread."""

import asyncio
import re
from itertools import count

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from support.embedded_agent import NAME, Agent, Done, agent_on, outcome, place, task_of

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.errors import TaskConflict
from hitl_orchestrator.integrations.langgraph import LangGraphResumer, UnfitRun, gate

threads = (f"thread-{number}" for number in count())


@pytest.fixture(scope="module")
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


@pytest.fixture
def made():
    return []


def tool_of(made):
    return lambda arguments: made.append(arguments["to"]) or len(made)


def builder_of(*nodes, output=None):
    builder = StateGraph(Agent, output_schema=output)
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    return builder


def graph_of(hitl, made, read=task_of, **options):
    node = gate(hitl, tool_of(made), task_of=read, result_of=outcome, **options)
    return builder_of(("tool", node)).compile(checkpointer=InMemorySaver())


def run(graph, thread, to="ann", call_id="call_0", **more):
    given = {"call": {"id": call_id, "arguments": {"to": to}} | more}
    return graph.invoke(given, place(thread), durability="sync")


def pauses(state):
    return [each.value["case_id"] for each in state.get("__interrupt__", ())]


def approve(hitl, *cases):
    for case_id in cases:
        hitl.decide(case_id, "approve", reviewer="domain_reviewer")


def low(state):
    task, output = task_of(state)
    return task.model_copy(update={"risk_level": "low"}), output.model_copy(update={"confidence_score": 0.99})


def test_a_call_that_the_policy_approves_is_made_once_by_all_runs_of_its_thread(hitl, made):
    graph, thread, other = graph_of(hitl, made, low), next(threads), next(threads)

    states = [run(graph, thread) for _ in range(3)]

    assert made == ["ann"]
    assert states[-1]["done"] == [1, 1, 1]
    run(graph, other)
    run(graph, thread, call_id="call_1")
    assert made == ["ann"] * 3


def test_a_later_run_waits_for_the_same_decision_and_is_resumed_by_it(hitl, made):
    graph, thread = graph_of(hitl, made, graph=NAME), next(threads)
    hitl.resumers[NAME] = LangGraphResumer(graph)
    first, second = pauses(run(graph, thread)), pauses(run(graph, thread))
    assert first == second

    approve(hitl, *first)
    hitl.recover()

    assert graph.get_state(place(thread)).values["done"] == [1]
    assert run(graph, thread)["done"] == [1, 1]
    assert made == ["ann"]


def test_a_rejected_call_stays_rejected(hitl, made):
    graph, thread = graph_of(hitl, made), next(threads)
    (case_id,) = pauses(run(graph, thread))
    hitl.decide(case_id, "reject", reviewer="domain_reviewer", reason="no")

    assert run(graph, thread)["done"] == ["no: it was rejected: no"]


def test_another_call_under_a_used_id_is_refused_and_the_remedy_named(hitl, made):
    graph, thread = graph_of(hitl, made), next(threads)
    (case_id,) = pauses(run(graph, thread))

    with pytest.raises(TaskConflict) as refused:
        run(graph, thread, to="eve")

    assert "key=" in refused.value.__notes__[0]
    assert [each.case_id for each in hitl.inbox() if f":{thread}:" in each.task_id] == [case_id]
    assert "__interrupt__" in run(graph, thread, to="eve", call_id="call_1")


def test_a_key_names_the_calls_of_a_model_that_numbers_them_alike_in_each_turn(hitl, made):
    graph = graph_of(hitl, made, low, key=lambda state: f"{state['call']['message']}.{state['call']['id']}")
    thread = next(threads)

    for message, to in (("m1", "ann"), ("m1", "ann"), ("m2", "eve"), ("m3", "ann")):
        run(graph, thread, to, message=message)

    assert made == ["ann", "eve", "ann"]


def test_a_call_without_an_id_is_one_of_its_step(hitl, made):
    def unnamed(state):
        task, output = (each.model_dump(exclude={"task_id"}) for each in task_of(state))
        return task | {"risk_level": "low"}, output | {"confidence_score": 0.99}

    graph, thread = graph_of(hitl, made, unnamed), next(threads)
    run(graph, thread)
    run(graph, thread, "eve")

    assert made == ["ann", "eve"]


def test_calls_of_one_id_that_are_sent_at_once_differ_by_their_positions_in_each_run(hitl, made):
    agent, thread = agent_on(InMemorySaver(), hitl, tool_of(made)), next(threads)
    given = {"calls": [{"id": "call_0", "arguments": {"to": to}} for to in ("ann", "bob", "ann")]}
    first = pauses(agent.invoke(given, place(thread), durability="sync"))
    assert len(set(first)) == 3
    assert sorted(pauses(agent.invoke(given, place(thread), durability="sync"))) == sorted(first)

    approve(hitl, *first)
    agent.invoke(given, place(thread), durability="sync")

    assert sorted(made) == ["ann", "ann", "bob"]


def test_two_nodes_and_two_sub_agents_share_no_call(hitl, made):
    node = gate(hitl, tool_of(made), task_of=low, result_of=outcome)
    sub = builder_of(("tool", node), output=Done).compile()
    builder = builder_of(("one", node), ("two", node), ("left", sub), ("right", sub))
    builder.add_conditional_edges(START, lambda state: [Send("left", state), Send("left", state)], ["left"])
    graph = builder.compile(checkpointer=InMemorySaver())

    run(graph, next(threads))

    assert made == ["ann"] * 6


def test_a_sub_agent_that_is_called_again_makes_calls_of_its_own_unless_a_key_says_otherwise(hitl):
    for key, number in ((None, 2), (lambda state: state["call"]["id"], 1)):
        made = []
        node = gate(hitl, tool_of(made), task_of=low, result_of=outcome, key=key)
        graph = builder_of(("sub", builder_of(("tool", node)).compile())).compile(checkpointer=InMemorySaver())
        thread = next(threads)
        run(graph, thread)
        run(graph, thread)
        assert made == ["ann"] * number


def test_an_old_checkpoint_that_is_run_again_does_not_repeat_the_call(hitl, made):
    graph, thread = graph_of(hitl, made), next(threads)
    approve(hitl, *pauses(run(graph, thread)))
    graph.invoke(Command(resume="go on"), place(thread), durability="sync")
    *_, before, _ = graph.get_state_history(place(thread))

    graph.update_state(before.config, {"done": ["forked"]})
    graph.invoke(None, place(thread), durability="sync")

    assert made == ["ann"]


READS = {
    "a task alone": (lambda state: task_of(state)[0], "(task, output)"),
    "the output first": (lambda state: task_of(state)[::-1], "(task, output)"),
    "a task without a type": (lambda state: ({"task_id": "x"}, None), "task_type"),
    "an output without a proposal": (lambda state: (task_of(state)[0], {"confidence_score": 1}), "agent_output"),
    "a mapping": (lambda state: {"task": 1}, "(task, output)"),
}


@pytest.mark.parametrize("read", READS)
def test_a_state_without_a_usable_call_is_refused_in_words(hitl, made, read):
    with pytest.raises(UnfitRun, match=rf"task_of.*{re.escape(READS[read][1])}"):
        run(graph_of(hitl, made, READS[read][0]), next(threads))


def test_a_key_that_is_no_text_is_refused(hitl, made):
    with pytest.raises(UnfitRun, match="key: it returned None"):
        run(graph_of(hitl, made, key=lambda state: None), next(threads))


class Later:
    """An object that is called like an asynchronous function."""

    def __init__(self, made):
        self.made = made

    async def __call__(self, arguments):
        self.made.append(arguments["to"])


def test_what_returns_an_awaitable_is_awaited_and_refused_in_a_synchronous_graph(hitl, made):
    def graph_with(call):
        node = gate(hitl, call, task_of=low, result_of=outcome)
        return builder_of(("tool", node)).compile(checkpointer=InMemorySaver())

    given, later = {"call": {"id": "call_0", "arguments": {"to": "ann"}}}, Later(made)
    for call in (later, lambda arguments: later(arguments)):  # noqa: PLW0108 - no asynchronous function itself
        asyncio.run(graph_with(call).ainvoke(given, place(next(threads)), durability="sync"))
    assert made == ["ann", "ann"]

    with pytest.raises(InvalidInput, match="run the graph with 'ainvoke'"):
        run(graph_with(later), next(threads))
    (failed,) = run(graph_with(lambda arguments: later(arguments)), next(threads))["done"]  # noqa: PLW0108
    assert "the call returned a coroutine" in failed
    assert made == ["ann", "ann"]


def refund(order, cents):
    """A function that takes its arguments one by one."""


def later(state):
    """A generator."""
    yield state


async def read_later(state):
    return task_of(state)


UNFIT = {
    "an address": ({"hitl": "sqlite:///x.db"}, "hitl: a value of the type 'str' is no orchestrator; pass"),
    "a function as orchestrator": ({"hitl": task_of}, "hitl: 'task_of' is no orchestrator"),
    "a call of other arguments": ({"call": refund}, r"call: 'refund' does not take .*lambda arguments: refund\("),
    "a call of a text": ({"call": lambda: None}, "call: .* does not take"),
    "a generator": ({"call": later}, "call: 'later' is a generator"),
    "an asynchronous reader": ({"task_of": read_later}, "task_of: 'read_later' is asynchronous"),
    "a reader of two": ({"task_of": refund}, "task_of: 'refund' is no function of one argument"),
    "a result without the answer": ({"result_of": task_of}, "result_of: .* is no function of 2 arguments"),
    "a key that is a name": ({"key": "id"}, "key: .*'str' is no function of one argument"),
    "a reviewer's name": ({"reviewer_of": "ann"}, "reviewer_of: .*'str' is no function"),
    "a compiled graph": ({"graph": StateGraph(Agent)}, "graph: .*'StateGraph' is no name; pass that of the graph's"),
    "an empty name": ({"graph": ""}, "the name of the graph: graph"),
    "no audience": ({"audience": None}, "audience: it has to be a text"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_cannot_work_is_refused_when_the_node_is_made(hitl, kind):
    given, problem = UNFIT[kind]
    options = {"hitl": hitl, "call": print, "task_of": task_of, "result_of": outcome} | given
    with pytest.raises(InvalidInput, match=problem):
        gate(options.pop("hitl"), options.pop("call"), **options)
