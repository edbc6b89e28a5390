"""Imports everything once and forks a child for each order, so that a process that is to be killed costs no import.

Before the first order it works through a store of its own, so that a child pays for no first use either, such as that
of LangGraph. Orders come as JSON lines: what to do, on which store, and when the child dies. The report of each is one
JSON line: the lines that the child acknowledged, and how it ended.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import hitl_orchestrator.graph.build
import hitl_orchestrator.graph.checkpoints
import hitl_orchestrator.ledger.database.migrate
import hitl_orchestrator.ledger.store.ledger  # noqa: F401 - imported before the fork
from hitl_orchestrator import (
    AgentOutput,
    CallKey,
    Orchestrator,
    RequestRejected,
    Review,
    Task,
    Waiting,
    proposed_call,
)
from hitl_orchestrator.cli import main as command_line
from hitl_orchestrator.services.acting import Acting

ARMED = Event()
"""Set where the commits are counted at which a process dies; from its start, unless its order says `dies_in_run`."""

Acknowledge = Callable[[str], None]
TIMES = {"task_type": "t", "task_description": "d", "domain": "customer_support", "timestamp": "2025-01-10T09:00:00Z"}
PATHS = (("low", 0.9), ("medium", 0.65), ("high", 0.9))


def task_number(number: int) -> tuple[Task, AgentOutput]:
    """Every third task is approved automatically, the others need a domain reviewer or a senior manager."""
    risk, confidence = PATHS[number % 3]
    task_id = f"task-{number}"
    proposal = {"predicted_label": f"label {number}", "explanation": "é"}
    output = AgentOutput.model_validate({"task_id": task_id, "agent_output": proposal, "confidence_score": confidence})
    return Task.model_validate({**TIMES, "task_id": task_id, "risk_level": risk}), output


def answers_to(number: int) -> list[Review]:
    """The decisions on this task in order; every third task needs none."""
    if number % 3 == 0:
        return []
    kind = ("approve", "reject", "modify", "override", "escalate")[number // 3 % 5]
    given: dict[str, Any] = {"human_decision": kind, "reviewer_id": "senior_manager", "reason": f"reason {number}"}
    if kind == "modify":
        given["modified_output"] = {"predicted_label": f"edited {number}"}
    if kind != "escalate":
        return [Review(**given)]
    return [Review(**given), Review(human_decision="approve", reviewer_id="compliance_officer")]


def submit(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    for number in order["numbers"]:
        case = hitl.submit(*task_number(number))
        acknowledge(f"{number} {case.case_id} {case.status}")


def submit_many(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    given = [task_number(number) for number in order["numbers"]]
    hitl.submit_many(
        (task for task, _ in given),
        (output for _, output in given),
        chunk=order["chunk"],
        on_case=lambda case: acknowledge(f"{case.task_id} {case.case_id} {case.status}"),
    )


def decide(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    for number, step in order["steps"]:
        case = hitl.decide(task_id=f"task-{number}", decision=answers_to(number)[step])
        acknowledge(f"{number} {step} {case.status}")


def enqueue(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Store tasks without running them."""
    for number in order["numbers"]:
        acknowledge(hitl.cases.enqueue(*task_number(number)).status)


