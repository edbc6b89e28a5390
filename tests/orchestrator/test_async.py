"""Inside an event loop: the asynchronous methods, the graph itself, and the plain methods too."""

import ast
import asyncio
import gc
import inspect
from contextvars import ContextVar
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from langgraph.types import Command
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.teams import PEOPLE

from hitl_orchestrator import CallKey, Orchestrator, proposed_call
from hitl_orchestrator.errors import HitlError, StillWaiting
from hitl_orchestrator.nodes.state import CaseRun
from hitl_orchestrator.orchestrator.asynchronous import (
    AsyncAudit,
    AsyncCases,
    AsyncExecutions,
    AsyncOrchestrator,
    AsyncPolicyAdministration,
    AsyncReviews,
    _derived,
)
from hitl_orchestrator.orchestrator.audit import Audit
from hitl_orchestrator.orchestrator.cases import Cases
from hitl_orchestrator.orchestrator.executions import Executions
from hitl_orchestrator.orchestrator.policy import PolicyAdministration
from hitl_orchestrator.orchestrator.reviews import Reviews


@pytest.fixture
def open_async(store, clock):
    return lambda **options: AsyncOrchestrator.open(store, clock=clock, reviewers=PEOPLE, **options)


def test_a_case_is_submitted_and_decided_inside_a_loop(open_async):
    async def both():
        async with open_async() as hitl:
            waiting = await hitl.submit(a_task(), an_output(confidence=0.5))
            done = await hitl.acting_as("ana").decide(waiting.case_id, "approve")
            return waiting.status, done.status, [record.task_id async for record in hitl.audit.records()]

    assert asyncio.run(both()) == ("waiting", "approved", ["task-1"])


def test_closing_twice_is_harmless_and_use_after_close_raises_as_the_synchronous_facade(open_async):
    async def use_after_close():
        hitl = await open_async()
        await hitl.close()
        await hitl.close()
        with pytest.raises(HitlError):
            await hitl.cases.get(task_id="task-1")

    asyncio.run(use_after_close())


def test_an_orchestrator_opened_for_a_canceled_caller_is_closed(open_async, recwarn):
    async def canceled():
        opening = asyncio.ensure_future(open_async().__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)

    asyncio.run(canceled())
    gc.collect()

    assert [text for text in (str(warning.message) for warning in recwarn) if "unclosed orchestrator" in text] == []


def test_concurrent_calls_inside_a_loop_all_finish(open_async):
    names = [f"task-{number}" for number in range(24)]

    async def all_of_them():
        hitl = await open_async(threads=4)
        try:
            await asyncio.gather(*(hitl.submit(a_task(name), an_output(name, confidence=0.5)) for name in names))
            cases = await asyncio.gather(
                *(hitl.decide(task_id=name, decision="reject", reviewer="ana") for name in names)
            )
            return cases, [record.task_id async for record in hitl.audit.records()]
        finally:
            await hitl.close()

    cases, recorded = asyncio.run(all_of_them())
    assert {case.status for case in cases} == {"rejected"}
    assert sorted(recorded) == sorted(names)


def test_two_hundred_callers_wait_on_one_loop_without_a_thread_each(open_async):
    names = [f"task-{number}" for number in range(20)]

    async def wait_for_all():
        async with open_async(threads=2) as hitl:
            cases = [await hitl.submit(a_task(name), an_output(name, confidence=0.5)) for name in names]
            waiting = [asyncio.create_task(hitl.wait(case)) for case in cases for _ in range(10)]
            for case in cases:
                await hitl.decide(case.case_id, "approve", reviewer="ana")
            return cases, await asyncio.gather(*waiting)

    cases, found = asyncio.run(wait_for_all())
    assert [case.case_id for case in found] == [case.case_id for case in cases for _ in range(10)]
    assert {case.status for case in found} == {"approved"}


def test_the_time_of_a_caller_on_a_loop_is_over(open_async):
    async def wait_in_vain():
        async with open_async() as hitl:
            case = await hitl.submit(a_task(), an_output(confidence=0.5))
            canceled = asyncio.create_task(hitl.wait(case))
            await asyncio.sleep(0)
            canceled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await canceled
            with pytest.raises(StillWaiting, match="domain_reviewer"):
                await hitl.wait(case.case_id, timeout=0.05)
            left = asyncio.create_task(hitl.wait(case))
            while not services_of(hitl._sync).waiters._waiting:
                await asyncio.sleep(0)
            return left

    async def closed():
        left = await wait_in_vain()
        with pytest.raises(HitlError):
            await left

    asyncio.run(closed())


def test_nothing_blocks_the_loop(open_async):
    key, call = CallKey(thread="t", call_id="1"), proposed_call("refund", {"amount": 7}, confidence=0.5)

    async def refund(arguments):
        return arguments["amount"]

    async def use():
        async with open_async(on_decided=lambda case: None) as hitl:
            case = await hitl.submit(a_task(), an_output(confidence=0.5))
            answer = await hitl.ask(key, a_task(), call)
            waiting = asyncio.create_task(hitl.wait(answer.case))
            await hitl.reviews.claim(case.case_id, reviewer="ana")
            await hitl.acting_as("ana").decide(answer.case_id, "approve")
            await hitl.recover()
            page = await hitl.decided_since()
            records = [record.task_id async for record in hitl.audit.records()]
            with pytest.raises(StillWaiting):
                await hitl.wait(case, timeout=0.01)
            refunded = await (await hitl.ask(key, a_task(), call)).arun(refund)
            return (await waiting).status, len(page), len(records), refunded

    with blockbuster_ctx():
        assert asyncio.run(use()) == ("approved", 1, 1, 7)


