"""Processes whose threads write together are killed at random instants: nothing acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import writing_process
from support.postgres_fixtures import new_store
from support.postgres_server import IS_THERE, Server
from support.sizes import sized
from support.stores import new_sqlite

from hitl_orchestrator.wiring.signing import signer_of
from hitl_orchestrator.wiring.stores import MEMORY, open_ledger

MOST_ACKNOWLEDGED = 40


class Processes:
    """Processes that write until they are killed."""

    def __init__(self) -> None:
        modules = ["postgres"] if IS_THERE else []
        self._process = subprocess.Popen(
            [sys.executable, writing_process.__file__, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(writing_process.__file__).parents[1])},
        )

    def write(self, store: str, name: str, acknowledgements: int, harm: Callable[[int], object]) -> list[str]:
        """Write until so many cases are acknowledged, do harm to the process, and return all that it acknowledged."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{store} {name}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        lines: list[str] = []
        for line in map(str.strip, self._process.stdout):
            if line == "ended":
                return lines
            lines.append(line)
            if len(lines) == acknowledgements:
                harm(child)
        raise AssertionError("the processes ended")

    def close(self) -> None:
        self._process.communicate()


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


@pytest.fixture
def processes() -> Iterator[Processes]:
    with closing(Processes()) as processes:
        yield processes


def check(store: str, acknowledged: list[str]) -> None:
    """Check that the store holds all that was acknowledged, once, in one chain."""
    with closing(open_ledger(store)) as ledger:
        stored = [event.case_id for event in ledger.events()]
        assert len(set(stored)) == len(stored)
        assert set(acknowledged) <= set(stored)
        assert all(ledger.case(case_id).case_id == case_id for case_id in acknowledged[-3:])
        assert signer_of(ledger, MEMORY).verify(()).problem is None


def survives(store, processes, kills):
    """Kill a process that writes again and again, and check the store now and then."""
    chance, acknowledged = random.Random(kills), []
    for number in range(kills):
        acknowledged += processes.write(store, f"k{number}", chance.randrange(1, MOST_ACKNOWLEDGED), kill)
        if number % 10 == 0:
            check(store, acknowledged)

    check(store, acknowledged)


@sized("kills", ci=6, soak=200)
def test_sqlite_loses_nothing_acknowledged_when_its_writers_are_killed(processes, store_file, kills):
    survives(new_sqlite(store_file), processes, kills)


@sized("kills", ci=4, soak=100)
def test_postgresql_loses_nothing_acknowledged_when_its_writers_are_killed(processes, postgres, kills):
    store = new_store(postgres)

    survives(store, processes, kills)
    postgres.drop(store)


@sized("kills", ci=2, soak=100)
def test_postgresql_loses_nothing_acknowledged_when_its_server_is_killed(processes, own_server, kills):
    store, chance, acknowledged = new_store_of(own_server), random.Random(kills), []

    def kill_server(process: int) -> None:
        own_server.kill()
        kill(process)

    for number in range(kills):
        acknowledged += processes.write(store, f"k{number}", chance.randrange(1, MOST_ACKNOWLEDGED), kill_server)
        own_server.start()
        if number % 10 == 0:
            check(store, acknowledged)

    check(store, acknowledged)


def new_store_of(server: Server) -> str:
    store = server.new_database()
    open_ledger(store).close()
    return store