def half_decide(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Record decisions without the outcomes that follow."""
    for number, step in order["steps"]:
        answer, case = answers_to(number)[step], hitl.cases.get(task_id=f"task-{number}")
        hitl._services.recorder.decide(case.open_review, answer, acting=Acting(answer.reviewer_id))
        acknowledge(hitl.cases.get(case.case_id).status)


def look(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Look at the threads of cases, which makes their checkpoints."""
    for number in order["numbers"]:
        runner = hitl._services.runner
        state = runner.graph.get_state(runner.thread(hitl.cases.get(task_id=f"task-{number}").case_id))
        acknowledge(f"{number} {len(state.interrupts)}")


def recover(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    hitl.recover(lambda case: acknowledge(f"{case.case_id} {case.status}"))


def sweep(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Carry on with all that is out of time, after waiting until something is."""
    while not hitl._services.ledger.expired() and hitl.inbox():
        pass
    hitl.run_maintenance(lambda case: acknowledge(f"{case.case_id} {case.status}"))


def redact(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    for number in order["numbers"]:
        receipt = hitl.cases.redact(task_id=f"task-{number}", reason="asked for", reviewer="compliance_officer")
        acknowledge(f"{number} {receipt.destroyed}")


def approve(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Approve the open review of a case."""
    answer = Review(human_decision="approve", reviewer_id=order["reviewer"])
    acknowledge(hitl.decide(order["case"], answer).status)


def ask(hitl: Orchestrator, number: int) -> Any:
    task, _ = task_number(number)
    return hitl.ask(CallKey(thread="t", call_id=str(number)), task, proposed_call("refund", {"amount": number}))


def execute(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Ask about a call, approve it if need be, and make it: its effect is a line in a file."""

    def call(arguments: dict[str, Any]) -> str:
        with Path(order["effects"]).open("a") as effects:
            effects.write(f"{arguments['amount']}\n")
        if order.get("dies_inside"):
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    for number in order["numbers"]:
        answer = ask(hitl, number)
        if isinstance(answer, Waiting):
            hitl.decide(answer.case_id, Review(human_decision="approve", reviewer_id="senior_manager"))
            answer = ask(hitl, number)
        ARMED.set()
        try:
            acknowledge(answer.run(call))
        except RequestRejected as exc:
            acknowledge(type(exc).__name__)


def activate(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Activate a policy, or propose it."""
    done = hitl.policy.activate(order["to"], reviewer=order["reviewer"], reason="r")
    acknowledge(f"{done.in_force}")


def undo(hitl: Orchestrator, order: dict[str, Any], acknowledge: Acknowledge) -> None:
    """Undo the last activation."""
    acknowledge(f"{hitl.policy.undo(reviewer=order['reviewer'], reason='r').in_force}")


WORK = {
    "activate": activate,
    "undo": undo,
    "approve": approve,
    "submit": submit,
    "submit many": submit_many,
    "decide": decide,
    "enqueue": enqueue,
    "execute": execute,
    "half_decide": half_decide,
    "look": look,
    "recover": recover,
    "redact": redact,
    "sweep": sweep,
}


def die_at_commit(number: int) -> None:
    """Let this process die right before its n-th commit to any table."""
    connect, commits = sqlite3.connect, count(1)

    def watched(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(
            lambda sql: sql.upper().startswith("COMMIT") and ARMED.is_set() and next(commits) == number and os._exit(9)
        )
        return connection

    sqlite3.connect = watched


def die_before(words: str) -> None:
    """Let this process be killed right before it writes these words."""
    connect = sqlite3.connect

    def watched(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(lambda sql: words in sql and os.kill(os.getpid(), signal.SIGKILL))
        return connection

    sqlite3.connect = watched


class Dying:
    """Resumes no caller: its process is killed."""

    def resume(self, parent: Any, case: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def live(order: dict[str, Any], write_end: int) -> None:
    """Run the ordered operations in the child."""
    if order["do"] == "command line":
        # Into a file: no reviewer reads a pipe while the growth of the store is watched.
        os.dup2(os.open(order["prints_to"], os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1)
        sys.argv = ["hitl", *order["argv"]]
        command_line()
        return
    if not order.get("dies_in_run"):
        ARMED.set()
    if order.get("die_at"):
        die_at_commit(order["die_at"])
    if order.get("die_before"):
        die_before(order["die_before"])
    resumers = {"agent": Dying()} if order.get("dies_resuming") or order.get("die_before") else None
    with Orchestrator.open(order["store"], policy=order.get("policy"), resumers=resumers) as hitl:
        WORK[order["do"]](hitl, order, lambda line: os.write(write_end, f"{line}\n".encode()))


def child_of(order: dict[str, Any]) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child:
        os.close(write_end)
        return child, read_end
    os.close(read_end)
    status = 1
    try:
        live(order, write_end)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(status)


def pieces(read_end: int) -> Iterator[bytes]:
    while piece := os.read(read_end, 65536):
        yield piece


def grown_to(store: str, events: int, child: int) -> bool:
    """Wait until the ledger has this number of entries; False if the child ends before."""
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"), timeout=30)) as connection:
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            try:
                if connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0] >= events:
                    return True
            except sqlite3.OperationalError:
                continue  # its tables are not made yet
    return False


def warm_up() -> None:
    """Use everything once that is slow the first time."""
    with TemporaryDirectory() as folder:
        for store in ("memory://", f"sqlite:///{folder}/first.db"):
            with Orchestrator.open(store) as hitl:
                for number in (0, 1, 13):
                    hitl.submit(*task_number(number))
                decide(hitl, {"steps": [(1, 0), (13, 0), (13, 1)]}, lambda line: None)
                hitl.recover()
                hitl.run_maintenance()


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Fork a child, wait for the progress after which it is to be killed, kill it, and return its acknowledgements."""
    child, read_end = child_of(order)
    stated, after, growth = b"", order.get("kill_after_lines"), order.get("kill_after_events")
    reading = pieces(read_end)
    if growth is not None:
        grown_to(order["store"], growth, child)
    while after is not None and stated.count(b"\n") < after and (piece := next(reading, b"")):
        stated += piece
    if after is not None or growth is not None:
        for _ in range(order["spin"]):
            pass
        os.kill(child, signal.SIGKILL)
    stated += b"".join(reading)
    os.close(read_end)
    _, status = os.waitpid(child, 0)
    lines = stated.decode().rpartition("\n")[0]
    return {"lines": lines.splitlines(), "status": os.waitstatus_to_exitcode(status)}


if __name__ == "__main__":
    warm_up()
    for line in sys.stdin:
        report = json.dumps(carry_out(json.loads(line)))
        print(report, flush=True)  # noqa: T201 - how it speaks with the test
