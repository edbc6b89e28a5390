"""One fixture per store, so that every test of the port runs against each of them.

A store in memory runs the same statements as a SQLite file; `test_memory_store.py` tests its differences.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.postgres_fixtures import new_store
from support.stores import address_of, new_sqlite

from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.wiring.stores import open_ledger

STORES = ("sqlite", "postgres")


@pytest.fixture(params=STORES)
def ledger(request, tmp_path) -> Iterator[Ledger]:
    is_server = request.param == "postgres"
    url = request.getfixturevalue("postgres_store") if is_server else new_sqlite(tmp_path / "hitl.db")
    with closing(open_ledger(url)) as opened:
        yield opened


@pytest.fixture(params=STORES, scope="module")
def shared_ledger(request, tmp_path_factory) -> Iterator[Ledger]:
    """One store for all the examples of a property."""
    if request.param == "postgres":
        url = new_store(request.getfixturevalue("postgres"))
    else:
        url = address_of(request.param, tmp_path_factory.mktemp("shared"))
    with closing(open_ledger(url)) as opened:
        yield opened


@pytest.fixture
def store_file(tmp_path) -> Path:
    return tmp_path / "hitl.db"


@pytest.fixture
def sqlite_ledger(store_file) -> Iterator[Ledger]:
    opened = open_ledger(new_sqlite(store_file))
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    return (
        request.getfixturevalue("postgres_store") if request.param == "postgres" else new_sqlite(tmp_path / "hitl.db")
    )
