"""`guard`: a function whose calls wait for their approval, and run once, with the approved arguments."""

import asyncio
import functools
import inspect
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar, cast

from pydantic import ValidationError

from hitl_orchestrator import AsyncOrchestrator, CallKey, Go, No, Orchestrator, ParentCall, Waiting
from hitl_orchestrator.errors import AwaitingReview, CallRejected, ExecutionEnded, InvalidInput
from hitl_orchestrator.integrations.approved import is_call
from hitl_orchestrator.integrations.arguments import Signature
from hitl_orchestrator.integrations.checks import (
    Arguments,
    Confidence,
    Facade,
    LevelOf,
    called,
    check_confidence,
    check_facade,
    check_risk,
    check_takes_one,
    check_text,
    check_wait,
    opened_facade,
    synchronous,
)
from hitl_orchestrator.integrations.naming import Guarded, claim_name, name_of
from hitl_orchestrator.integrations.tool_calls import ToolCalls

if TYPE_CHECKING:
    from hitl_orchestrator.integrations.langgraph.place import Place

P = ParamSpec("P")
R = TypeVar("R")


def guard(
    hitl: Facade | Callable[[], Facade],
    *,
    task_type: str,
    domain: str,
    risk: LevelOf = "high",
    confidence: Confidence = None,
    key: str | Callable[[Arguments], str | int] | None = None,
    wait: float | None = None,
    name: str | None = None,
    graph: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: each call of the function is a task, and runs once it is approved, at most once.

    `hitl` is an orchestrator, or a function that returns it, so that a module opens no store when it is imported.
    A call that waits for a person raises `AwaitingReview`; with `wait` only after so many seconds. In a node of a
    LangGraph graph with a checkpointer it interrupts, and the decision resumes the thread by the resumer named `graph`.
    Make the same call again later, in any process: approved, the function runs with the approved arguments, which a
    reviewer may have edited; executed before, the stored result is returned. `risk` and `confidence` (without which
    no policy approves) are values or functions of the arguments, which are the metadata of the task. Such a function
    gets one mapping, by parameter: `risk=lambda arguments: "low" if arguments["amount"] < 50 else "high"`.

    `key` says which calls are the same: by default those with equal arguments, in LangGraph within one step of one
    thread. Such a call never runs twice. To repeat one on purpose, name a parameter for an idempotency key as `key`, or
    pass a function of the arguments. Other arguments under a used key are refused. `name`, by default the module and
    the name of the function, is part of the key: set it before you rename or move a function. A nested function, a
    lambda and a bound method need one; no two functions may have the same.

    The decorated function has the JSON Schema of its arguments as `arguments_schema`.

    Calls of the decorated function raise:
        AwaitingReview: no person has decided yet. The function did not run.
        CallRejected: the call was not approved. The function never runs for it.
        AlreadyRunning, ExecutionUnknown, ExecutionFailed: an earlier call with this key runs, was cut off, or failed.
        ExecutionEnded: it was executed, and its result is not stored.
        TaskConflict: the key was used with other arguments.
        InvalidInput: an argument has no form in JSON, or an edit does not fit the function. The function did not run.

    Raises:
        InvalidInput: the function cannot be guarded, or an option is unusable.
    """
    options = _Options(task_type, domain, risk, confidence, key, wait, name, graph)
    _check(hitl, options)
    return lambda function: _guarded(function, _GuardedCalls(function, hitl, options))


def _guarded(function: Callable[P, R], calls: "_GuardedCalls") -> Callable[P, R]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def guarded_later(*args: P.args, **named: P.kwargs) -> Any:
            return await calls.run_later(calls.signature.bind(*args, **named))

        vars(guarded_later)["arguments_schema"] = calls.signature.schema
        return cast("Callable[P, R]", guarded_later)

    @functools.wraps(function)
    def guarded(*args: P.args, **named: P.kwargs) -> R:
        return cast("R", calls.run(calls.signature.bind(*args, **named)))

    vars(guarded)["arguments_schema"] = calls.signature.schema
    return guarded


def _check(hitl: object, options: "_Options") -> None:
    """Raise `InvalidInput` for an option that no call could use."""
    if isinstance(hitl, type) or not callable(hitl):
        check_facade(hitl, f"{_GUARD}: hitl")
    for name in ("task_type", "domain", "name", "graph"):
        if (text := getattr(options, name)) is not None or name in {"task_type", "domain"}:
            check_text(text, f"{_GUARD}: {name}")
    check_risk(options.risk, _GUARD)
    check_confidence(options.confidence, _GUARD)
    check_wait(options.wait, _GUARD)
    if callable(options.key):
        check_takes_one(options.key, f"{_GUARD}: key")
    elif options.key is not None:
        check_text(options.key, f"{_GUARD}: key")


class _Options(NamedTuple):
    task_type: str
    domain: str
    risk: LevelOf
    confidence: Confidence
    key: str | Callable[[Arguments], str | int] | None
    wait: float | None
    name: str | None
    graph: str | None


class _Question(NamedTuple):
    """One call, as `ToolCalls.ask` takes it."""

    calls: ToolCalls
    asked: tuple[CallKey, str, dict[str, Any], dict[str, Any], ParentCall | None]


class _GuardedCalls:
    """The calls of one guarded function."""

    def __init__(self, function: Callable[..., Any], hitl: Facade | Callable[[], Facade], options: _Options) -> None:
        self.signature, self._function, self._hitl, self._options = Signature(function), function, hitl, options
        self._name, self._identity = name_of(function, options.name), Guarded.of(function)
        if isinstance(options.key, str) and options.key not in self.signature.parameters:
            raise InvalidInput([f"guard: key: {options.key!r} is no parameter of {self.signature.name}"])
        if isinstance(hitl, Orchestrator | AsyncOrchestrator):
            self._facade()  # takes the name

    def run(self, arguments: inspect.BoundArguments) -> Any:
        """Ask for a call, and run it if it is approved."""
        hitl = self._facade()
        if isinstance(hitl, AsyncOrchestrator):
            problem = f"guard: {self.signature.name} is no async function, and its orchestrator is asynchronous"
            raise InvalidInput([f"{problem}; open an Orchestrator, or make the function async"])
        (calls, asked), ends = self._question(hitl, arguments), self._ends()
        while isinstance(answer := calls.ask_now(*asked), Waiting):
            if left := _time_left(ends, answer):
                with suppress(TimeoutError):  # then the next answer says so
                    hitl.wait(answer.case_id, left)
        bound = self._approved(answer)
        return bound.go.run(
            lambda _: self._function(*bound.arguments.args, **bound.arguments.kwargs),
            encode=self.signature.result_as_json,
            decode=lambda stored: self._stored(bound.go, stored),
        )

    async def run_later(self, arguments: inspect.BoundArguments) -> Any:
        """Ask for a call of an async function, and run it if it is approved."""
        hitl = self._facade()
        (calls, asked), ends = self._question(hitl, arguments), self._ends()
        while isinstance(answer := await calls.ask(*asked), Waiting):
            if left := _time_left(ends, answer):
                with suppress(TimeoutError):
                    await _wait(hitl, answer.case_id, left)
        bound = self._approved(answer)
        return await bound.go.arun(
            lambda _: self._function(*bound.arguments.args, **bound.arguments.kwargs),
            encode=self.signature.result_as_json,
            decode=lambda stored: self._stored(bound.go, stored),
        )

    def _facade(self) -> Facade:
        hitl = check_facade(opened_facade(self._hitl), f"{_GUARD}: {self.signature.name}: the function given as hitl")
        claim_name(synchronous(hitl)._guarded, self._name, self._identity)
        return hitl

    def _ends(self) -> float | None:
        return None if self._options.wait is None else time.monotonic() + self._options.wait

    def _question(self, hitl: Facade, call: inspect.BoundArguments) -> _Question:
        call.apply_defaults()
        written, options = self.signature.as_json(call.arguments), self._options
        values, risk, confidence = dict(call.arguments), options.risk, options.confidence
        calls = ToolCalls(
            hitl,
            f"{_GUARD}: {self.signature.name}",
            domain=options.domain,
            task_type=options.task_type,
            risk=(lambda _: risk(values)) if callable(risk) else risk,
            confidence=(lambda _: confidence(values)) if callable(confidence) else confidence,
        )
        place = _place_in_langgraph()
        key, schema = self._call_key(call, written, place), self.signature.schema
        return _Question(calls, (key, self._name, written, schema, self._parent(place)))

    def _parent(self, place: "Place | None") -> ParentCall | None:
        if place is None or self._options.graph is None:
            return None
        return ParentCall(graph=self._options.graph, thread_id=place.thread, namespace=place.namespace)

    def _call_key(self, call: inspect.BoundArguments, written: Mapping[str, Any], place: "Place | None") -> CallKey:
        if self._options.key is None:
            digest = sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()
            if place is None:
                return CallKey(thread=self._name, call_id=digest, namespace=_GUARD)
            return CallKey(thread=place.thread, call_id=f"{self._name}.{digest}", namespace=place.namespace)
        by = self._options.key
        value = (
            written[by]
            if isinstance(by, str)
            else called(by, dict(call.arguments), f"{_GUARD}: {self.signature.name}: key")
        )
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            problem = f"{self.signature.name}: the key of the call is {value!r}"
            raise InvalidInput([f"{problem}; it has to be a text that is not empty, or a whole number"])
        return CallKey(thread=self._name, call_id=f"key.{value}", namespace=_GUARD)

    def _approved(self, answer: Go | No) -> "_Approved":
        if isinstance(answer, No):
            raise CallRejected(answer.case_id, answer.reason, answer.reviewer)
        if answer.name != self._name:
            raise CallRejected(answer.case_id, f"a reviewer approved {answer.name!r} in place of {self._name!r}")
        if not is_call(answer):
            raise CallRejected(answer.case_id, "a reviewer's decision states no arguments for it")
        return _Approved(answer, self.signature.from_json(answer.arguments))

    def _stored(self, go: Go, result: Any) -> Any:
        try:
            return self.signature.result_from_json(result)
        except ValidationError as exc:
            raise ExecutionEnded(go.case_id, "finished, without a result that the function could return") from exc


class _Approved(NamedTuple):
    go: Go
    arguments: inspect.BoundArguments


_GUARD = "guard"
"""The namespace of calls that belong to no thread of an agent."""


def _time_left(ends: float | None, answer: Waiting) -> float:
    """Return the seconds to wait; interrupt the graph, or raise AwaitingReview, if there are none."""
    left = 0.0 if ends is None else ends - time.monotonic()
    if left > 0:
        return left
    if _place_in_langgraph() is not None:
        from langgraph.types import interrupt  # noqa: PLC0415 - imported already, or there would be no place

        from hitl_orchestrator.integrations.langgraph.payload import guard_pause  # noqa: PLC0415 - as above

        # The value that it returns is only a wake-up.
        interrupt(guard_pause(answer.case_id, answer.case.task_id))
        return 0.0
    raise AwaitingReview(answer.case_id)


def _place_in_langgraph() -> "Place | None":
    """Return the place of the LangGraph node that runs here; None outside of a graph that can pause.

    Raises:
        InvalidInput: the graph runs with a durability that leaves orphaned reviews.
    """
    if "langgraph" not in sys.modules:
        return None
    from langgraph.config import get_config  # noqa: PLC0415 - imported already

    from hitl_orchestrator.integrations.langgraph.place import CHECKPOINTER, Place  # noqa: PLC0415 - as above

    try:
        config = get_config()
    except RuntimeError:
        return None
    return Place.of(config) if config.get("configurable", {}).get(CHECKPOINTER) else None


async def _wait(hitl: Facade, case_id: str, seconds: float) -> None:
    if isinstance(hitl, AsyncOrchestrator):
        await hitl.wait(case_id, seconds)
    else:
        await asyncio.to_thread(hitl.wait, case_id, seconds)
