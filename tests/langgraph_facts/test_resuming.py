"""The values that `Command(resume=...)` accepts, ignores or stores as errors."""

from typing import Literal

import pytest
from langgraph.errors import UnknownInterruptError, is_invalid_resume
from langgraph.types import Command, interrupt
from pydantic import BaseModel, ValidationError

DURABILITIES = pytest.mark.parametrize("durability", ["sync", "async", "exit"])


class Answer(BaseModel):
    decision: Literal["approve", "reject"]


def human_review(state):
    return {"review": interrupt("approve?")}


def act(state):
    return {"outcome": f"did {state['review']}"}


def pending(graph, thread) -> list[str]:
    return [each.value for each in graph.get_state(thread).interrupts]


def test_a_finished_thread_accepts_a_resume_silently(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)
    finished = graph.invoke(Command(resume="approve"), thread)

    assert graph.invoke(Command(resume="reject"), thread) == finished


def test_an_unknown_interrupt_id_is_ignored_silently(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)

    result = graph.invoke(Command(resume={"0" * 32: "approve"}), thread)

    assert "review" not in result
    assert pending(graph, thread) == ["approve?"]


def test_in_strict_mode_an_unknown_interrupt_id_is_an_error(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)
    strict = {"configurable": {**thread["configurable"], "__pregel_strict_resume": True}}

    with pytest.raises(UnknownInterruptError):
        graph.invoke(Command(resume={"0" * 32: "approve"}), strict)

    assert pending(graph, thread) == ["approve?"]


def test_a_resume_with_none_raises_unbound_local_error(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)

    with pytest.raises(UnboundLocalError, match="resume_is_map"):
        graph.invoke(Command(resume=None), thread)


def test_a_resume_with_an_empty_map_does_nothing(line, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)

    graph.invoke(Command(resume={}), thread)

    assert pending(graph, thread) == ["approve?"]


def test_a_stale_id_answers_the_second_interrupt_of_a_node(line, thread):
    def asks_twice(state):
        return {"review": [interrupt("approve?"), interrupt("are you sure?")]}

    graph = line(asks_twice)
    first = graph.invoke({"task": "refund"}, thread)["__interrupt__"][0].id
    second = graph.invoke(Command(resume={first: "approve"}), thread)["__interrupt__"][0].id

    result = graph.invoke(Command(resume={first: "approve"}), thread)

    assert first != second
    assert result["review"] == ["approve", "approve"]


@DURABILITIES
def test_a_value_on_which_the_node_raises_blocks_the_thread(line, thread, durability):
    def particular_review(state):
        answer = interrupt("approve?")
        if answer not in {"approve", "reject"}:
            raise ValueError(answer)
        return {"review": answer}

    graph = line(particular_review, act)
    graph.invoke({"task": "refund"}, thread, durability=durability)
    with pytest.raises(ValueError, match="aprove"):
        graph.invoke(Command(resume="aprove"), thread, durability=durability)

    assert pending(graph, thread) == ["approve?"]
    with pytest.raises(ValueError, match="aprove"):
        graph.invoke(Command(resume="approve"), thread, durability=durability)


@DURABILITIES
def test_a_pydantic_schema_rejects_an_invalid_value_and_allows_a_second_answer(line, thread, durability):
    def typed_review(state):
        return {"review": interrupt("approve?", response_schema=Answer).decision}

    graph = line(typed_review, act)
    asked = graph.invoke({"task": "refund"}, thread, durability=durability)["__interrupt__"][0]
    assert asked.response_schema == Answer.model_json_schema()
    with pytest.raises(ValidationError) as refusal:
        graph.invoke(Command(resume={"decision": "aprove"}), thread, durability=durability)
    assert is_invalid_resume(refusal.value)
    assert pending(graph, thread) == ["approve?"]

    result = graph.invoke(Command(resume={"decision": "approve"}), thread, durability=durability)

    assert result == {"task": "refund", "review": "approve", "outcome": "did approve"}


def test_a_json_schema_is_published_and_validates_nothing(line, thread):
    schema = {"type": "string", "enum": ["approve", "reject"]}

    def loosely_typed_review(state):
        return {"review": interrupt("approve?", response_schema=schema)}

    graph = line(loosely_typed_review)
    asked = graph.invoke({"task": "refund"}, thread)["__interrupt__"][0]

    result = graph.invoke(Command(resume=["anything"]), thread)

    assert asked.response_schema == schema
    assert result["review"] == ["anything"]


def test_a_node_failing_after_the_answer_repeats_the_first_answer(line, thread):
    acted = []

    def review_and_act(state):
        answer = interrupt("approve?")
        acted.append(answer)
        if len(acted) == 1:
            raise ConnectionError("the bank is away")
        return {"review": answer}

    graph = line(review_and_act)
    graph.invoke({"task": "refund"}, thread)
    with pytest.raises(ConnectionError):
        graph.invoke(Command(resume="approve"), thread)
    assert pending(graph, thread) == ["approve?"]

    result = graph.invoke(Command(resume="reject"), thread)

    assert acted == ["approve", "approve"]
    assert result["review"] == "approve"


def test_a_resume_value_without_an_id_stays_and_answers_the_next_question_of_a_later_run(line, thread):
    heard = list[str]()

    def ask_thrice(state):
        heard.clear()
        for question in range(3):
            heard.append(interrupt(question))
        return {"review": "done"}

    graph = line(ask_thrice, act)
    graph.invoke({"task": "refund"}, thread)
    graph.invoke(Command(resume="approve"), thread)
    assert (heard, pending(graph, thread)) == (["approve"], [1])

    graph.invoke(None, thread)

    assert (heard, pending(graph, thread)) == (["approve", "approve"], [2])


def test_a_value_that_is_sent_by_id_is_the_very_object_that_the_run_was_given(line, thread):
    heard = list[dict]()

    def ask_twice(state):
        heard.clear()
        for question in range(2):
            heard.append(interrupt(question))
        return {"review": "done"}

    graph = line(ask_twice, act)
    first, second = {"answer": 1}, {"answer": 2}
    graph.invoke({"task": "refund"}, thread)
    for each in (first, second):
        (question,) = graph.get_state(thread).interrupts
        graph.invoke(Command(resume={question.id: each}), thread)

    assert heard == [first, second]
    assert [heard[0] is first, heard[1] is second] == [False, True]
