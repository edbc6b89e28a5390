"""What is recorded of a call is what became of it, and what it gets is what was approved, whatever surrounds it."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
from support.builders import a_task
from support.calls import Tool, approved, ask
from support.internals import services_of

from hitl_orchestrator import CallKey, Go, InvalidInput, No, ParentCall, proposed_call
from hitl_orchestrator.errors import (
    ExecutionFailed,
    LedgerDamaged,
    NotAuthorized,
    RecoveryIncomplete,
    StoreUnavailable,
    TaskConflict,
)
from hitl_orchestrator.execution.begun import Begun
from hitl_orchestrator.integrations.langchain.answers import Answer
from hitl_orchestrator.integrations.tool_calls import ToolCalls

SECRET = "S3CRET"


@pytest.fixture
def store():
    return "memory://"


async def asynchronous(arguments):
    return arguments


def generator(arguments):
    yield arguments


async def asynchronous_generator(arguments):
    yield arguments


class Asynchronous:
    async def __call__(self, arguments):
        return arguments


PROMISES = (asynchronous, generator, asynchronous_generator, Asynchronous(), partial(Asynchronous()))


@pytest.mark.parametrize("call", PROMISES)
def test_a_function_that_would_return_before_the_call_is_refused(hitl, call):
    go = approved(hitl)

    with pytest.raises(InvalidInput, match=r"asynchronous|generator"):
        go.run(call)

    assert hitl.executions.list() == []


@pytest.mark.parametrize("call", [generator, asynchronous_generator])
def test_a_generator_is_no_asynchronous_call(hitl, call):
    with pytest.raises(InvalidInput, match="generator"):
        asyncio.run(approved(hitl).arun(call))

    assert hitl.executions.list() == []


@pytest.mark.parametrize("call", PROMISES)
def test_a_promise_in_place_of_a_result_has_failed(hitl, call):
    def makes_no_call(arguments):
        return call(arguments)

    with pytest.raises(InvalidInput, match="in place of a result"):
        approved(hitl).run(makes_no_call)

    assert hitl.executions.list()[0].status == "failed"


def test_a_function_that_ran_at_once_has_finished(hitl):
    assert asyncio.run(approved(hitl).arun(lambda arguments: "refunded")) == "refunded"
    assert hitl.executions.list()[0].result == "refunded"


def test_what_others_hold_reaches_no_call(hitl):
    """The claim is made in another thread, so that a caller may change what it holds before the call."""

    go = approved(hitl, arguments={"items": [1]})
    seen = []

    async def tool(arguments):
        seen.append(arguments)

    async def both():
        call = asyncio.ensure_future(go.arun(tool))
        while not hitl.executions.list():
            await asyncio.sleep(0)
        go.arguments["items"].append(666)
        go.output.model_extra["arguments"]["items"].append(666)
        await call

    asyncio.run(both())

    assert seen == [{"items": [1]}]


@pytest.mark.parametrize("amount", [2.0**53, 1e15, 1e16 - 2, 1e16, -(2.0**53), 1e22])
def test_every_approved_number_can_be_carried_out(hitl, amount):
    tool = Tool(amount)

    assert approved(hitl, arguments={"amount": amount}).run(tool) == amount

    assert tool.calls == [{"amount": amount}]
    assert ask(hitl, arguments={"amount": amount}).run(tool) == amount
    assert type(hitl.executions.list()[0].result) is type(tool.calls[0]["amount"])


def test_an_edit_that_names_no_arguments_carries_nothing_out(hitl):
    case_id = ask(hitl).case_id
    # Refused where it is decided, or where it is asked for.
    with suppress(InvalidInput):
        hitl.decide(case_id, "override", reviewer="ana", output={"predicted_label": "refund"}, reason="looks fine")

    answer = ask(hitl)

    assert not isinstance(answer, Go)
    assert not isinstance(answer, No) or answer.reason == "the approved output names no arguments"


def unknown(hitl, **options):
    return approved(hitl, **options).grant.begin().abandon()


@pytest.mark.parametrize("word", ["modify", "override"])
def test_what_happened_cannot_be_edited(hitl, word):
    check_id = unknown(hitl).check_id
    words = {"output": {"predicted_label": "it happened twice"}, "reason": "as the bank says"}

    with pytest.raises(InvalidInput, match="no answer to whether the call was carried out; approve if it was, reject"):
        hitl.decide(check_id, word, reviewer="ana", **words)

    assert hitl.executions.list()[0].status == "unknown"
    assert set(hitl.inbox(reviewer="ana")[0].choices) == {"approve", "reject", "escalate"}
    hitl.decide(check_id, "approve", reviewer="ana")
    assert hitl.executions.list()[0].status == "finished"


@pytest.mark.parametrize("who", [{"submitted_by": "max"}, {"task": {"metadata": {"requested_by": "max"}}}])
def test_who_asked_for_a_call_does_not_state_what_became_of_it(hitl, who):
    check_id = unknown(hitl, reviewer="zoe", **who).check_id

    with pytest.raises(NotAuthorized, match=r"submitted this case|requested by them"):
        hitl.decide(check_id, "reject", reviewer="max")

    assert hitl.executions.list()[0].status == "unknown"


def test_a_heartbeat_seals_no_row_that_was_altered(durable, intruder):
    begun = approved(durable).grant.begin()
    ledger = services_of(durable).ledger
    held = ledger.execution(begun.execution.case_id)
    assert ledger.extend_execution(begun.execution.case_id, held.fence)

    intruder.run("UPDATE executions SET holder = 'x'")

    with pytest.raises(LedgerDamaged, match="was altered"):
        ledger.extend_execution(begun.execution.case_id, held.fence)
    with pytest.raises(LedgerDamaged):
        durable.executions.get(begun.execution.case_id)


def test_a_store_that_goes_away_during_the_call_takes_no_result(opened, sqlite_store, caplog):
    first = opened(sqlite_store)

    def call(arguments):
        first.close()
        return "paid"

    assert approved(first).run(call) == "paid"

    assert [record.levelname for record in caplog.records if record.event == "end_not_recorded"] == ["ERROR"]
    assert opened(sqlite_store).executions.list()[0].status in ("started", "unknown")


def test_an_error_of_the_call_is_not_replaced_by_that_of_the_store(opened):
    hitl = opened("memory://")

    def call(arguments):
        hitl.close()
        raise KeyError("amount")

    with pytest.raises(KeyError):
        approved(hitl).run(call)


def test_an_end_that_could_not_be_recorded_may_be_stated_again(hitl):
    execution = unknown(hitl)

    class Unreachable:
        away = True

        def finished(self, result):
            if self.away:
                raise StoreUnavailable("memory://", "away")
            return execution

    owner = Unreachable()
    begun = Begun(execution, owner)
    with pytest.raises(StoreUnavailable):
        begun.done()
    owner.away = False

    assert begun.done() is execution


class Textless(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_an_error_without_a_text_is_recorded_by_its_type(hitl):
    with pytest.raises(Textless):
        approved(hitl).run(Tool(error=Textless()))

    assert hitl.executions.list()[0].error == "Textless"
    with pytest.raises(ExecutionFailed, match="Textless"):
        ask(hitl).run(Tool())


class Resumer:
    def resume(self, parent, case):
        raise ValueError(SECRET)


def failing(case):
    raise ValueError(SECRET)


def test_no_content_is_logged_or_shown(opened, caplog):
    caplog.set_level(logging.INFO)
    hitl = opened("memory://", resumers={"agent": Resumer()}, on_decided=failing)
    key, parent = CallKey(thread="t", call_id="c"), ParentCall(graph="agent", thread_id="t")
    asked = {"key": key, "arguments": {"password": SECRET}}

    waiting = ask(hitl, **asked, parent=parent)
    hitl.decide(waiting.case_id, "approve", reviewer="ana", feedback=SECRET)
    with suppress(RecoveryIncomplete):
        hitl.recover()
    go = ask(hitl, **asked)
    go.run(Tool({SECRET: float("nan")}))
    classified = opened("memory://", classifier=failing)
    classified.submit(a_task())

    assert {"resumed", "failed", "result_not_stored", "classifier_failed"} <= {
        getattr(record, "event", "") for record in caplog.records
    }
    assert SECRET not in caplog.text + repr(waiting) + repr(go)


def test_a_proposed_call_is_edited_as_before(hitl):
    case_id = ask(hitl).case_id
    hitl.decide(case_id, "modify", reviewer="ana", output=proposed_call("refund", {}).agent_output)

    assert ask(hitl).run(dict) == {}


@pytest.mark.parametrize("other", [True, "1", [1]])
def test_a_call_with_other_arguments_is_another_call_even_if_python_calls_them_equal(hitl, other):
    calls, key = ToolCalls(hitl, domain="customer_support", risk="medium"), CallKey(thread="t", call_id="1")
    calls.ask_now(key, "refund", {"n": 1}, None)
    calls.ask_now(key, "refund", {"n": 1.0}, None)

    with pytest.raises(TaskConflict):
        calls.ask_now(key, "refund", {"n": other}, None)


def test_an_edit_from_one_to_true_is_an_edit():
    call = SimpleNamespace(arguments={"n": 1}, proposal=lambda: {"predicted_label": "refund"})

    assert Answer("edit", {"n": True}).as_decision(call)["decision"] == "modify"
    assert Answer("edit", {"n": 1.0}).as_decision(call)["decision"] == "approve"
    assert Answer("edit", {"n": object()}).as_decision(call)["decision"] == "modify"
