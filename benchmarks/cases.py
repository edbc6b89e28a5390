"""The cost of a case: our whole `submit` and `decide` against the same five nodes in bare LangGraph.

The bare graph has trivial nodes and the same SqliteSaver settings and durability, on a file of its own. Both run in
turns in one process, so that a busy machine slows both; the ratio of the medians is what counts.
"""

import gc
import json
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from uuid_utils import uuid7

from hitl_orchestrator import AgentOutput, Orchestrator, Review, Task
from hitl_orchestrator.graph.checkpoints import strict_serializer
from hitl_orchestrator.graph.runner import DURABILITY
from hitl_orchestrator.services.config_files import canonical

CASES_A_ROUND = 30


class BareState(TypedDict, total=False):
    """The same channels as ours."""

    submission: dict[str, Any]
    classification: dict[str, Any]
    score: dict[str, Any]
    decision: dict[str, Any]
    review: dict[str, Any]
    outcome: dict[str, Any]


def graph_on(saver: BaseCheckpointSaver[Any]) -> Any:
    """Compile five trivial nodes on a saver."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(BareState)
    nodes: dict[str, Callable[[Any], Any]] = {
        "classify": lambda state: {"classification": {"risk_level": state["submission"]["task"]["risk_level"]}},
        "score": lambda state: {"score": {"confidence": state["submission"]["output"]["confidence_score"]}},
        "route": lambda state: {"decision": {"auto": state["score"]["confidence"] >= 0.8}},
        "human_review": lambda state: {"review": interrupt({"task": state["submission"]["task"]})},
        "finalize": lambda state: {"outcome": {"final_decision": "approved"}},
    }
    for name, node in nodes.items():
        graph.add_node(name, node)
    graph.add_edge(START, "classify")
    graph.add_edge("classify", "score")
    graph.add_edge("score", "route")
    graph.add_conditional_edges("route", lambda state: "finalize" if state["decision"]["auto"] else "human_review")
    graph.add_edge("human_review", "finalize")
    graph.add_edge("finalize", END)
    return graph.compile(checkpointer=saver)


class Bare:
    """Five trivial nodes on a SqliteSaver."""

    def __init__(self, file: Path, *, synchronous: str) -> None:
        connection = sqlite3.connect(file, check_same_thread=False, timeout=30)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        self.connection: Any = connection
        self.graph = graph_on(SqliteSaver(connection, serde=strict_serializer()))

    def run(self, task: dict[str, Any], output: dict[str, Any], reviewed: bool) -> None:
        """Run one case, with a person where one is needed."""
        place: Any = {"configurable": {"thread_id": str(uuid7())}}
        self.graph.invoke({"submission": {"task": task, "output": output}}, place, durability=DURABILITY)
        if reviewed:
            self.graph.invoke(Command(resume={"human_decision": "approve"}), place, durability=DURABILITY)


def ours(hitl: Orchestrator, task: Task, output: AgentOutput, reviewed: bool) -> None:
    """Run one case through the orchestrator, with a person where one is needed."""
    case = hitl.submit(task, output)
    if reviewed:
        hitl.decide(case.case_id, Review(human_decision="approve", reviewer_id="senior_manager"))


def measure(rounds: int = 9) -> dict[str, float]:
    """Return milliseconds a case and the ratios of ours to the bare graph: medians over `rounds`.

    `bare` has the settings of our own checkpoints (synchronous=NORMAL); `default` has those that a SqliteSaver comes
    with (synchronous=FULL), which like our ledger waits for the disk.
    """
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Orchestrator.open(f"sqlite:///{folder / 'ours.db'}") as hitl:
            bare = Bare(folder / "bare.db", synchronous="NORMAL")
            default = Bare(folder / "default.db", synchronous="FULL")
            for number in range(-1, rounds):  # the first round warms up
                for path, reviewed in (("auto", False), ("reviewed", True)):
                    for who, seconds in one_round(bare, default, hitl, number, reviewed).items():
                        if number >= 0:
                            figures.setdefault(f"{path}_{who}_ms", []).append(seconds * 1000)
            bare.connection.close()
            default.connection.close()
    result = {key: median(values) for key, values in figures.items()}
    for path in ("auto", "reviewed"):
        result[f"{path}_ratio"] = result[f"{path}_ours_ms"] / result[f"{path}_bare_ms"]
        result[f"{path}_ratio_to_default"] = result[f"{path}_ours_ms"] / result[f"{path}_default_ms"]
    return result


def one_round(bare: Bare, default: Bare, hitl: Orchestrator, number: int, reviewed: bool) -> dict[str, float]:
    """Return seconds a case for each, case by case in turns."""
    kind = 1 if reviewed else 0
    raw_task, raw_output = json.loads(canonical("tasks.json"))[kind], json.loads(canonical("agent_outputs.json"))[kind]
    spent = {"bare": 0.0, "default": 0.0, "ours": 0.0}
    gc.collect()
    for index in range(CASES_A_ROUND):
        name = {"task_id": f"bench-{kind}-{number}-{index}"}
        task = {**raw_task, **name, "timestamp": datetime.now(UTC).isoformat()}
        output = {**raw_output, **name}
        typed = Task.model_validate(task), AgentOutput.model_validate(output)
        spent["bare"] += _seconds(lambda: bare.run(task, output, reviewed))  # noqa: B023 - called at once
        spent["default"] += _seconds(lambda: default.run(task, output, reviewed))  # noqa: B023
        spent["ours"] += _seconds(lambda: ours(hitl, *typed, reviewed))  # noqa: B023
    return {who: seconds / CASES_A_ROUND for who, seconds in spent.items()}


def _seconds(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:20} {value:8.3f}")
