"""Imports one framework once, and forks a child for each order, so that a process that is killed costs no import.

Run as a module with the name of one beside it. Orders come as JSON lines, and each is answered by one line:
the output of the child and its exit code, negative for a signal.
"""

import asyncio
import json
import os
import runpy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hitl_orchestrator.graph.build
import hitl_orchestrator.graph.checkpoints
import hitl_orchestrator.ledger.database.migrate
import hitl_orchestrator.ledger.store.ledger  # noqa: F401 - imported before the fork
from hitl_orchestrator import CallKey, Orchestrator, proposed_call


def live(agents: Any, order: dict[str, Any], say: Callable[[str], None], ready: Callable[[], object]) -> None:
    """Do one order in the child."""
    if order["do"] == "example":
        with redirect_stdout(StringIO()) as printed:
            runpy.run_path(order["path"], run_name="__main__")
        say(printed.getvalue())
        return
    folder = Path(order["folder"])
    with Orchestrator.open(order["store"]) as hitl:
        if order["do"] == "decide":
            for each in order["decisions"]:
                say(hitl.decide(reviewer="senior_manager", **each).status)
        elif order["do"] == "list":
            say(json.dumps({request.task.metadata["order"]: request.task_id for request in hitl.inbox()}))
        elif order["do"] == "race":
            ready()
            say(asyncio.run(wake_often(agents, hitl, folder, order["each"])))
        elif order["do"] == "start":
            say(asyncio.run(agents.start(hitl, folder)))
        else:
            say(asyncio.run(agents.wake(hitl, folder, forged=order["do"] == "forge")))
        if order.get("dies"):
            os.kill(os.getpid(), 9)


async def wake_often(agents: Any, hitl: Orchestrator, folder: Path, times: int) -> str:
    """Wake one paused agent many times at once, and return all that it says."""

    wakes = (agents.wake(hitl, folder) for _ in range(times))
    return " ".join(map(str, await asyncio.gather(*wakes, return_exceptions=True)))


def child(agents: Any, order: dict[str, Any], ready: Callable[[], object]) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return pid, read_end
    os.close(read_end)
    status = 1
    try:
        live(agents, order, lambda text: os.write(write_end, text.encode()), ready)
        status = 0
    except Exception as exc:  # noqa: BLE001 - the test reads it
        os.write(write_end, f"{type(exc).__name__}: {exc}".encode())
    finally:
        os._exit(status)


def carry_out(agents: Any, order: dict[str, Any]) -> dict[str, Any]:
    started, begin = os.pipe()
    children = [child(agents, order, lambda: os.read(started, 1)) for _ in range(order.get("processes", 1))]
    os.write(begin, b"." * len(children))
    outputs = []
    for pid, read_end in children:
        with os.fdopen(read_end) as file:
            text = file.read()
        outputs.append({"output": text, "code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})
    os.close(started)
    os.close(begin)
    return {"output": " ".join(each["output"] for each in outputs), "code": outputs[0]["code"]}


def warm_up() -> None:
    """Ask about a call, approve it and make it, so that no child pays for the first use of anything."""
    task = {"task_type": "t", "task_description": "d", "domain": "d", "risk_level": "high"}
    with TemporaryDirectory() as folder, Orchestrator.open(f"sqlite:///{folder}/hitl.db") as hitl:
        asked = partial(hitl.ask, CallKey(thread="t", call_id="c"), task, proposed_call("f", {}))
        hitl.decide(asked().case_id, "approve", reviewer="senior_manager")
        asked().run(dict)
        hitl.recover()
        hitl.inbox()


def main() -> None:
    agents = import_module(f"support.agents.{sys.argv[1]}")
    warm_up()
    for line in sys.stdin:
        print(json.dumps(carry_out(agents, json.loads(line))), flush=True)  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
