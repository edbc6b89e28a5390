"""The cost of oversight in a graph of one's own: a gate against the bare node of its tool, and against an inlined ask.

All run in turns in one process, each graph on a SqliteSaver of its own as it comes, with durability `sync`; the ratio
of the medians is what counts. The bare graph has no ledger, no policy and no protection against a second call.
"""

import gc
import sqlite3
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from hitl_orchestrator import AgentOutput, CallKey, Go, Orchestrator, Task, proposed_call
from hitl_orchestrator.integrations.langgraph import Executed, gate

CALLS_A_ROUND = 15
_numbers = count()


class State(TypedDict, total=False):
    """The call that an agent proposes, whether it needs a person, and its result."""

    call: dict[str, Any]
    reviewed: bool
    done: str


def tool(arguments: dict[str, Any]) -> str:
    """Do nothing."""
    return f"sent {arguments['number']}"


def task_of(state: State) -> tuple[Task, AgentOutput]:
    """Return the call as a task that is approved by the policy, or needs a reviewer."""
    risk, confidence = ("medium", 0.68) if state["reviewed"] else ("low", 0.95)
    fields = {"task_id": "call_0", "task_type": "mail", "task_description": "Send a mail", "domain": "support"}
    task = Task.model_validate({**fields, "risk_level": risk})
    return task, proposed_call("send", state["call"], confidence=confidence)


def result_of(state: State, answer: Any) -> State:
    """Return what the call returned."""
    assert isinstance(answer, Executed)
    return {"done": answer.result}


def bare(state: State) -> State:
    """Call the tool, after a pause where a person is needed."""
    if state["reviewed"]:
        interrupt({"call": state["call"]})
    return {"done": tool(state["call"])}


class Parent:
    """One node in a graph on a SqliteSaver."""

    def __init__(self, file: Path, node: Any, decide: Callable[[str], object] | None = None) -> None:
        self._connection, self._decide = sqlite3.connect(file, check_same_thread=False, timeout=30), decide
        builder: Any = StateGraph(State)
        builder.add_node("tool", node)
        builder.add_edge(START, "tool")
        builder.add_edge("tool", END)
        self._graph = builder.compile(checkpointer=SqliteSaver(self._connection))

    def run(self, reviewed: bool) -> None:
        """Run one call in a thread of its own, with the decision of a person where one is needed."""
        number = next(_numbers)
        place = {"configurable": {"thread_id": f"thread-{number}"}}
        given = {"call": {"number": number}, "reviewed": reviewed}
        state = self._graph.invoke(given, place, durability="sync")
        if reviewed:
            (pause,) = state["__interrupt__"]
            if self._decide is not None:
                self._decide(pause.value["case_id"])
            state = self._graph.invoke(Command(resume={pause.id: "go on"}), place, durability="sync")
        assert state["done"] == f"sent {number}"

    def close(self) -> None:
        """Close the checkpointer."""
        self._connection.close()


def inlined(hitl: Orchestrator) -> Callable[[State, RunnableConfig], State]:
    """Return a node that calls `ask` and `run` itself, with nothing around it."""

    def node(state: State, config: RunnableConfig) -> State:
        inside = config["configurable"]
        key = CallKey(thread=inside["thread_id"], call_id="call_0", namespace=inside["checkpoint_ns"])
        while not isinstance(answer := hitl.ask(key, *task_of(state)), Go):
            interrupt({"case_id": answer.case_id})
        return {"done": answer.run(tool)}

    return node


def measure(rounds: int = 7) -> dict[str, float]:
    """Return milliseconds a call and the ratios: medians over `rounds`."""
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, Orchestrator.open(f"sqlite:///{Path(name) / 'hitl.db'}") as hitl:
        folder = Path(name)

        def decide(case_id: str) -> object:
            return hitl.decide(case_id, "approve", reviewer="domain_reviewer")

        parents = {
            "bare": Parent(folder / "bare.db", bare),
            "inlined": Parent(folder / "inlined.db", inlined(hitl), decide),
            "gate": Parent(folder / "gate.db", gate(hitl, tool, task_of=task_of, result_of=result_of), decide),
        }
        for number in range(-1, rounds):  # the first round warms up
            for path in ("auto", "reviewed"):
                for who, seconds in _round(parents, path == "reviewed").items():
                    if number >= 0:
                        spent.setdefault(f"{path}_{who}_ms", []).append(seconds * 1000)
            if number >= 0:
                spent.setdefault("execution_ms", []).append(_executions(hitl) * 1000)
        for each in parents.values():
            each.close()
    result = {f"embedding_{key}": median(values) for key, values in spent.items()}
    for path in ("auto", "reviewed"):
        for other in ("bare", "inlined"):
            ratio = result[f"embedding_{path}_gate_ms"] / result[f"embedding_{path}_{other}_ms"]
            result[f"embedding_{path}_gate_to_{other}"] = ratio
    return result


def _round(parents: dict[str, Parent], reviewed: bool) -> dict[str, float]:
    """Return seconds a call for each, call by call in turns."""
    spent = dict.fromkeys(parents, 0.0)
    gc.collect()
    for _ in range(CALLS_A_ROUND):
        for who, parent in parents.items():
            began = perf_counter()
            parent.run(reviewed)
            spent[who] += perf_counter() - began
    return {who: seconds / CALLS_A_ROUND for who, seconds in spent.items()}


def _executions(hitl: Orchestrator) -> float:
    """Return the seconds of `begin` and `done` alone."""
    answers = []
    for _ in range(CALLS_A_ROUND):
        state: State = {"call": {"number": next(_numbers)}, "reviewed": False}
        answers.append(hitl.ask(CallKey(thread=f"alone-{state['call']['number']}", call_id="c"), *task_of(state)))
    began = perf_counter()
    for answer in answers:
        assert isinstance(answer, Go)
        answer.grant.begin().done("sent")
    return (perf_counter() - began) / CALLS_A_ROUND


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:36} {value:8.3f}")
