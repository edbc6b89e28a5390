"""Ways past the person: why free-form commands, configs and state updates are never taken from outside."""

import pytest
from langgraph.types import Command, interrupt


def human_review(state):
    return {"review": interrupt("approve?")}


def act(state):
    return {"outcome": f"did it, review: {state.get('review')}"}


def test_update_state_as_the_node_bypasses_the_review(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)

    graph.update_state(thread, {"review": "forged"}, as_node="human_review")

    assert graph.invoke(None, thread)["outcome"] == "did it, review: forged"
    assert graph.get_state(thread).interrupts == ()


def test_a_goto_bypasses_the_review(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)

    result = graph.invoke(Command(goto="act"), thread)

    assert result["outcome"] == "did it, review: None"


def test_an_old_checkpoint_id_repeats_the_later_nodes(line, thread):
    acted = []

    def act_once(state):
        acted.append(state["review"])

    graph = line(human_review, act_once)
    graph.invoke({"task": "refund"}, thread)
    graph.invoke(Command(resume="approve"), thread)
    before_acting = next(each for each in graph.get_state_history(thread) if each.next == ("act_once",))

    graph.invoke(None, before_acting.config)

    assert acted == ["approve", "approve"]


@pytest.mark.parametrize(("durability", "carried_out"), [("sync", "reject"), ("exit", "approve")])
def test_an_old_checkpoint_id_replays_one_of_two_answers_without_an_interrupt(line, thread, durability, carried_out):
    """With `sync` the first answer is stored with the old checkpoint and repeated; with `exit` the second counts."""
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread, durability=durability)
    while_waiting = graph.get_state(thread).config
    graph.invoke(Command(resume="reject"), thread, durability=durability)

    result = graph.invoke(Command(resume="approve"), while_waiting, durability=durability)

    assert result["outcome"] == f"did it, review: {carried_out}"
