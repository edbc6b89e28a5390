"""A SQLite file that this process may only read."""

import sqlite3
from contextlib import closing

import pytest

from hitl_orchestrator.errors import StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.migrate import migrate
from hitl_orchestrator.ledger.database.sqlite_read_only import ReadOnlySqliteDatabase
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.wiring.stores import open_ledger

COUNT = Statement("count", *["SELECT count(*) AS entries FROM events"] * 2)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a folder?" / "hitl#1.db"
    path.parent.mkdir()
    open_ledger(f"sqlite:///{path}").close()
    path.with_name("hitl#1.db.key").unlink()
    return path


@pytest.fixture
def database(path):
    with closing(ReadOnlySqliteDatabase(str(path), "sqlite:///hitl.db")) as database:
        yield database


def writer(path):
    return closing(sqlite3.connect(path, isolation_level=None))


def test_reading_leaves_no_file_beside_it_and_changes_none(path, database):
    before = path.read_bytes()
    migrate(database, None)
    with database.read() as transaction:
        assert transaction.first(COUNT)["entries"] == 0
        assert list(transaction.integrity_errors()) == []
    assert list(database.stream(COUNT)) == [(0,)]
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_its_log_is_read_too(path, database):
    with writer(path) as other:
        other.execute("CREATE TABLE extra AS SELECT 7 AS value")
        with database.read() as transaction:
            assert transaction._connection.execute("SELECT value FROM extra").fetchone()[0] == 7


def test_a_change_while_it_is_read_is_named_and_not_called_damage(path, database):
    def read_while_it_changes():
        with database.read() as transaction, writer(path) as other:
            other.execute("CREATE TABLE extra AS SELECT 7 AS value")
            transaction.first(COUNT)

    with pytest.raises(StoreUnavailable, match="another process changed it while it was read; repeat the command"):
        read_while_it_changes()


@pytest.mark.parametrize("write", [lambda database: database.write().__enter__(), lambda database: database.scrub()])
def test_writing_is_refused_with_the_reason(database, write):
    with pytest.raises(StoreUnavailable, match="may not write the file or its folder; nothing was written"):
        write(database)


def test_tables_of_an_older_version_are_named_and_not_migrated(path, database):
    with writer(path) as other:
        other.execute("UPDATE alembic_version SET version_num = '0001'")
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="tables are of another version, and cannot be migrated"):
        migrate(database, None)
    assert path.read_bytes() == before


def test_use_after_close_is_refused(database):
    database.close()
    with pytest.raises(StoreClosed):
        database.revision()


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "hitl.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        ReadOnlySqliteDatabase(str(tmp_path / "hitl.db"), "sqlite:///hitl.db").revision()
