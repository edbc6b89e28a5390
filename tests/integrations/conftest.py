"""A host for each framework, which forks a process for each step of an agent's life."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(params=["plain_agent", "openai_agent", "pydantic_agent", "adk_agent"])
def host(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Return a function that has an order carried out in a process of its own, and returns its output."""
    command = [sys.executable, "-W", "ignore", "-m", "support.agents.host", request.param]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    ) as process:
        assert process.stdin
        assert process.stdout

        def do(order: dict[str, Any]) -> Any:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield do
        process.stdin.close()


@pytest.fixture
def run(host: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Return the host's function, bound to a store and a folder of this test."""
    place = {"store": f"sqlite:///{tmp_path / 'hitl.db'}", "folder": str(tmp_path)}
    return lambda do, **order: host({"do": do, **place, **order})
