"""An orchestrator on every store, with a clock that a test moves and people whose rights differ."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from support.attacker import Intruder
from support.builders import FakeClock, a_task, an_output
from support.stores import new_sqlite
from support.teams import PEOPLE, TEAM, a_policy

from hitl_orchestrator import Case, Orchestrator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sqlite_store(tmp_path) -> str:
    return new_sqlite(tmp_path / "hitl.db")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request) -> str:
    return "memory://" if request.param == "memory" else request.getfixturevalue(f"{request.param}_store")


@pytest.fixture(params=["sqlite", "postgres"])
def durable_store(request) -> str:
    """A store that outlives the process."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def opened(clock) -> Iterator[Callable[..., Orchestrator]]:
    """Open orchestrators that are closed when the test is over."""
    with ExitStack() as stack:

        def open_one(store: str, **options: Any) -> Orchestrator:
            return stack.enter_context(Orchestrator.open(store, **{"clock": clock, "reviewers": PEOPLE, **options}))

        yield open_one


@pytest.fixture
def hitl(opened, store) -> Orchestrator:
    return opened(store)


@pytest.fixture
def intruder(durable_store) -> Iterator[Intruder]:
    """An attacker who can write the tables of the durable store."""
    intruder = Intruder(durable_store)
    yield intruder
    intruder.rearm()


@pytest.fixture
def durable(opened, durable_store) -> Orchestrator:
    return opened(durable_store)


@pytest.fixture
def waits() -> Callable[..., Case]:
    """Submit a task that needs a person: a domain reviewer, or with a high risk a senior manager."""

    def submit(hitl: Orchestrator, task_id: str = "task-1", risk: str = "low", output: Any = None, **task: Any) -> Case:
        given = output or an_output(task_id, confidence=0.5)
        return hitl.submit(a_task(task_id, risk_level=risk, **task), given)

    return submit


@pytest.fixture
def team(opened, store) -> Callable[..., Orchestrator]:
    """Open the store with a team, under one rule with these review requirements."""
    return lambda **asking: opened(store, reviewers=TEAM, policy=a_policy(**asking))


class Zygote:
    """Starts processes that die, and returns the operations that they acknowledged."""

    def __init__(self) -> None:
        script = Path(__file__).parents[1] / "support" / "forked_process.py"
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, do: str, **order: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="session")
def process() -> Iterator[Zygote]:
    with closing(Zygote()) as zygote:
        yield zygote
