"""Tiny graphs on LangGraph's own savers. Without code of ours: these tests pin the behavior of LangGraph."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph


class Case(TypedDict, total=False):
    task: str
    score: Any
    review: Any
    outcome: Any


@pytest.fixture
def thread() -> dict[str, Any]:
    return {"configurable": {"thread_id": "case-1"}}


@pytest.fixture(params=["memory", "sqlite"])
def saver(request, tmp_path) -> Iterator[BaseCheckpointSaver]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with closing(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@pytest.fixture
def line_on() -> Callable[..., CompiledStateGraph]:
    """Build a graph whose nodes form one line, each named after its function."""

    def build(*nodes: Callable[..., Any], checkpointer: BaseCheckpointSaver | None) -> CompiledStateGraph:
        first, *_ = nodes
        return (
            StateGraph(Case)
            .add_sequence([(node.__name__, node) for node in nodes])
            .add_edge(START, first.__name__)
            .compile(checkpointer=checkpointer)
        )

    return build


@pytest.fixture
def line(line_on, saver) -> Callable[..., CompiledStateGraph]:
    """Build the same on each of LangGraph's savers in turn."""
    return partial(line_on, checkpointer=saver)
