"""An agent with a gated tool, as a graph of its own on a checkpointer of its own, and processes that run it.

The variables `AGENT_STORE`, `AGENT_THREADS` and `AGENT_EFFECTS` name the store of the orchestrator, the database of the
checkpointer, and the file to which the tool appends a line. As a program it forks a child for each order, so that a
process that is to be killed costs no import. Orders and reports are JSON lines.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import cache
from operator import add
from pathlib import Path
from typing import Annotated, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from psycopg import Connection
from psycopg.rows import dict_row
from typing_extensions import TypedDict

import hitl_orchestrator.graph.build  # noqa: F401 - imported before the fork
from hitl_orchestrator import AgentOutput, Orchestrator, ParentCall, Review, Task, proposed_call
from hitl_orchestrator.integrations.langgraph import Executed, Failed, LangGraphResumer, gate

NAME = "agent"


class Agent(TypedDict, total=False):
    """The state: the call that the agent proposes, and what came of it."""

    calls: list[dict[str, Any]]
    call: dict[str, Any]
    done: Annotated[list[Any], add]


class Done(TypedDict):
    """What the agent returns to a graph that it is a part of."""

    done: Annotated[list[Any], add]


@cache
def store() -> Orchestrator:
    """The orchestrator of this process."""
    return Orchestrator.open(os.environ["AGENT_STORE"], lease=float(os.environ.get("AGENT_LEASE", "30")))


def send(arguments: dict[str, Any]) -> str:
    """The tool. Its effect is a line in a file."""
    line = f"{json.dumps(arguments, sort_keys=True)}\n"
    with Path(os.environ["AGENT_EFFECTS"]).open("a", encoding="utf-8") as file:
        file.write(line)
    if os.environ.get("AGENT_DIES_IN_TOOL"):
        os.kill(os.getpid(), signal.SIGKILL)
    return f"sent to {arguments['to']}"


def task_of(state: Agent) -> tuple[Task, AgentOutput]:
    """The call of the state. Its id is that of the provider of the model, such as `call_0`."""
    call = state["call"]
    task = Task(
        task_id=call["id"], task_type="mail", task_description="Send a mail", domain="support", risk_level="medium"
    )
    return task, proposed_call("send", call["arguments"], confidence=0.68)


def outcome(state: Agent, answer: Any) -> Agent:
    """What the agent goes on with."""
    if isinstance(answer, Executed):
        return {"done": [answer.result]}
    return {"done": [f"failed: {answer.error}" if isinstance(answer, Failed) else f"no: {answer.reason}"]}


def agent_on(saver: BaseCheckpointSaver[Any] | None, hitl: Any = store, tool: Callable[..., Any] = send) -> Any:
    """The agent, compiled: each of its calls is sent to a gate of its own."""
    node = gate(hitl, tool, task_of=task_of, result_of=outcome, graph=NAME)
    builder: Any = StateGraph(Agent, output_schema=Done)
    builder.add_node("tool", node)
    builder.add_node("end", lambda state: {"done": ["end"]})
    builder.add_conditional_edges(
        START, lambda state: [Send("tool", {"call": call}) for call in state["calls"]], ["tool"]
    )
    builder.add_edge("tool", "end")
    builder.add_edge("end", END)
    return builder.compile(checkpointer=saver)


def saver_at(url: str) -> BaseCheckpointSaver[Any]:
    """The checkpointer of the parent."""
    if url.startswith("postgres"):
        saver: Any = PostgresSaver(Connection.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row))
    else:
        saver = SqliteSaver(sqlite3.connect(url, check_same_thread=False, timeout=30))
    saver.setup()
    return saver  # type: ignore[no-any-return]


@cache
def graph() -> Any:
    """The agent of this process: the deciding process knows `support.embedded_agent:graph` alone."""
    return agent_on(saver_at(os.environ["AGENT_THREADS"]))


def place(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def start(order: dict[str, Any]) -> Any:
    """Run the agent until it pauses."""
    graph().invoke({"calls": order["calls"]}, place(order["thread"]), durability="sync")
    return state(order)


def decide(order: dict[str, Any]) -> Any:
    """Decide a case; with `resuming` as the process that resumes the agent, which knows a reference to it alone."""
    resuming: Any = {}
    if order.get("resuming"):
        resuming["resumers"] = {NAME: LangGraphResumer("support.embedded_agent:graph")}
    with Orchestrator.open(os.environ["AGENT_STORE"], **resuming) as hitl:
        status = hitl.decide(order["case_id"], Review.model_validate(order["review"])).status
        if resuming:
            hitl.recover()
        return status


def resume(order: dict[str, Any]) -> Any:
    """Resume the agent, and the same again, which is harmless; return what came of it."""
    resumer = LangGraphResumer("support.embedded_agent:graph")
    with Orchestrator.open(os.environ["AGENT_STORE"]) as hitl:
        case = hitl.cases.get(order["case_id"])
    for _ in range(2):
        resumer.resume(ParentCall(graph=NAME, thread_id=order["thread"], namespace=order["namespace"]), case)
    return graph().get_state(place(order["thread"])).values["done"]


def go_on(order: dict[str, Any]) -> Any:
    """Run the agent again from its last checkpoint, as after a crash."""
    graph().invoke(None, place(order["thread"]), durability="sync")
    return state(order)


def state(order: dict[str, Any]) -> Any:
    """Read the agent's state, and the pauses of it."""
    found = graph().get_state(place(order["thread"]))
    return {"done": found.values.get("done"), "pauses": [each.value for each in found.interrupts]}


WORK = {"start": start, "decide": decide, "resume": resume, "go on": go_on, "state": state}


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Fork a child that carries an order out and then waits for being killed; return its report."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ.update(order.get("environment", {}))
        try:
            report: Any = {"did": WORK[order["do"]](order)}
        except BaseException as exc:  # noqa: BLE001
            report = {"raised": f"{type(exc).__name__}: {exc}"}
        os.write(write_end, f"{json.dumps(report)}\n".encode())
        while True:
            time.sleep(60)
    os.close(write_end)
    with os.fdopen(read_end) as reports:
        line = reports.readline()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(line) if line else {"raised": "killed"}


if __name__ == "__main__":
    for line in sys.stdin:
        report = json.dumps(carry_out(json.loads(line)))
        print(report, flush=True)  # noqa: T201 - how it speaks with the test
