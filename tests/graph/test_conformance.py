"""Our checkpointers keep the contract of LangGraph, by its own conformance suite."""

import asyncio
from contextlib import closing

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from hitl_orchestrator.graph.checkpoints import sqlite_checkpoints
from hitl_orchestrator.graph.postgres_checkpoints import postgres_checkpoints

BASE = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
KEY = bytes(range(32))


@pytest.fixture(params=["memory", "sqlite", "postgres", "memory, encrypted", "postgres, encrypted"])
def opening(request, tmp_path):
    """Return how to open a checkpointer of each kind."""
    kind, _, encrypted = request.param.partition(", ")
    key = KEY if encrypted else None
    if kind == "postgres":
        url = request.getfixturevalue("postgres_store")
        return lambda: postgres_checkpoints(url, key)
    place = ":memory:" if kind == "memory" else str(tmp_path / "checkpoints.db")
    return lambda: sqlite_checkpoints(place, key)


def test_every_checkpointer_passes_the_conformance_suite_of_langgraph(opening):
    @checkpointer_test(name="ours")
    async def ours():
        checkpoints = opening()
        with closing(checkpoints.conn):
            yield checkpoints

    report = asyncio.run(validate(ours))

    assert {name: result.failures for name, result in report.results.items() if result.failures} == {}
    assert {name for name, result in report.results.items() if result.passed} == BASE
    assert sum(result.tests_passed for result in report.results.values()) >= 58
