"""The cost of a reviewed tool call of a LangChain agent: our middleware and LangChain's own, in turn, in one process.

A reviewed call is a run that pauses and a run that answers it. Ours opens a case, routes it, records the decision in
the ledger, and claims and closes the execution; LangChain's own keeps nothing. An approved call is one that the policy
lets through, compared with the same agent without any middleware. Both keep checkpoints in SQLite.
"""

import argparse
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.langchain import OversightMiddleware

ROUNDS, WARM = 100, 10
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


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median milliseconds of a call under each middleware, and the ratios of ours to the other."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for mode in MODES:
            own = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)
            ours = _ours(stack, Path(folder) / mode, interrupt_mode=mode)
            agents = [
                _agent(stack, Path(folder) / f"{mode}-{each}.db", [middleware])
                for each, middleware in (("ours", ours), ("own", own))
            ]
            figures |= _figures(f"middleware_{mode}", _pairs(agents, _reviewed(mode), rounds))
        agents = [
            _agent(stack, Path(folder) / "approved.db", [_ours(stack, Path(folder) / "approved", risk="low")]),
            _agent(stack, Path(folder) / "bare.db", []),
        ]
        figures |= _figures("middleware_approved", _pairs(agents, _run, rounds))
    return figures


def _ours(stack: ExitStack, place: Path, risk: str = "medium", **options: Any) -> OversightMiddleware:
    hitl = stack.enter_context(Orchestrator.open(f"sqlite:///{place}-store.db"))
    settings: Any = {"refund": {"risk": risk, "confidence": 0.95 if risk == "low" else 0.65}}
    return OversightMiddleware(hitl, settings, reviewer="domain_reviewer", **options)


def _agent(stack: ExitStack, place: Path, middleware: list[Any]) -> Any:
    connection = stack.enter_context(closing(sqlite3.connect(place, check_same_thread=False)))
    return create_agent(OneCall(), tools=[refund], middleware=middleware, checkpointer=SqliteSaver(connection))


def _run(agent: Any, thread: dict[str, Any]) -> Any:
    return agent.invoke({"messages": [("user", "refund")]}, thread)


def _reviewed(mode: str) -> Callable[[Any, dict[str, Any]], None]:
    answer: Any = {"type": "approve"} if mode == "per_call" else {"decisions": [{"type": "approve"}]}

    def call(agent: Any, thread: dict[str, Any]) -> None:
        (pause,) = _run(agent, thread)["__interrupt__"]
        agent.invoke(Command(resume={pause.id: answer}), thread)

    return call


def _pairs(
    agents: list[Any], call: Callable[[Any, dict[str, Any]], object], rounds: int
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the seconds and CPU seconds of a call by each of two agents, the first of each pair in turn."""
    numbers = count()
    for number in range(rounds + WARM):
        times = [(0.0, 0.0), (0.0, 0.0)]
        for each in (0, 1) if number % 2 else (1, 0):
            thread = {"configurable": {"thread_id": f"thread-{next(numbers)}"}}
            began, cpu = perf_counter(), process_time()
            call(agents[each], thread)
            times[each] = perf_counter() - began, process_time() - cpu
        if number >= WARM:
            yield times[0], times[1]


def _figures(name: str, pairs: Iterator[tuple[tuple[float, float], tuple[float, float]]]) -> dict[str, float]:
    measured = list(pairs)
    figures: dict[str, float] = {}
    for kind, column in (("ms", 0), ("cpu_ms", 1)):
        ours, other = (median(pair[each][column] for pair in measured) for each in (0, 1))
        figures |= {f"{name}_ours_{kind}": 1000 * ours, f"{name}_other_{kind}": 1000 * other}
    figures[f"{name}_ratio"] = median(ours[0] / other[0] for ours, other in measured)
    figures[f"{name}_cpu_ratio"] = median(ours[1] / other[1] for ours, other in measured)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))


if __name__ == "__main__":
    main()