def test_the_context_of_the_caller_reaches_callbacks(open_async):
    request, seen = ContextVar("request", default="none"), []

    async def call():
        async with open_async(on_decided=lambda case: seen.append(request.get())) as hitl:
            request.set("mine")
            await hitl.submit(a_task(), an_output())

    asyncio.run(call())

    assert seen == ["mine"]


def test_a_canceled_call_leaves_no_half_written_case(open_async):
    async def cancel_some():
        async with open_async(threads=2) as hitl:
            calls = [
                asyncio.create_task(hitl.submit(a_task(f"task-{number}"), an_output(f"task-{number}")))
                for number in range(12)
            ]
            for number, each in enumerate(calls):
                await asyncio.sleep(0)
                if number % 2:
                    each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            again = [await hitl.submit(a_task(f"task-{number}"), an_output(f"task-{number}")) for number in range(12)]
            return {case.status for case in again}, await hitl.audit.verify(), await hitl.cases.unfinished()

    statuses, verified, unfinished = asyncio.run(cancel_some())
    assert (statuses, verified.problem, list(unfinished)) == ({"approved"}, None, [])


PAIRS = [
    (Orchestrator, AsyncOrchestrator),
    (Cases, AsyncCases),
    (Reviews, AsyncReviews),
    (Executions, AsyncExecutions),
    (PolicyAdministration, AsyncPolicyAdministration),
    (Audit, AsyncAudit),
]


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_the_stub_has_the_names_and_parameters_of_the_synchronous_facade(sync, asynchronous):
    stub = ast.parse(Path(inspect.getfile(_derived)).with_suffix(".pyi").read_text("utf-8"))
    (declared,) = (each for each in stub.body if isinstance(each, ast.ClassDef) and each.name == asynchronous.__name__)
    functions = {each.name: each for each in declared.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    names = {name for name in dir(sync) if not name.startswith("_") and callable(getattr(sync, name))}

    assert {name for name in functions if not name.startswith("_")} == names
    for name in names - {"open"}:
        parameters = inspect.signature(getattr(sync, name)).parameters.values()
        positional = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        keywords = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
        assert [each.arg for each in functions[name].args.args] == positional
        assert {each.arg for each in functions[name].args.kwonlyargs} == keywords
        assert hasattr(asynchronous, name)
    if "open" in names:
        parameters = inspect.signature(sync.open).parameters.values()
        keywords = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY} | {"threads"}
        assert {each.arg for each in functions["open"].args.kwonlyargs} == keywords


def test_synchronous_methods_work_inside_a_running_loop(hitl):
    async def plain():
        hitl.submit(a_task(), an_output(confidence=0.5))
        return hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert asyncio.run(plain()).status == "approved"


@pytest.mark.parametrize(("confidence", "expected"), [(0.9, "approved"), (0.5, "rejected")])
def test_the_graph_is_awaited_inside_a_loop(hitl, confidence, expected):
    case = hitl.cases.enqueue(a_task(), an_output(confidence=confidence))
    graph, thread = services_of(hitl).runner.graph, services_of(hitl).runner.thread(case.case_id)

    async def run():
        result = await graph.ainvoke(
            services_of(hitl).runner.input(case.submission), thread, context=CaseRun(), durability="exit"
        )
        if "__interrupt__" in result:
            answer = {"decision": a_review("reject", "ana").model_dump(mode="json")}
            result = await graph.ainvoke(Command(resume=answer), thread, context=CaseRun(), durability="exit")
        return result["outcome"]

    assert asyncio.run(run())["final_decision"] == expected
    assert hitl.cases.get(task_id="task-1").status == expected


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
def test_the_graph_is_streamed_inside_a_loop_step_by_step(durable, durability):
    case = durable.cases.enqueue(a_task(), an_output(confidence=0.5))
    graph, thread = services_of(durable).runner.graph, services_of(durable).runner.thread(case.case_id)

    async def steps():
        given = services_of(durable).runner.input(case.submission)
        return [
            step
            async for each in graph.astream(
                given, thread, context=CaseRun(), stream_mode="updates", durability=durability
            )
            for step in each
        ]

    assert asyncio.run(steps()) == ["classify", "score", "route", "__interrupt__"]
    assert durable.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


def test_history_and_state_are_read_inside_a_loop(durable, waits):
    case = waits(durable)
    graph, thread = services_of(durable).runner.graph, services_of(durable).runner.thread(case.case_id)

    async def read():
        state = await graph.aget_state(thread)
        return state.next, [each async for each in graph.aget_state_history(thread)]

    following, history = asyncio.run(read())
    assert following == ("human_review",)
    assert len(history) >= 1
