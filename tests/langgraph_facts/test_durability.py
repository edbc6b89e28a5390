"""The commits of each durability mode. Commits are counted on the connection itself."""

import sqlite3
from contextlib import closing
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

ALONE = {"task": "refund", "needs_human": False}
WITH_A_PERSON = {"task": "refund", "needs_human": True}


class Case(TypedDict, total=False):
    task: str
    needs_human: bool
    step: str
    review: Any


def classify(state):
    return {"step": "classified"}


def score(state):
    return {"step": "scored"}


def route(state):
    return {"step": "routed"}


def human_review(state):
    return {"review": interrupt("approve?")}


def finalize(state):
    return {"step": "finished"}


@pytest.fixture
def connection(tmp_path):
    with closing(sqlite3.connect(tmp_path / "counted.db", check_same_thread=False)) as connection:
        yield connection


@pytest.fixture
def commits(connection) -> list[str]:
    """Return every COMMIT that the connection has run since the tables were made; it grows as they come."""
    seen: list[str] = []
    SqliteSaver(connection).setup()
    connection.set_trace_callback(lambda statement: seen.append(statement) if statement == "COMMIT" else None)
    return seen


@pytest.fixture
def flow(connection):
    """Build the product's shape: five nodes, of which the interrupting one is skipped where no review is needed."""
    return (
        StateGraph(Case)
        .add_sequence([classify, score, route])
        .add_node(human_review)
        .add_node(finalize)
        .add_edge(START, "classify")
        .add_conditional_edges("route", lambda state: "human_review" if state["needs_human"] else "finalize")
        .add_edge("human_review", "finalize")
        .add_edge("finalize", END)
        .compile(checkpointer=SqliteSaver(connection))
    )


@pytest.mark.parametrize(("durability", "expected"), [("sync", 11), ("async", 11), (None, 11), ("exit", 1)])
def test_commits_of_a_run_without_an_interrupt(flow, thread, commits, durability, expected):
    flow.invoke(ALONE, thread, durability=durability)

    assert len(commits) == expected


@pytest.mark.parametrize(("durability", "expected"), [("sync", (10, 5)), ("async", (10, 5)), ("exit", (2, 1))])
def test_commits_of_a_pause_and_a_resume(flow, thread, commits, durability, expected):
    flow.invoke(WITH_A_PERSON, thread, durability=durability)
    paused = len(commits)
    flow.invoke(Command(resume="approve"), thread, durability=durability)

    assert (paused, len(commits) - paused) == expected


def test_every_further_node_of_a_run_costs_two_commits_more_with_sync(line_on, thread, connection, commits):
    def fifth(state):
        return {"score": 1}

    graph = line_on(classify, score, route, fifth, finalize, checkpointer=SqliteSaver(connection))
    graph.invoke({"task": "refund"}, thread, durability="sync")

    assert len(commits) == 13


@pytest.mark.parametrize(("durability", "stored"), [("sync", True), ("exit", False)])
def test_a_crash_during_a_run_leaves_a_checkpoint_only_with_sync(line_on, thread, tmp_path, durability, stored):
    database = tmp_path / "crashing.db"
    rows = []

    def look_from_outside(state):
        with closing(sqlite3.connect(database)) as other:
            rows.extend(other.execute("SELECT checkpoint_id FROM checkpoints").fetchall())

    with closing(sqlite3.connect(database, check_same_thread=False)) as connection:
        graph = line_on(classify, look_from_outside, checkpointer=SqliteSaver(connection))
        graph.invoke({"task": "refund"}, thread, durability=durability)

    assert bool(rows) is stored


def test_with_exit_a_finished_run_leaves_one_checkpoint_and_no_writes(flow, thread, connection):
    flow.invoke(ALONE, thread, durability="exit")

    assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM writes").fetchone() == (0,)


def test_with_exit_a_run_that_fails_is_stored_where_it_failed(line_on, thread, connection):
    def fails_once(state):
        fails_once.calls += 1
        if fails_once.calls == 1:
            raise ConnectionError("the model is away")

    fails_once.calls = 0
    graph = line_on(classify, fails_once, finalize, checkpointer=SqliteSaver(connection))
    with pytest.raises(ConnectionError):
        graph.invoke({"task": "refund"}, thread, durability="exit")
    assert graph.get_state(thread).next == ("fails_once",)

    graph.invoke(None, thread, durability="exit")

    assert graph.get_state(thread).next == ()


def test_deleting_a_thread_leaves_no_row_behind(flow, thread, connection):
    flow.invoke(WITH_A_PERSON, thread, durability="exit")

    flow.checkpointer.delete_thread("case-1")

    assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM writes").fetchone() == (0,)
