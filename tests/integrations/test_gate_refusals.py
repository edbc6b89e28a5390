"""What a gate does not take for the call that it makes, for a result, for a thread or for a person."""

from itertools import count

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from support.embedded_agent import Agent, place, task_of
from support.scripted_agents import an_agent, started

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langgraph import Executed, Failed, gate

CALL = {"call": {"id": "call_0", "arguments": {"to": "ann"}}}
threads = (f"thread-{number}" for number in count())


@pytest.fixture(scope="module")
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


def a_gate(hitl, call, outcomes, task_of=task_of):
    builder = StateGraph(Agent)
    builder.add_node("tool", gate(hitl, call, task_of=task_of, result_of=lambda _, outcome: outcomes.append(outcome)))
    builder.add_edge(START, "tool")
    return builder.compile(checkpointer=InMemorySaver())


def decided(hitl, graph, decision="approve", **more):
    """Run a graph until it pauses, decide its case, and run it again."""
    config = place(next(threads))
    (pause,) = graph.invoke(CALL, config, durability="sync")["__interrupt__"]
    hitl.decide(pause.value["case_id"], decision, reviewer="domain_reviewer", **more)
    graph.invoke(None, config, durability="sync")


def test_a_result_that_is_still_to_be_read_is_none(hitl):
    made, outcomes = [], []

    decided(hitl, a_gate(hitl, lambda arguments: (made.append(each) for each in arguments), outcomes))

    (outcome,) = outcomes
    assert isinstance(outcome, Failed)
    assert "generator" in outcome.error
    assert made == []


@pytest.mark.parametrize("name", ["delete", "mail"])
def test_without_a_proposal_only_a_call_of_the_shown_action_is_made(hitl, name):
    made, outcomes = [], []
    graph = a_gate(hitl, made.append, outcomes, lambda state: (task_of(state)[0], None))

    decided(hitl, graph, "override", output={"predicted_label": name, "arguments": {"to": "bob"}}, reason="so")

    assert made == ([{"to": "bob"}] if name == "mail" else [])
    assert isinstance(outcomes[0], Executed) or "'delete'" in outcomes[0].reason


@pytest.mark.parametrize("thread", [1, "", b"1"], ids=repr)
def test_a_thread_is_named_by_a_text(hitl, thread):
    with pytest.raises(InvalidInput, match=r"thread_id: it is .*; give a text"):
        a_gate(hitl, print, []).invoke(CALL, place(thread), durability="sync")
    with pytest.raises(InvalidInput, match=r"thread_id: it is .*; give a text"):
        started(an_agent(hitl, []), place(thread))


def test_a_submitter_without_an_id_is_refused_with_the_remedy(hitl):
    config = place(next(threads))
    config["configurable"]["langgraph_auth_user_id"] = "ann@example.com"

    with pytest.raises(InvalidInput, match=r"'ann@example.com' of this run has no id.*submitter_of="):
        a_gate(hitl, print, []).invoke(CALL, config, durability="sync")


def test_no_outcome_shows_its_contents_in_a_log(hitl):
    outcomes = []
    decided(hitl, a_gate(hitl, lambda arguments: "a secret result", outcomes))
    decided(hitl, a_gate(hitl, lambda arguments: arguments["a secret error"], outcomes))

    done, failed = outcomes
    assert done.result == "a secret result"
    assert "a secret error" in failed.error
    assert "secret" not in f"{done} {done!r} {failed} {failed!r}"
