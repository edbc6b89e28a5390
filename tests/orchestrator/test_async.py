"""Inside an event loop: the asynchronous methods, the graph itself, and the plain methods too."""

import asyncio

import pytest
from langgraph.types import Command
from support.builders import a_review, a_task, an_output


def test_submitting_and_deciding_inside_a_loop(hitl):
    async def both():
        waiting = await hitl.asubmit(a_task(), an_output(confidence=0.5))
        done = await hitl.adecide(task_id="task-1", decision=a_review("approve", "ana"))
        return waiting.status, done.status

    assert asyncio.run(both()) == ("waiting", "approved")


def test_many_at_once_inside_a_loop(hitl):
    names = [f"task-{number}" for number in range(24)]

    async def all_of_them():
        await asyncio.gather(*(hitl.asubmit(a_task(name), an_output(name, confidence=0.5)) for name in names))
        return await asyncio.gather(*(hitl.adecide(task_id=name, decision=a_review("reject", "ana")) for name in names))

    assert {case.status for case in asyncio.run(all_of_them())} == {"rejected"}
    assert sorted(record.task_id for record in hitl.audit.records()) == sorted(names)


def test_the_plain_methods_inside_a_running_loop(hitl):
    async def plain():
        hitl.submit(a_task(), an_output(confidence=0.5))
        return hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert asyncio.run(plain()).status == "approved"


@pytest.mark.parametrize(("confidence", "expected"), [(0.9, "approved"), (0.5, "rejected")])
def test_the_graph_is_awaited_inside_a_loop(hitl, confidence, expected):
    case = hitl.cases.enqueue(a_task(), an_output(confidence=confidence))
    graph, thread = hitl.services.runner.graph, hitl.services.runner.thread(case.case_id)

    async def run():
        result = await graph.ainvoke(hitl.services.runner.input(case.submission), thread, durability="exit")
        if "__interrupt__" in result:
            answer = {"decision": a_review("reject", "ana").model_dump(mode="json")}
            result = await graph.ainvoke(Command(resume=answer), thread, durability="exit")
        return result["outcome"]

    assert asyncio.run(run())["final_decision"] == expected
    assert hitl.cases.get(task_id="task-1").status == expected


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
def test_the_graph_is_streamed_inside_a_loop_step_by_step(durable, durability):
    case = durable.cases.enqueue(a_task(), an_output(confidence=0.5))
    graph, thread = durable.services.runner.graph, durable.services.runner.thread(case.case_id)

    async def steps():
        given = durable.services.runner.input(case.submission)
        return [
            step
            async for each in graph.astream(given, thread, stream_mode="updates", durability=durability)
            for step in each
        ]

    assert asyncio.run(steps()) == ["classify", "score", "route", "__interrupt__"]
    assert durable.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


def test_history_and_state_are_read_inside_a_loop(durable, waits):
    case = waits(durable)
    graph, thread = durable.services.runner.graph, durable.services.runner.thread(case.case_id)

    async def read():
        state = await graph.aget_state(thread)
        return state.next, [each async for each in graph.aget_state_history(thread)]

    following, history = asyncio.run(read())
    assert following == ("human_review",)
    assert len(history) >= 1
