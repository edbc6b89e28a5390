"""A large output is stored once, outside the checkpoint, and returned byte for byte."""

import sqlite3
from contextlib import closing

import pytest
from support.builders import a_review, an_output
from support.internals import look_at

LARGE = {"predicted_label": "Refund", "letter": 'ä€🜁\u2028"\\/' * 60_000, "numbers": [0.1, 1e300, -(2**53) + 1]}


def checkpoint_bytes(store):
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        (kept,) = connection.execute("SELECT sum(length(checkpoint) + length(metadata)) FROM checkpoints").fetchone()
        (pending,) = connection.execute("SELECT coalesce(sum(length(value)), 0) FROM writes").fetchone()
    return kept + pending


@pytest.fixture
def large():
    return an_output(confidence=0.5, label="Refund", letter=LARGE["letter"], numbers=LARGE["numbers"])


def test_the_payload_exceeds_the_checkpoint_limit(large):
    assert len(large.model_dump_json().encode()) > 500_000


def test_a_large_output_leaves_a_small_checkpoint(opened, sqlite_store, waits, large):
    hitl = opened(sqlite_store)
    look_at(hitl, waits(hitl, output=large).case_id)

    assert checkpoint_bytes(sqlite_store) < 40_000


@pytest.mark.parametrize("restart", [True, False])
def test_a_large_output_is_approved_byte_for_byte(opened, durable_store, waits, large, restart):
    hitl = opened(durable_store)
    waits(hitl, output=large)
    if restart:
        hitl.close()
        hitl = opened(durable_store)

    case = hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert case.final_output.model_dump_json() == large.agent_output.model_dump_json()
    assert hitl.cases.get(task_id="task-1").record.final_output == large.agent_output


def test_a_large_edit_is_returned_byte_for_byte(hitl, waits):
    waits(hitl)

    case = hitl.decide(task_id="task-1", decision=a_review("modify", "ana", modified_output=LARGE))

    assert case.final_output.model_dump(exclude={"explanation"}) == LARGE


def test_a_large_auto_approved_task_finishes(hitl, waits):
    case = waits(hitl, output=an_output(confidence=0.9), metadata={"mail": LARGE["letter"]})

    assert (case.status, case.submission.task.metadata["mail"]) == ("approved", LARGE["letter"])
