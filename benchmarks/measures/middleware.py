"""A reviewed tool call of a LangChain agent: our middleware beside LangChain's own, in turns in one process.

A reviewed call is a run that pauses and a run that answers it. Ours opens a case, routes it, records the decision in
the ledger, and claims and closes the execution; LangChain's own keeps nothing. An approved call is one that the policy
lets through, beside the same agent without any middleware. All keep checkpoints in SQLite.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from benchmarks.report import Row
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import in_turns
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.langchain import OversightMiddleware

MODES: tuple[Literal["batched", "per_call"], ...] = ("batched", "per_call")


class OneCall(BaseChatModel):
    """Calls the tool once, and ends."""

    @property
    def _llm_type(self) -> str:
        return "one-call"

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        """Return this model: its script is fixed."""
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
        is_done = any(isinstance(message, AIMessage) for message in messages)
        call = {"name": "refund", "args": {"amount": 50, "to": "ana"}, "id": "call-0", "type": "tool_call"}
        reply = AIMessage("done") if is_done else AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=reply)])


@tool
def refund(amount: int, to: str) -> str:
    """Refund an amount."""
    return f"{amount} to {to}"


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield a row for a reviewed call in each mode, and for an approved one."""
    rounds, numbers = size.of(1, 30, 300), count()

    def threaded(agent: Any, call: Callable[[Any, dict[str, Any]], object]) -> Callable[[int], object]:
        return lambda _: call(agent, {"configurable": {"thread_id": f"thread-{next(numbers)}"}})

    def row(what: str, ours: Any, other: Any, call: Callable[[Any, dict[str, Any]], object]) -> Row:
        contenders = {"ours": threaded(ours, call), "other": threaded(other, call)}
        taken = in_turns(contenders, rounds, min(rounds, 10))
        wall, cpu = taken["ours"].over(taken["other"])
        return Row(what, wall, "x", cpu, note=f"{taken['ours'].ms:.2f} / {taken['other'].ms:.2f} ms")

    for mode in MODES:
        with ExitStack() as stack:
            own = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)
            ours = _ours(stack, stores, interrupt_mode=mode)
            agents = [_agent(stack, stores, [each]) for each in (ours, own)]
            yield row(f"reviewed tool call, {mode}: x LangChain's middleware", *agents, _reviewed(mode))
    with ExitStack() as stack:
        agents = [_agent(stack, stores, [_ours(stack, stores, risk="low")]), _agent(stack, stores, [])]
        yield row("tool call approved by a rule: x the agent without middleware", *agents, _run)


def _ours(stack: ExitStack, stores: Stores, risk: str = "medium", **options: Any) -> OversightMiddleware:
    hitl = stack.enter_context(Orchestrator.open(stores.sqlite()))
    settings: Any = {"refund": {"risk": risk, "confidence": 0.95 if risk == "low" else 0.65}}
    return OversightMiddleware(hitl, settings, reviewer="domain_reviewer", **options)


def _agent(stack: ExitStack, stores: Stores, middleware: list[Any]) -> Any:
    connection = stack.enter_context(closing(sqlite3.connect(stores.file("db"), check_same_thread=False)))
    return create_agent(OneCall(), tools=[refund], middleware=middleware, checkpointer=SqliteSaver(connection))


def _run(agent: Any, thread: dict[str, Any]) -> Any:
    return agent.invoke({"messages": [("user", "refund")]}, thread)


def _reviewed(mode: str) -> Callable[[Any, dict[str, Any]], None]:
    answer: Any = {"type": "approve"} if mode == "per_call" else {"decisions": [{"type": "approve"}]}

    def call(agent: Any, thread: dict[str, Any]) -> None:
        (pause,) = _run(agent, thread)["__interrupt__"]
        agent.invoke(Command(resume={pause.id: answer}), thread)

    return call
