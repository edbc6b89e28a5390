"""The cost of oversight in a graph of one's own: a gate against the bare node of its tool, and against an inlined ask.

All run in turns in one process, each graph on a SqliteSaver of its own as it comes, with durability `sync`; the ratio
of the medians counts. The bare graph has no ledger, no policy and no protection against a second call.
"""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import in_turns
from hitl_orchestrator import AgentOutput, CallKey, Go, Orchestrator, Task, proposed_call
from hitl_orchestrator.integrations.langgraph import Executed, gate

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


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the ratios of a gated call to the bare one and to the inlined one."""
    rounds, warm = size.of((2, 1), (20, 5), (100, 15))
    with Orchestrator.open(stores.sqlite()) as hitl:

        def decide(case_id: str) -> object:
            return hitl.decide(case_id, "approve", reviewer="domain_reviewer")

        parents = {
            "bare": Parent(stores.file("db"), bare),
            "inlined": Parent(stores.file("db"), inlined(hitl), decide),
            "gate": Parent(stores.file("db"), gate(hitl, tool, task_of=task_of, result_of=result_of), decide),
        }
        for name, reviewed in (("auto", False), ("reviewed", True)):
            run = {who: _runs(parent, reviewed) for who, parent in parents.items()}
            taken = in_turns(run, rounds, warm)
            for other, aim in (("inlined", at_most(1.0)), ("bare", None)):
                wall, cpu = taken["gate"].over(taken[other])
                note = f"{taken['gate'].ms:.2f} / {taken[other].ms:.2f} ms"
                named = "an inlined ask" if other == "inlined" else "a bare node"
                yield Row(f"gated call of a graph, {name}: x {named}", wall, "x", cpu, aim, note=note)
        for each in parents.values():
            each.close()


def _runs(parent: Parent, reviewed: bool) -> Callable[[int], None]:
    return lambda _: parent.run(reviewed)
