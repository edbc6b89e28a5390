"""The id of a call: readable, and another for every other call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator import CallKey, InvalidInput, proposed_call
from hitl_orchestrator.domain.task import Task

PARTS = st.text(st.sampled_from("ab:.-_ |é"), min_size=1, max_size=4) | st.text("a:", min_size=100, max_size=220)
KEYS = st.builds(CallKey, thread=PARTS, call_id=PARTS, namespace=st.just("") | PARTS)


@given(KEYS, KEYS)
def test_two_calls_have_two_ids_that_any_store_keeps(one, other):
    assert (one.task_id == other.task_id) is (one == other)
    assert Task(task_id=one.task_id, task_type="t", task_description="d", domain="d").task_id == one.task_id


@pytest.mark.parametrize(
    ("key", "task_id"),
    [
        (CallKey(thread="t-1", call_id="call_0"), "call:t-1::call_0"),
        (CallKey(thread="t-1", call_id="call_0", namespace="sub"), "call:t-1:sub:call_0"),
    ],
)
def test_a_plain_id_shows_the_parts_of_its_key(key, task_id):
    assert key.task_id == task_id


def test_another_id_begins_with_the_readable_parts():
    key = CallKey(thread="t 1", call_id="call_0", namespace="tools:1|2")

    assert key.task_id.startswith("call::t-1:call_0:")


@pytest.mark.parametrize("arguments", [{"a": object()}, {"a": float("nan")}, {1: "a"}, {"a": "\ud800"}])
def test_a_proposed_call_has_arguments_that_can_be_stored(arguments):
    with pytest.raises(InvalidInput, match="the proposed call of 'refund'"):
        proposed_call("refund", arguments)
