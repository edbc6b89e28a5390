"""The graph is held to what the topology says about pauses, by the code of its nodes."""

from functools import partial

import langgraph.types
import pytest
from langgraph.types import interrupt
from langgraph.types import interrupt as ask

from hitl_orchestrator.graph.pauses import PausesMisstated, check_pauses, pauses_in
from hitl_orchestrator.graph.topology import NEXT, PAUSES
from hitl_orchestrator.nodes import classify, finalize, human_review, route, score


def none(state):
    return {}


def once(state):
    return {"x": interrupt(1)}


def twice(state):
    interrupt(1)
    return {"x": interrupt(2)}


def under_another_name(state):
    return {"x": ask(1)}


def through_the_module(state):
    return {"x": langgraph.types.interrupt(1)}


def inside(state):
    return [interrupt(number) for number in state]


@pytest.mark.parametrize(
    ("node", "found"),
    [(none, 0), (once, 1), (twice, 2), (under_another_name, 1), (through_the_module, 1), (inside, 1), (len, 0)],
)
def test_every_call_of_interrupt_in_a_node_is_counted(node, found):
    assert pauses_in(node) == found
    assert pauses_in(partial(node, key=1)) == found


def test_a_call_in_a_function_of_ours_that_a_node_calls_by_name_is_counted():
    names = {"helper": human_review.human_review}
    exec("def calls(state): return helper(state)", names)

    assert pauses_in(names["calls"]) == 1


@pytest.mark.parametrize("stated", [0, 2])
def test_a_node_that_pauses_otherwise_than_stated_is_refused(stated):
    with pytest.raises(PausesMisstated, match=f"'ask' has 1 calls of interrupt and PAUSES .* says {stated}"):
        check_pauses("ask", once, stated)


def test_the_topology_tells_the_truth():
    rooms = {"classify": classify, "score": score, "route": route, "human_review": human_review, "finalize": finalize}

    assert {name: pauses_in(getattr(rooms[name], name)) for name in NEXT} == {
        name: PAUSES.get(name, 0) for name in NEXT
    }
