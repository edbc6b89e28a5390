"""Stores of earlier revisions are refused by name, and a new store has the newest revision."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from support.stores import address_of

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.migrate import upgrade
from hitl_orchestrator.ledger.database.ports import NEWEST
from hitl_orchestrator.ledger.database.schema.sqlite import empty_database
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


def test_the_schema_that_stores_are_compared_with_is_the_one_that_the_migrations_make():
    """It is made without them, which takes a fraction of the time."""
    one, other = (sqlite3.connect(":memory:", isolation_level=None) for _ in range(2))
    with closing(one) as migrated, closing(other) as made:
        engine = create_engine("sqlite://", creator=lambda: migrated, poolclass=StaticPool)
        with engine.begin() as connection:
            upgrade(connection)
        made.deserialize(empty_database())
        for query in ("SELECT type, name, tbl_name, sql FROM sqlite_master", "SELECT * FROM alembic_version"):
            rows = [sorted(map(plain, each.execute(query))) for each in (migrated, made)]
            assert rows[0] == rows[1]


def plain(row):
    return [" ".join(str(value).split()) for value in row]


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "9999"])
def test_a_store_of_another_revision_is_refused_by_name_and_unchanged(store, revision):
    open_ledger(store).close()
    set_revision(store, revision)

    with pytest.raises(StoreUnavailable, match=f"'{revision}'.*use the version that created it"):
        open_ledger(store)

    assert revision_of(store) == revision
