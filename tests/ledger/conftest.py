"""Every store, by name. A new store is one more line in STORES, and the whole suite of promises holds it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.wiring import open_ledger

STORES: dict[str, Callable[[Path], str]] = {
    "memory": lambda folder: "memory://",
    "sqlite": lambda folder: f"sqlite:///{folder / 'hitl.db'}",
}


@pytest.fixture(params=STORES)
def ledger(request, tmp_path) -> Iterator[Ledger]:
    opened = open_ledger(STORES[request.param](tmp_path))
    yield opened
    opened.close()


@pytest.fixture(params=STORES, scope="module")
def shared_ledger(request, tmp_path_factory) -> Iterator[Ledger]:
    """One store for all the examples of a property."""
    opened = open_ledger(STORES[request.param](tmp_path_factory.mktemp("shared")))
    yield opened
    opened.close()


@pytest.fixture
def store_file(tmp_path) -> Path:
    return tmp_path / "hitl.db"


@pytest.fixture
def sqlite_ledger(store_file) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{store_file}")
    yield opened
    opened.close()
