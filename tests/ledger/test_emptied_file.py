"""A SQLite store whose tables were removed is not made again under its old key."""

import sqlite3
from contextlib import closing

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import StoreUnavailable


def test_a_file_that_lost_its_tables_is_refused(tmp_path):
    file = tmp_path / "hitl.db"
    with Orchestrator.open(f"sqlite:///{file}") as hitl:
        hitl.submit(a_task(), an_output())
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master")
        connection.execute("PRAGMA writable_schema = OFF")
        connection.execute("VACUUM")
    assert file.stat().st_size > 0

    with pytest.raises(StoreUnavailable, match=r"it has no tables, but 'hitl.db.\w{8}.heads' beside it belongs to an"):
        Orchestrator.open(f"sqlite:///{file}")


def test_a_file_that_a_crash_left_without_tables_becomes_a_store(tmp_path):
    file = tmp_path / "hitl.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("DROP TABLE t")
    (tmp_path / "hitl.db.key").touch(mode=0o600)
    (tmp_path / "hitl.db.key").write_text("ab" * 32)

    with Orchestrator.open(f"sqlite:///{file}") as hitl:
        assert hitl.audit.verify().sound
