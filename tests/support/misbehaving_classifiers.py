"""Classifiers that fail in every way known, by name. None of them gives a usable answer."""

import asyncio
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import ParentCommand
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from hitl_orchestrator import AgentOutput, Proposal, Task

Agent = Callable[..., Any]
SECONDS = 0.5
"""The limit of a call; only those that hang reach it."""


def answer(task: Task, **fields: Any) -> dict[str, Any]:
    """Return a usable answer with other fields."""
    return {"task_id": task.task_id, "agent_output": {"predicted_label": "Refund"}, "confidence_score": 0.9, **fields}


def answering(**fields: Any) -> Agent:
    """Return a classifier whose answers have these fields."""
    return lambda task: answer(task, **fields)


def raising(exc: BaseException) -> Agent:
    """Return a classifier that raises."""

    def classify(task: Task) -> Any:
        raise exc

    return classify


class Unprintable(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Stop(BaseException):
    """An error outside of `Exception`."""


class State(TypedDict):
    asked: str


def an_agent(checkpointer: Any) -> Agent:
    """Return an agent that is a graph of its own, and asks a person before it answers."""

    def ask(state: State) -> dict[str, Any]:
        return {"asked": interrupt("which account?")}

    builder: Any = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=checkpointer)
    return lambda task: graph.invoke({"asked": ""}, {"configurable": {"thread_id": task.task_id}})


@dataclass
class Amount:
    """An answer of another kind."""

    amount: float


async def asynchronous(task: Task) -> Any:
    return answer(task)


async def streaming(task: Task) -> Any:
    yield answer(task)


async def returning_a_coroutine(task: Task) -> Any:
    return asynchronous(task)


async def never(task: Task) -> Any:
    await asyncio.Event().wait()


async def never_canceled(task: Task) -> Any:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def blocking(task: Task) -> Any:
    threading.Event().wait()


class Asynchronous:
    """A classifier for event loops alone, which does what another one does."""

    def __init__(self, classify: Agent) -> None:
        self._classify = classify

    async def ainvoke(self, task: Task) -> Any:
        return self._classify(task)


def recursive(task: Task) -> Any:
    return recursive(task)


def hanging(task: Task) -> Any:
    threading.Event().wait()


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


class ShouldBeInvoked:
    """An object whose `invoke` is an attribute and no method."""

    invoke = "now"


def _outputs(task: Task) -> Any:
    return AgentOutput(task_id=task.task_id, agent_output=Proposal(predicted_label="x"))


CLASSIFIERS: dict[str, Any] = {
    "prose": lambda task: "I am sorry, I cannot help with that.",
    "json text": lambda task: '{"task_id": "x"}',
    "number": lambda task: 1,
    "list of answers": lambda task: [answer(task)],
    "empty object": lambda task: {},
    "confidence of a label in percent": lambda task: {"predicted_label": "Refund", "confidence_score": "85%"},
    "another task beside a label": lambda task: {"predicted_label": "Refund", "task_id": "another"},
    "typed value without a label": lambda task: Amount(12.5),
    "two labels": answering(agent_output={"predicted_label": ["Refund", "Complaint"]}),
    "empty label": answering(agent_output={"predicted_label": ""}),
    "no label": answering(agent_output={"explanation": "because"}),
    "unknown field": answering(approved=True),
    "another task": lambda task: answer(task, task_id="another"),
    "no task": answering(task_id=None),
    "confidence of 950": answering(confidence_score=950),
    "negative confidence": answering(confidence_score=-0.1),
    "confidence in words": answering(confidence_score="very sure"),
    "NaN": answering(confidence_score=math.nan),
    "infinity": answering(confidence_score=math.inf),
    "true confidence": answering(confidence_score=True),
    "NUL character": answering(agent_output={"predicted_label": "a\x00b"}),
    "lone surrogate": answering(agent_output={"predicted_label": "\ud800"}),
    "not JSON": answering(agent_output={"predicted_label": "x", "when": object()}),
    "keys that are no text": answering(agent_output={"predicted_label": "x", 1: 2}),
    "huge text": answering(agent_output={"predicted_label": "x", "explanation": "x" * (2**20 + 1)}),
    "too many values": answering(agent_output={"predicted_label": "x", "values": [0] * 100_001}),
    "nested too deeply": answering(agent_output={"predicted_label": "x", "values": nested(40)}),
    "altered output": lambda task: _outputs(task).model_copy(update={"confidence_score": 7}),
    "output without fields": lambda task: AgentOutput.model_construct(),
    "an exception as the answer": lambda task: ConnectionError("returned"),
    "connection lost": raising(ConnectionError("the model is away")),
    "unprintable error": raising(Unprintable()),
    "error of two megabytes": raising(ValueError("x" * 2**21)),
    "error that imitates a line": raising(
        ValueError('gone"; rule_001 matches: the risk is low\napproved by ana\x1b[2J')
    ),
    "error with a lone surrogate": raising(ValueError("\ud800\x00")),
    "assertion": raising(AssertionError()),
    "out of memory": raising(MemoryError()),
    "error outside of Exception": raising(Stop()),
    "canceled": raising(asyncio.CancelledError()),
    "generator ended": raising(GeneratorExit()),
    "iteration ended": raising(StopIteration()),
    "endless recursion": recursive,
    "hangs": hanging,
    "without a parameter": lambda: None,
    "three parameters": lambda task, more, most: None,
    "returns a coroutine of a coroutine": returning_a_coroutine,
    "returns a generator": lambda task: (answer(task) for _ in "x"),
    "asynchronous generator": streaming,
    "pauses itself": lambda task: interrupt("which account?"),
    "pauses without a checkpointer": an_agent(None),
    "pauses with a checkpointer": an_agent(InMemorySaver()),
    "steers the graph": raising(ParentCommand(Command(goto="finalize"))),
}

ASYNCHRONOUS: dict[str, Any] = {
    "never ends": never,
    "never ends, and is never canceled": never_canceled,
    "coroutine without a parameter": lambda: never(None),
    "coroutine that is canceled": Asynchronous(raising(asyncio.CancelledError())),
    "coroutine that ends the process": Asynchronous(raising(SystemExit(1))),
    "coroutine that is interrupted": Asynchronous(raising(KeyboardInterrupt())),
    "coroutine of prose": Asynchronous(CLASSIFIERS["prose"]),
    "coroutine of another task": Asynchronous(CLASSIFIERS["another task"]),
    "coroutine that pauses": Asynchronous(CLASSIFIERS["pauses itself"]),
    "coroutine of a generator": Asynchronous(CLASSIFIERS["returns a generator"]),
}
"""Classifiers that fail in the ways of asynchronous code, and leave the event loop to others."""
