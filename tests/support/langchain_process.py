"""Runs a LangChain agent in forked processes, so that one which is to be killed costs no import.

Orders come as JSON lines: the store, the file of checkpoints, the log of the tool, the mode, and what to do. A `run`
starts the agent, `resume` wakes it; with `die_inside` the tool kills its process. The report of each is one JSON line.
A process that has paused its agent stays alive until it is killed.
"""

import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

import hitl_orchestrator.graph.build
import hitl_orchestrator.graph.checkpoints
import hitl_orchestrator.ledger.database.migrate
import hitl_orchestrator.ledger.store.ledger  # noqa: F401 - imported before the fork
from hitl_orchestrator import Orchestrator
from support.scripted_agents import THREAD, an_agent, pauses, results, started, tools_that_log


def the_tools(order: dict[str, Any]) -> Any:
    refund, look_up = tools_that_log(Path(order["log"]))
    if not order.get("die_inside"):
        return [refund, look_up]
    log_first = refund

    @tool
    def refund(amount: int, to: str) -> str:
        """Refund an amount to a customer."""
        log_first.invoke({"amount": amount, "to": to})
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    return [refund, look_up]


def live(order: dict[str, Any]) -> dict[str, Any]:
    hitl = Orchestrator.open(order["store"], lease=order.get("lease", 60))
    saver = SqliteSaver(sqlite3.connect(order["checkpoints"], check_same_thread=False))
    agent = an_agent(hitl, [], tools=the_tools(order), checkpointer=saver, interrupt_mode=order["mode"])
    if order["do"] == "run":
        result = started(agent)
    else:
        waiting = agent.get_state(THREAD).interrupts
        wake: Any = Command(resume={pause.id: {"wake_up": "x"} for pause in waiting}) if waiting else None
        result = agent.invoke(wake, THREAD)
    return {
        "paused": len(pauses(result)),
        "content": {each: content.content for each, content in results(result).items()},
    }


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Fork a process for one order, and kill it as soon as it reports."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(read_end)
        try:
            os.write(write_end, f"{json.dumps(live(order))}\n".encode())
            signal.pause()  # holds what it holds until it is killed
        finally:
            os._exit(1)
    os.close(write_end)
    with os.fdopen(read_end) as reading:
        report = reading.readline()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return json.loads(report) if report else {"died": True}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)  # noqa: T201 - how it speaks with the test
