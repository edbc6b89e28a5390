"""Asynchronous classifiers, in synchronous and in asynchronous applications."""

import asyncio
import threading
from functools import partial

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from support.builders import a_task, an_output
from support.misbehaving_classifiers import (
    ASYNCHRONOUS,
    CLASSIFIERS,
    SECONDS,
    Asynchronous,
    State,
    blocking,
    never_canceled,
)
from support.teams import PEOPLE

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.errors import RecoveryIncomplete
from hitl_orchestrator.orchestrator.asynchronous import AsyncOrchestrator

LIMITS = {"classifier_timeout": SECONDS, "classifier_attempts": 1}


async def classify(task, label="Refund Request"):
    await asyncio.sleep(0)
    return {"predicted_label": label, "confidence_score": 0.95}


class Callable:
    async def __call__(self, task):
        return await classify(task)


class SynchronousIsMissing(Asynchronous):
    def invoke(self, task):
        raise NotImplementedError("use ainvoke")


def a_graph():
    """Return an agent with an asynchronous node alone."""

    async def answer(state):
        return {"asked": (await classify(None))["predicted_label"]}

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile()


FORMS = {
    "coroutine function": classify,
    "partial": partial(classify, label="Refund Request"),
    "callable object": Callable(),
    "function that returns a coroutine": lambda task: classify(task, "Refund Request"),
    "ainvoke alone": Asynchronous(lambda task: {"predicted_label": "Refund Request", "confidence_score": 0.95}),
    "invoke without an implementation": SynchronousIsMissing(
        lambda task: {"predicted_label": "Refund Request", "confidence_score": 0.95}
    ),
    "Runnable": RunnableLambda(classify),
    "chain": RunnableLambda(lambda task: task) | RunnableLambda(classify),
    "graph": RunnableLambda(lambda task: {"asked": ""})
    | a_graph()
    | (lambda state: {"predicted_label": state["asked"], "confidence_score": 0.95}),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_asynchronous_classifier_is_asked_as_any_other(opened, form):
    hitl = opened("memory://", classifier=FORMS[form])

    assert [hitl.submit(a_task(f"t{number}")).status for number in range(2)] == ["approved", "approved"]


def test_all_calls_of_a_synchronous_application_run_in_one_loop(opened):
    loops = []

    async def remember(task):
        loops.append(asyncio.get_running_loop())
        return an_output(task.task_id)

    hitl = opened("memory://", classifier=remember)
    for number in range(3):
        hitl.submit(a_task(f"t{number}"))

    assert len(set(map(id, loops))) == 1


def test_an_asynchronous_application_is_asked_in_its_own_loop(sqlite_store, clock):
    async def both():
        connections = asyncio.Queue()  # belongs to this loop

        async def remember(task):
            await connections.put(asyncio.get_running_loop())
            return await classify(task)

        async with AsyncOrchestrator.open(sqlite_store, clock=clock, reviewers=PEOPLE, classifier=remember) as hitl:
            cases = await asyncio.gather(*(hitl.submit(a_task(f"t{number}")) for number in range(3)))
        return [case.status for case in cases], {connections.get_nowait() for _ in cases} == {
            asyncio.get_running_loop()
        }

    assert asyncio.run(both()) == (["approved"] * 3, True)


def test_a_synchronous_application_inside_a_loop_does_not_wait_for_itself(opened):
    async def inside():
        return opened("memory://", classifier=classify).submit(a_task()).status

    assert asyncio.run(inside()) == "approved"


def test_a_classifier_that_submits_does_not_wait_for_itself(opened, clock):
    other = opened("memory://", classifier=classify)

    async def nested(task):
        return other.submit(a_task()).final_output

    async def both():
        async with AsyncOrchestrator.open("memory://", clock=clock, reviewers=PEOPLE, classifier=nested) as hitl:
            return (await hitl.submit(a_task())).open_review.shown.routing

    routing = asyncio.run(both())
    assert (routing.output.agent_output.predicted_label, routing.error) == ("Refund Request", None)


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_no_case_is_invisible_whatever_a_coroutine_does(opened, name):
    hitl = opened("memory://", classifier=ASYNCHRONOUS[name], **LIMITS)

    case = hitl.submit(a_task())

    assert hitl.inbox()[0].classifier_error == case.open_review.shown.routing.error
    assert case.open_review.shown.routing.error
    assert (hitl.recover(), list(hitl.cases.unfinished())) == ([], [])


def test_no_case_of_an_asynchronous_application_is_invisible(sqlite_store, clock):
    ending_every_loop = {"hangs", "never ends, and is never canceled", "coroutine that is interrupted"}
    misbehaving = {**CLASSIFIERS, **ASYNCHRONOUS}
    misbehaving = {name: one for name, one in misbehaving.items() if name not in ending_every_loop}

    async def ask(task):
        classifier = misbehaving[task.metadata["name"]]
        answer = classifier.ainvoke(task) if isinstance(classifier, Asynchronous) else classifier(task)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def all_of_them():
        options = {"clock": clock, "reviewers": PEOPLE, "classifier": ask, **LIMITS}
        async with AsyncOrchestrator.open(sqlite_store, **options) as hitl:
            tasks = [a_task(f"t{number}", metadata={"name": name}) for number, name in enumerate(misbehaving)]
            await asyncio.gather(*map(hitl.submit, tasks))
            requests = await hitl.inbox()
            names = {request.task.metadata["name"] for request in requests if request.classifier_error}
            return names, await hitl.recover(), list(await hitl.cases.unfinished()), (await hitl.audit.verify()).sound

    assert asyncio.run(all_of_them()) == (set(misbehaving), [], [], True)


def test_an_application_that_ends_leaves_its_case_to_recovery(sqlite_store, clock, opened):
    async def ends():
        asked = asyncio.Event()

        async def never(task):
            asked.set()
            await asyncio.Event().wait()

        options = {"clock": clock, "reviewers": PEOPLE, "classifier": never, "classifier_timeout": None}
        hitl = await AsyncOrchestrator.open(sqlite_store, **options)
        submitting = asyncio.ensure_future(hitl.submit(a_task()))
        await asked.wait()
        return hitl, submitting

    hitl, submitting = asyncio.run(ends())
    hitl._threads._pool.shutdown()
    hitl._sync.close()

    assert submitting.cancelled()
    again = opened(sqlite_store, classifier=classify)
    assert again.cases.get(task_id="task-1").status == "received"
    assert [case.status for case in again.recover()] == ["approved"]


def test_an_overrun_coroutine_is_canceled(opened):
    canceled = threading.Event()

    async def wait(task):
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    error = (
        opened("memory://", classifier=wait, classifier_timeout=0.05).submit(a_task()).open_review.shown.routing.error
    )

    assert (error, canceled.wait(10)) == ("it took longer than 0.05 seconds", True)


@pytest.mark.parametrize("first", [blocking, never_canceled])
def test_a_coroutine_that_keeps_the_loop_keeps_no_other_case(opened, first):
    async def ask(task):
        return await (first if task.task_id == "first" else classify)(task)

    hitl = opened("memory://", classifier=ask, **LIMITS)

    assert [hitl.submit(a_task(name)).status for name in ("first", "second")] == ["waiting", "approved"]


def test_an_error_of_a_coroutine_is_raised_where_errors_are(opened):
    async def fail(task):
        raise ConnectionError("away")

    hitl = opened("memory://", classifier=fail, on_classifier_error="raise")
    with pytest.raises(ConnectionError, match="away"):
        hitl.submit(a_task())
    with pytest.raises(RecoveryIncomplete, match="away"):
        hitl.recover()


def test_a_time_out_of_the_classifier_s_own_is_an_error_like_any_other(opened):
    async def fail(task):
        raise TimeoutError("of the model")

    case = opened("memory://", classifier=fail).submit(a_task())

    assert case.open_review.shown.routing.error == "TimeoutError: of the model"


def test_an_object_that_can_be_invoked_in_no_way_is_refused(opened):
    class Neither:
        ainvoke = None

    with pytest.raises(InvalidInput, match="is neither a function of the task nor a Runnable"):
        opened("memory://", classifier=Neither())
