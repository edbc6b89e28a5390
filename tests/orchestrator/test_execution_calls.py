"""A function that could not make the approved call is refused before the one execution is claimed for it."""

import asyncio

import pytest

from hitl_orchestrator import CallKey, Orchestrator, ParentCall, Task, proposed_call
from hitl_orchestrator.errors import ExecutionFailed, InvalidInput

KEY = CallKey(thread="t", call_id="c")
TASK = Task(task_id="c", task_type="t", task_description="d", domain="d", risk_level="low")


@pytest.fixture
def go():
    with Orchestrator.open("memory://") as hitl:
        proposal = proposed_call("refund", {"order": "A1"})
        hitl.decide(hitl.ask(KEY, TASK, proposal).case_id, "approve", reviewer="senior_manager")
        yield hitl.ask(KEY, TASK, proposal)


async def later(arguments):
    return arguments["order"]


@pytest.mark.parametrize("call", ["paid", None, lambda: 1, lambda order, amount: 1, later])
def test_a_wrong_function_leaves_the_approval_as_it_was(go, call):
    with pytest.raises(InvalidInput, match=r"^run: .*go\.a?run\("):
        go.run(call)

    assert go.run(lambda arguments: arguments["order"]) == "A1"


@pytest.mark.parametrize("call", ["paid", lambda order, amount: 1])
def test_a_wrong_asynchronous_function_leaves_the_approval_as_it_was(go, call):
    with pytest.raises(InvalidInput, match=r"^arun: .*go\.arun\("):
        asyncio.run(go.arun(call))

    assert asyncio.run(go.arun(later)) == "A1"


def test_a_coroutine_that_was_not_awaited_is_not_recorded_as_carried_out(go):
    with pytest.raises(InvalidInput, match="returned a coroutine in place of a result"):
        go.run(lambda arguments: later(dict(arguments)))
    with pytest.raises(ExecutionFailed, match="returned a coroutine"):
        go.run(lambda arguments: arguments["order"])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: CallKey(thread="", call_id="c"), "CallKey: thread: "),
        (lambda: CallKey(thread="t", call_id=None), "CallKey: call_id: "),
        (lambda: ParentCall(graph="g"), "ParentCall: thread_id: "),
        (lambda: proposed_call("refund", ["A1"]), "arguments: .* no mapping"),
    ],
)
def test_a_bad_key_parent_or_call_is_invalid_input_that_names_the_field(make, problem):
    with pytest.raises(InvalidInput, match=problem):
        make()


def test_an_error_names_a_kind_with_its_article():
    with Orchestrator.open("memory://") as hitl, pytest.raises(InvalidInput, match="is not an AgentOutput"):
        hitl.ask(KEY, TASK, TASK)
