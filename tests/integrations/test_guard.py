"""`guard`: a call of the function waits, and runs once as approved; nothing else runs it."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.types import Command

from hitl_orchestrator import AsyncOrchestrator, CallKey, Orchestrator, Task, proposed_call
from hitl_orchestrator.errors import (
    AlreadyRunning,
    AwaitingReview,
    CallRejected,
    ExecutionEnded,
    ExecutionFailed,
    InvalidInput,
    TaskConflict,
)
from hitl_orchestrator.integrations import guard

BY = {"reviewer": "senior_manager"}


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


@pytest.fixture
def made():
    """Return the list of the calls that were really made."""
    return []


@pytest.fixture
def refund(hitl, made):
    @guard(hitl, task_type="refund", domain="payments", name="refund")
    def refund(order: str, amount: float = 20.0) -> str:
        made.append((order, amount))
        return f"paid {amount:g}"

    return refund


def waiting_case(call, *args, **named) -> str:
    with pytest.raises(AwaitingReview) as waits:
        call(*args, **named)
    return waits.value.case_id


def approved(hitl, call, *args, **named):
    """Make a call, have it approved, and return what it returns then."""
    hitl.decide(waiting_case(call, *args, **named), "approve", **BY)
    return call(*args, **named)


def arguments(name, **values):
    return {"predicted_label": name, "arguments": values}


def test_a_call_waits_and_runs_once_when_it_is_approved(hitl, refund, made):
    case_id = waiting_case(refund, "A1")
    assert waiting_case(refund, "A1") == case_id
    assert made == []

    hitl.decide(case_id, "approve", **BY)

    assert [refund("A1"), refund("A1")] == ["paid 20"] * 2
    assert made == [("A1", 20.0)]


def test_the_reviewer_sees_the_call_and_policies_read_its_arguments(hitl, refund):
    waiting_case(refund, "A1", amount=5)
    (request,) = hitl.inbox()

    assert (request.task.task_type, request.task.domain, request.task.risk_level) == ("refund", "payments", "high")
    assert request.task.metadata == {"order": "A1", "amount": 5.0}
    assert request.proposal.model_extra == {"arguments": {"order": "A1", "amount": 5.0}}


def test_an_edit_changes_what_runs(hitl, refund, made):
    name = hitl.cases.get(waiting_case(refund, "A1")).submission.output.agent_output.predicted_label
    edit = arguments(name, order="A1", amount=5)
    hitl.decide(hitl.inbox()[0].case_id, "modify", output=edit, feedback="less", **BY)

    assert refund("A1") == "paid 5"
    assert made == [("A1", 5.0)]


@pytest.mark.parametrize(
    "values",
    [{"order": "A1"}, {"order": "A1", "amount": "five"}, {"order": "A1", "amount": 5, "to": "me"}, {}],
    ids=["missing", "wrong type", "unknown", "none"],
)
def test_an_edit_that_does_not_fit_the_function_is_refused_where_it_is_made(hitl, refund, made, values):
    case_id = waiting_case(refund, "A1")
    name = hitl.inbox()[0].proposal.predicted_label

    with pytest.raises(InvalidInput, match=r"does not fit the call: arguments\."):
        hitl.decide(case_id, "modify", output=arguments(name, **values), feedback="edited", **BY)

    with pytest.raises(AwaitingReview):
        refund("A1")
    assert made == []


def test_a_rejected_call_raises_with_the_reason_and_never_runs(hitl, refund, made):
    hitl.decide(waiting_case(refund, "A1"), "reject", reason="no such order", **BY)

    with pytest.raises(CallRejected, match="no such order") as refused:
        refund("A1")
    assert refused.value.reviewer == "senior_manager"
    assert made == []


def test_a_reviewer_cannot_approve_another_function(hitl, refund, made):
    case_id = waiting_case(refund, "A1")

    with pytest.raises(InvalidInput, match="'call' is another function"):
        hitl.decide(case_id, "override", reason="call them", output=arguments("call"), **BY)


def test_a_policy_may_let_a_call_through(made):
    free = {"rule_id": "r", "priority": 1, "conditions": {"risk_level": "low"}, "action": "auto_approve"}
    policy = {"policy_id": "p", "rules": [free]}
    with Orchestrator.open("memory://", policy=policy) as hitl:

        @guard(
            hitl,
            task_type="look_up",
            domain="d",
            risk=lambda arguments: "low" if arguments["order"] == "A1" else "high",
            confidence=lambda arguments: 0.9,
            name="look_up",
        )
        def look_up(order: str) -> None:
            made.append(order)

        look_up("A1")
        waiting_case(look_up, "A2")

    assert made == ["A1"]


@given(st.sampled_from([("A1", 20.0), ("A1", 20), ("A1",)]), st.booleans())
def test_every_way_to_write_a_call_is_the_same_call(values, by_name):
    with Orchestrator.open("memory://") as hitl:

        @guard(hitl, task_type="t", domain="d", name="refund")
        def refund(order: str, amount: float = 20.0) -> None: ...

        first = waiting_case(refund, order="A1", amount=20.0)
        named = dict(zip(("order", "amount"), values, strict=False))

        assert first == (waiting_case(refund, **named) if by_name else waiting_case(refund, *values))


def test_a_key_tells_a_repetition_from_a_call_that_is_made_again_on_purpose(hitl, made):
    @guard(hitl, task_type="t", domain="d", key="request_id", name="mail")
    def mail(to: str, request_id: str) -> int:
        made.append(request_id)
        return len(made)

    assert [approved(hitl, mail, "ann", "r1"), mail("ann", "r1"), approved(hitl, mail, "ann", "r2")] == [1, 1, 2]
    with pytest.raises(TaskConflict):
        mail("ben", "r1")
    for none in ("", None, True):
        with pytest.raises(InvalidInput):
            mail("ann", none)
    assert made == ["r1", "r2"]


def test_a_key_may_be_a_function_of_the_arguments(hitl, made):
    @guard(hitl, task_type="t", domain="d", key=lambda call: f"{call['to']}/{call['text'][:2]}", name="mail")
    def mail(to: str, text: str) -> None:
        made.append(text)

    approved(hitl, mail, "ann", "hi")
    with pytest.raises(TaskConflict):
        mail("ann", "hi there")
    assert made == ["hi"]


@pytest.mark.parametrize("option", [{"key": "id"}, {"wait": -1}, {"wait": float("nan")}, {"wait": 1e12}])
def test_an_unusable_option_is_refused_at_once(hitl, option):
    with pytest.raises(InvalidInput, match=next(iter(option))):

        @guard(hitl, task_type="t", domain="d", **option, name="mail")
        def mail(to: str) -> None: ...


def test_a_result_without_a_form_in_json_reaches_the_first_caller_only(hitl, made):
    @guard(hitl, task_type="t", domain="d", name="connect")
    def connect(to: str):
        made.append(to)
        return lambda: to

    @guard(hitl, task_type="t", domain="d", name="typed")
    def typed(to: str) -> str:
        made.append(to)
        return object()

    assert approved(hitl, connect, "db")() == "db"
    assert connect("db") is None
    approved(hitl, typed, "file")
    with pytest.raises(ExecutionEnded, match="without a result"):
        typed("file")
    assert made == ["db", "file"]


def test_a_call_that_failed_is_not_made_again(hitl, made):
    @guard(hitl, task_type="t", domain="d", name="pay")
    def pay(order: str) -> None:
        made.append(order)
        raise ConnectionError("bank")

    with pytest.raises(ConnectionError):
        approved(hitl, pay, "A1")
    with pytest.raises(ExecutionFailed, match="bank"):
        pay("A1")
    assert made == ["A1"]


def test_many_threads_at_once_make_one_call(hitl, refund, made):
    hitl.decide(waiting_case(refund, "A1"), "approve", **BY)

    def call(_: int) -> str:
        try:
            return refund("A1")
        except AlreadyRunning:
            return "paid 20"

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(call, range(64))) == {"paid 20"}
    assert made == [("A1", 20.0)]


def test_a_call_may_wait_for_its_decision(hitl, made):
    @guard(hitl, task_type="t", domain="d", wait=60, name="pay")
    def pay(order: str) -> str:
        made.append(order)
        return "paid"

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(pay, "A1")
        while not (open_reviews := hitl.inbox()):
            pass
        hitl.decide(open_reviews[0].case_id, "approve", **BY)
        assert pending.result() == "paid"


def test_a_call_that_waited_long_enough_says_which_case_it_waits_for(hitl):
    @guard(hitl, task_type="t", domain="d", wait=0.01, name="pay")
    def pay(order: str) -> None: ...

    assert waiting_case(pay, "A1") == hitl.inbox()[0].case_id


def test_async_functions_take_either_orchestrator(made):
    async def story(hitl, sync):
        @guard(lambda: hitl, task_type="t", domain="d", name="pay")
        async def pay(order: str, payer: str) -> str:
            made.append(payer)
            return payer

        with pytest.raises(AwaitingReview) as waits:
            await pay("A1", type(hitl).__name__)
        await asyncio.to_thread(sync.decide, waits.value.case_id, "approve", **BY)
        return [await pay("A1", type(hitl).__name__) for _ in range(2)]

    async def both():
        with Orchestrator.open("memory://") as sync:
            first = await story(sync, sync)
        async with AsyncOrchestrator.open("memory://") as later:
            return first + await story(later, later._sync)

    assert asyncio.run(both()) == ["Orchestrator"] * 2 + ["AsyncOrchestrator"] * 2
    assert made == ["Orchestrator", "AsyncOrchestrator"]


@pytest.mark.parametrize("claimed_first", [True, False])
def test_a_caller_that_is_canceled_while_it_claims_a_call_leaves_nothing_running(hitl, made, claimed_first):
    key = CallKey(thread="t", call_id="c")
    task = Task(task_id="c", task_type="t", task_description="d", domain="d", risk_level="low")
    hitl.decide(hitl.ask(key, task, proposed_call("f", {})).case_id, "approve", **BY)
    go = hitl.ask(key, task, proposed_call("f", {}))
    canceled, begun = threading.Event(), threading.Event()

    def begin(arguments):
        if claimed_first:
            found = go.grant.begin(arguments)
        begun.set()
        canceled.wait()
        if not claimed_first:
            found = go.grant.begin(arguments)
        return found

    async def attempt():
        call = asyncio.create_task(replace(go, grant=replace(go.grant, _begin=begin)).arun(made.append))
        await asyncio.to_thread(begun.wait)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        canceled.set()

    asyncio.run(attempt())  # ends after its threads

    with pytest.raises(ExecutionFailed, match="canceled before the call was made"):
        go.run(made.append)
    assert made == []


def test_a_plain_function_refuses_an_asynchronous_orchestrator():
    async def attempt():
        async with AsyncOrchestrator.open("memory://") as hitl:

            @guard(hitl, task_type="t", domain="d", name="pay")
            def pay() -> None: ...

            with pytest.raises(InvalidInput, match="is no async function"):
                pay()

    asyncio.run(attempt())


def test_in_a_langgraph_node_a_waiting_call_interrupts_the_graph(hitl, refund, made):
    builder = StateGraph(dict)
    builder.add_node("pay", lambda state: {"paid": refund("A1")})
    builder.set_entry_point("pay")
    graph, threads = builder.compile(InMemorySaver()), [{"configurable": {"thread_id": each}} for each in "ab"]
    cases = [graph.invoke({}, thread)["__interrupt__"][0].value["case_id"] for thread in threads]
    assert len(set(cases)) == 2
    assert "__interrupt__" in graph.invoke(Command(resume={"approved": True}), threads[0])

    hitl.decide(cases[0], "approve", **BY)

    assert graph.invoke(Command(resume="wake up"), threads[0]) == {"paid": "paid 20"}
    assert made == [("A1", 20.0)]


def test_a_graph_that_would_leave_orphaned_reviews_is_refused(hitl, refund):
    builder = StateGraph(dict)
    builder.add_node("pay", lambda state: {"paid": refund("A1")})
    builder.set_entry_point("pay")
    graph = builder.compile(InMemorySaver())

    with pytest.raises(InvalidInput, match="durability='sync'"):
        graph.invoke({}, {"configurable": {"thread_id": "a"}}, durability="exit")
    assert hitl.inbox() == []


def test_no_framework_is_imported_with_the_package():
    frameworks = ("agents", "google.adk", "langchain", "langgraph", "pydantic_ai")
    code = f"import sys, hitl_orchestrator.integrations; print([n for n in {frameworks} if n in sys.modules])"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize(
    ("module", "framework", "extra"),
    [
        ("openai_agents", "agents", "openai-agents"),
        ("pydantic_ai", "pydantic_ai", "pydantic-ai"),
        ("adk", "google.adk.plugins.base_plugin", "adk"),
    ],
)
def test_a_missing_framework_is_named_with_its_extra(monkeypatch, module, framework, extra):
    monkeypatch.delitem(sys.modules, f"hitl_orchestrator.integrations.{module}", raising=False)
    monkeypatch.setitem(sys.modules, framework, None)

    with pytest.raises(InvalidInput, match=rf"install the extra '{extra}'"):
        __import__(f"hitl_orchestrator.integrations.{module}")
