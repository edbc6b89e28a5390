"""The values that reading a checkpoint row may produce."""

import json
import sqlite3
from contextlib import closing
from enum import StrEnum

import ormsgpack
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, interrupt
from pydantic import BaseModel

BUILD_BY_CALLING = 0  # the extension code for "import this module, call this name with this argument"
marks: list[str] = []


class Risk(StrEnum):
    HIGH = "high"


class Score(BaseModel):
    confidence: float


def leave_a_mark(what: str) -> str:
    marks.append(what)
    return what


def strict() -> JsonPlusSerializer:
    return JsonPlusSerializer(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None)


def human_review(state):
    return {"review": interrupt({"task": state["task"]})}


def poison(connection, task: str) -> None:
    """Replace the stored task with a call of `leave_a_mark`, as an attacker with write access to the table can."""
    call = ormsgpack.Ext(BUILD_BY_CALLING, ormsgpack.packb((__name__, "leave_a_mark", task)))
    for checkpoint_id, blob in connection.execute("SELECT checkpoint_id, checkpoint FROM checkpoints").fetchall():
        checkpoint = ormsgpack.unpackb(blob)
        checkpoint["channel_values"]["task"] = call
        connection.execute(
            "UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?",
            (ormsgpack.packb(checkpoint), checkpoint_id),
        )
    connection.commit()


@pytest.fixture
def connection():
    marks.clear()
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        yield connection


def test_the_default_serializer_executes_code_of_a_poisoned_row(line_on, thread, connection):
    graph = line_on(human_review, checkpointer=SqliteSaver(connection))
    graph.invoke({"task": "refund"}, thread)
    poison(connection, "the row spoke")

    graph.get_state(thread)

    assert "the row spoke" in marks


def test_the_strict_serializer_executes_no_code_of_a_poisoned_row(line_on, thread, connection):
    graph = line_on(human_review, checkpointer=SqliteSaver(connection, serde=strict()))
    graph.invoke({"task": "refund"}, thread)
    poison(connection, "the row spoke")

    state = graph.get_state(thread)

    assert marks == []
    assert state.values["task"] == "the row spoke"


def test_the_strict_serializer_restores_a_pause(line_on, thread, connection):
    graph = line_on(human_review, checkpointer=SqliteSaver(connection, serde=strict()))
    graph.invoke({"task": "refund"}, thread)

    (waiting,) = graph.get_state(thread).interrupts

    assert waiting.value == {"task": "refund"}
    assert graph.invoke(Command(resume={waiting.id: {"decision": "approve"}}), thread)["review"] == {
        "decision": "approve"
    }


def test_a_pickled_row_is_refused():
    with pytest.raises(NotImplementedError, match="pickle"):
        strict().loads_typed(("pickle", b"cos\nsystem\n(S'true'\ntR."))


def test_a_row_in_the_old_json_form_may_name_langchain_messages_only():
    def row(*path: str, version: int, **rest: object) -> tuple[str, bytes]:
        return "json", json.dumps({"lc": version, "type": "constructor", "id": path, **rest}).encode()

    message = row("langchain_core", "messages", "human", "HumanMessage", version=1, kwargs={"content": "hello"})
    call = row(__name__, "leave_a_mark", version=2, args=["the row spoke"])
    marks.clear()

    assert strict().loads_typed(message) == HumanMessage(content="hello")
    assert strict().loads_typed(call) == json.loads(call[1])
    assert marks == []


def test_the_strict_serializer_changes_values_that_are_not_plain_json(line_on, thread):
    def score(state):
        return {"score": [Score(confidence=0.5), Risk.HIGH, ("a", "b"), {1: "one"}]}

    graph = line_on(score, checkpointer=InMemorySaver(serde=strict()))
    graph.invoke({"task": "refund"}, thread)

    assert graph.get_state(thread).values["score"] == [{"confidence": 0.5}, "high", ["a", "b"], {1: "one"}]


def test_a_node_gets_the_typed_value_before_a_pause_and_plain_json_after_it(line_on, thread):
    seen = []

    def score(state):
        return {"score": Score(confidence=0.5)}

    def review_of_score(state):
        seen.append(type(state["score"]))
        return {"review": interrupt("approve?")}

    graph = line_on(score, review_of_score, checkpointer=InMemorySaver(serde=strict()))
    graph.invoke({"task": "refund"}, thread)
    graph.invoke(Command(resume="approve"), thread)

    assert seen == [Score, dict]


def test_a_lone_surrogate_is_stored_as_a_question_mark_silently():
    stored = strict().dumps_typed({"task": "pay \ud800"})

    assert strict().loads_typed(stored) == {"task": "pay ?"}


@pytest.mark.parametrize("amount", [2**64, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_cannot_be_stored(amount):
    with pytest.raises(ormsgpack.MsgpackEncodeError, match="64-bit"):
        strict().dumps_typed({"amount": amount})


@pytest.mark.parametrize("value", ["a\x00b", 2**64 - 1, float("inf")])
def test_values_invalid_in_postgresql_or_json_are_stored_unchanged(value):
    assert strict().loads_typed(strict().dumps_typed({"value": value})) == {"value": value}
