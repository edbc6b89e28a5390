"""Stores of earlier revisions are refused by name, and a new store has the newest revision."""

from contextlib import closing

import pytest
from sqlalchemy import text
from support.stores import address_of

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import NEWEST
from hitl_orchestrator.wiring.stores import database_of, open_ledger


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    return address_of("sqlite", tmp_path) if request.param == "sqlite" else request.getfixturevalue("empty_database")


def set_revision(store, revision):
    with closing(database_of(store)) as database, database.engine().begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))


def revision_of(store):
    with closing(database_of(store)) as database:
        return database.revision()


def test_a_new_store_has_the_newest_revision(store):
    open_ledger(store).close()

    assert revision_of(store) == NEWEST


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "9999"])
def test_a_store_of_another_revision_is_refused_by_name_and_unchanged(store, revision):
    open_ledger(store).close()
    set_revision(store, revision)

    with pytest.raises(StoreUnavailable, match=f"'{revision}'.*use the version that created it"):
        open_ledger(store)

    assert revision_of(store) == revision
