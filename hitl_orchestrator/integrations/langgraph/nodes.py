"""Nodes for any parent graph: `oversight_node` waits for a decision, and `gate` carries the approved call out, once."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from hitl_orchestrator import Go, InvalidInput, No
from hitl_orchestrator.errors import AlreadyRunning, ExecutionFailed, ExecutionUnknown
from hitl_orchestrator.integrations.langgraph.calls import Asked, KeyOf, Question, TaskOf
from hitl_orchestrator.integrations.langgraph.checks import check_call, check_node, is_asynchronous
from hitl_orchestrator.integrations.langgraph.oversight import (
    Facade,
    Oversight,
    ReviewerOf,
    SubmitterOf,
    ask,
    drive,
    drive_async,
)
from hitl_orchestrator.integrations.langgraph.place import Pauses, Place, authenticated_user

__all__ = ["Executed", "Failed", "OversightNode", "gate", "oversight_node"]

Update = Any
"""What a node of the parent returns: an update of its state, or a `Command`."""

ResultOf = Callable[[Any, Any], Update]


class Executed(NamedTuple):
    """The approved call was made, now or before. `go` has the approved arguments, `result` what the call returned."""

    go: Go
    result: Any


class Failed(NamedTuple):
    """The approved call was made, now or before, and raised `error`. It is never made again."""

    go: Go
    error: str


def oversight_node(
    hitl: Facade | Callable[[], Facade],
    *,
    task_of: TaskOf,
    result_of: Callable[[Any, Go | No], Update],
    key: KeyOf | None = None,
    graph: str | None = None,
    audience: str = "",
    arguments_schema: Mapping[str, Any] | None = None,
    reviewer_of: ReviewerOf = authenticated_user,
    submitter_of: SubmitterOf | None = authenticated_user,
) -> Runnable[Any, Any]:
    """Return a node that asks whether a call may be made, and pauses the parent graph until it is decided.

    `task_of` reads the task and the agent's output from the state, as values or mappings. `result_of` turns the answer
    into an update of the state: `Go` with the approved arguments and the grant, or `No` with the reason. The parent's
    checkpointer holds the pause.

    The `task_id` is the id of the call: with the thread, the node and the graph around it, it names the call, also in
    a later run of the thread. A mapping without one is named by its step. `key` names calls otherwise within the
    thread: a function of the state that returns a text.

    `graph` names the parent for the process that decides: it resumes the thread with the resumer of that name (see
    `LangGraphResumer`); without a name the application resumes it. A resume value is a wake-up, unless it is a
    decision by the reviewer whom `reviewer_of` returns for the run. `submitter_of` names who asks, who never decides.
    `arguments_schema`, the JSON Schema of the arguments, is that of every edit.

    The node raises `UnfitRun` in a graph without a checkpointer, that runs with `durability="exit"`, or whose state
    holds no usable call; and `TaskConflict` for another call with the key of an earlier one.

    Raises:
        InvalidInput: an argument is of another kind, or a function takes other arguments.
    """
    functions = {"task_of": (task_of, 1), "result_of": (result_of, 2), "reviewer_of": (reviewer_of, 1)}
    check_node("oversight_node", hitl, graph, audience, **functions, **_given(key=key, submitter_of=submitter_of))
    oversight = Oversight(
        hitl, graph, audience, reviewer_of, submitter_of, partial(ask, arguments_schema=arguments_schema)
    )
    return OversightNode(oversight, Question(task_of, key), result_of)


def gate(
    hitl: Facade | Callable[[], Facade],
    call: Callable[[dict[str, Any]], Any] | Callable[[dict[str, Any]], Awaitable[Any]],
    *,
    task_of: TaskOf,
    result_of: Callable[[Any, Executed | Failed | No], Update],
    key: KeyOf | None = None,
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
    graph: str | None = None,
    audience: str = "",
    arguments_schema: Mapping[str, Any] | None = None,
    reviewer_of: ReviewerOf = authenticated_user,
    submitter_of: SubmitterOf | None = authenticated_user,
) -> Runnable[Any, Any]:
    """Return a node that asks, pauses until the decision, and makes the approved call exactly once.

    `call` gets the approved arguments, one mapping. It may be asynchronous, and then needs `ainvoke`. `encode` turns
    its result into the JSON value that the store keeps, `decode` back for a run that comes later. `result_of` gets what
    was executed, what failed, or why it must not be made. All else is as in `oversight_node`: a call with the key of an
    earlier one is not made again, and gets its result.

    While another process makes the call, the node pauses; after a crash in between it pauses until a person has stated
    whether the call happened. The call itself cannot interrupt the graph.
    """
    functions = {"task_of": (task_of, 1), "result_of": (result_of, 2), "reviewer_of": (reviewer_of, 1)}
    others = _given(key=key, submitter_of=submitter_of, encode=encode, decode=decode)
    check_node("gate", hitl, graph, audience, **functions, **others)
    check_call(call)
    oversight = Oversight(
        hitl, graph, audience, reviewer_of, submitter_of, partial(ask, arguments_schema=arguments_schema)
    )
    return _GateNode(oversight, Question(task_of, key), result_of, _Call(call, encode, decode))


def _given(**functions: Any) -> dict[str, tuple[Any, int]]:
    """Return the functions of one argument that were given."""
    return {name: (each, 1) for name, each in functions.items() if each is not None}


class _Call(NamedTuple):
    """The function of a gate, and how its result is stored."""

    function: Callable[[dict[str, Any]], Any]
    encode: Callable[[Any], Any] | None
    decode: Callable[[Any], Any] | None

    @property
    def stored(self) -> dict[str, Any]:
        """The arguments of `Go.run`."""
        return {"encode": self.encode, "decode": self.decode}


class OversightNode(Runnable[Any, Any]):
    """A node that waits for a decision."""

    def __init__(self, oversight: Oversight, question: Question, result_of: ResultOf) -> None:
        self._oversight, self._question, self._result_of = oversight, question, result_of

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002
        """Run the node in a synchronous graph."""
        place, pauses = _entered(config)
        answer = drive(self._oversight.settle(place, pauses, self._question.of(input, place)))
        return self._result_of(input, answer)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002
        """Run the node in an asynchronous graph."""
        place, pauses = await _entered_async(config)
        answer = await drive_async(self._oversight.settle(place, pauses, self._question.of(input, place)))
        return self._result_of(input, answer)


class _GateNode(Runnable[Any, Any]):
    """A node that waits for a decision, and carries it out."""

    def __init__(
        self,
        oversight: Oversight,
        question: Question,
        result_of: Callable[[Any, Any], Update],
        call: _Call,
    ) -> None:
        self._oversight, self._question, self._result_of, self._call = oversight, question, result_of, call

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002
        """Run the node in a synchronous graph."""
        if is_asynchronous(self._call.function):
            raise InvalidInput(["gate: the call is asynchronous; run the graph with 'ainvoke' or 'astream'"])
        (place, pauses), attempt = _entered(config), _Attempt()
        asked = self._question.of(input, place)
        while True:
            answer = drive(self._oversight.settle(place, pauses, asked))
            if isinstance(answer := _of_this_call(answer, asked), No):
                return self._result_of(input, answer)
            try:
                result = answer.run(attempt.of(self._call.function), **self._call.stored)
            except (AlreadyRunning, ExecutionUnknown) as exc:
                drive(self._oversight.stand_by(place, pauses, answer.case, exc))
            except Exception as exc:  # noqa: BLE001 - looked at by `failure`, which raises all that is not of the call
                return self._result_of(input, Failed(answer, attempt.failure(exc)))
            else:
                return self._result_of(input, Executed(answer, result))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:  # noqa: A002
        """Run the node in an asynchronous graph; a synchronous call is made in a thread."""
        (place, pauses), attempt = await _entered_async(config), _Attempt()
        asked = self._question.of(input, place)
        while True:
            answer = await drive_async(self._oversight.settle(place, pauses, asked))
            if isinstance(answer := _of_this_call(answer, asked), No):
                return self._result_of(input, answer)
            try:
                result = await answer.arun(attempt.of_async(self._call.function), **self._call.stored)
            except (AlreadyRunning, ExecutionUnknown) as exc:
                await drive_async(self._oversight.stand_by(place, pauses, answer.case, exc))
            except Exception as exc:  # noqa: BLE001 - looked at by `failure`, which raises all that is not of the call
                return self._result_of(input, Failed(answer, attempt.failure(exc)))
            else:
                return self._result_of(input, Executed(answer, result))


def _of_this_call(answer: Go | No, asked: Asked) -> Go | No:
    """Return the answer, or No for an approved call of another function: this node makes one only."""
    record, output = answer.case.record, asked.output
    if isinstance(answer, No) or record is None or output is None:
        return answer
    proposed = output.agent_output.predicted_label
    if answer.name == proposed:
        return answer
    reason = f"a call of {answer.name!r} was approved instead of {proposed!r}; propose that one"
    return No(answer.case, record.final_decision, reason, record.reviewer_id)


def _entered(config: RunnableConfig | None) -> tuple[Place, Pauses]:
    """Return the place of a running node, and its pauses. Raises `UnfitRun`."""
    place = Place.of(config or {})
    pauses = Pauses(place)
    if pauses.is_first:
        place.wait_until_stored()
    return place, pauses


async def _entered_async(config: RunnableConfig | None) -> tuple[Place, Pauses]:
    place = Place.of(config or {})
    pauses = Pauses(place, is_async=True)
    if pauses.is_first:
        await place.await_stored()
    return place, pauses


class _Attempt:
    """One attempt at a call: tells what the call raised from what the store raised."""

    def __init__(self) -> None:
        self._raised: Exception | None = None

    def of(self, call: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Return the call, watched."""

        def watched(arguments: dict[str, Any]) -> Any:
            try:
                return _settled(call(arguments))
            except GraphBubbleUp as exc:
                raise self._seen(_interrupted()) from exc
            except Exception as exc:
                self._seen(exc)
                raise

        return watched

    def of_async(self, call: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Awaitable[Any]]:
        """Return the call as an asynchronous one, watched."""

        async def watched(arguments: dict[str, Any]) -> Any:
            try:
                if is_asynchronous(call):
                    return await call(arguments)
                result = await asyncio.to_thread(call, arguments)
                return await result if inspect.isawaitable(result) else result
            except GraphBubbleUp as exc:
                raise self._seen(_interrupted()) from exc
            except Exception as exc:
                self._seen(exc)
                raise

        return watched

    def failure(self, exc: Exception) -> str:
        """Return the error of a call that failed, now or before. Raises any other exception."""
        if isinstance(exc, ExecutionFailed):
            return exc.error
        if exc is not self._raised:
            raise exc
        return f"{type(exc).__name__}: {exc}"

    def _seen(self, exc: Exception) -> Exception:
        self._raised = exc
        return exc


def _settled(result: Any) -> Any:
    if inspect.iscoroutine(result):
        result.close()
        raise InvalidInput(["gate: the call returned a coroutine; pass an 'async def' function, and run by 'ainvoke'"])
    return result


def _interrupted() -> InvalidInput:
    return InvalidInput(["gate: the approved call interrupted the graph; ask in a node of its own before it"])
