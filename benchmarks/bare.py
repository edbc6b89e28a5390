"""Bare LangGraph: the same five nodes, trivial, with a checkpointer and nothing else: no ledger, policy or seals.

*N* is SqliteSaver with durability `exit` and `synchronous=NORMAL`, *F* the same with `FULL`, which like our ledger
waits for the disk, and *default* is F with LangGraph's own default durability. On PostgreSQL, N has
`synchronous_commit=off`, and the others have it on.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from uuid_utils import uuid7

from hitl_orchestrator.graph.checkpoints import strict_serializer

VARIANTS = ("N", "F", "default")


class State(TypedDict, total=False):
    """The same channels as ours."""

    submission: dict[str, Any]
    classification: dict[str, Any]
    score: dict[str, Any]
    decision: dict[str, Any]
    review: dict[str, Any]
    outcome: dict[str, Any]


def graph_on(saver: BaseCheckpointSaver[Any] | None) -> Any:
    """Compile five trivial nodes on a saver, or on none."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
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
    """Five trivial nodes on a saver."""

    def __init__(self, connection: Any, saver: BaseCheckpointSaver[Any], variant: str) -> None:
        self._connection, self._graph = connection, graph_on(saver)
        self._how: dict[str, Any] = {} if variant == "default" else {"durability": "exit"}

    def run(self, task: dict[str, Any], output: dict[str, Any], *, decide: bool = False) -> None:
        """Run one case; with `decide` a person answers."""
        place: Any = {"configurable": {"thread_id": str(uuid7())}}
        self._graph.invoke({"submission": {"task": task, "output": output}}, place, **self._how)
        if decide:
            self._graph.invoke(Command(resume={"human_decision": "approve"}), place, **self._how)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def on_sqlite(file: Path, variant: str) -> Bare:
    """Return a bare graph on a SqliteSaver."""
    connection = sqlite3.connect(file, check_same_thread=False, timeout=30)
    connection.execute(f"PRAGMA synchronous={'NORMAL' if variant == 'N' else 'FULL'}")
    return Bare(connection, SqliteSaver(connection, serde=strict_serializer()), variant)


def on_postgres(url: str, variant: str) -> Bare:
    """Return a bare graph on a PostgresSaver, connected as its own documentation does it."""
    import psycopg  # noqa: PLC0415 - only where it is installed
    from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    connection: Any = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    connection.execute(f"SET synchronous_commit = {'off' if variant == 'N' else 'on'}")
    saver = PostgresSaver(connection, serde=strict_serializer())
    saver.setup()
    return Bare(connection, saver, variant)
