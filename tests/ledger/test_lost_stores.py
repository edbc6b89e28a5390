"""A store that was emptied or deleted is not made again silently, as long as its signed heads are where they were."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from support.builders import a_task, an_output
from support.postgres_server import direct_connection

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.keys.files import new_key
from hitl_orchestrator.ledger.verification.head_file import read_heads
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.wiring.lost_stores import left_by_earlier
from hitl_orchestrator.wiring.stores import key_file_of, store_exists

LOST = r"it holds no ledger, but '.*\.\w{8}\.heads' and '.*\.head-key' belong to an earlier store at this address"


def used(store: str, number: int = 1) -> Path:
    """Make a store with a case, or use one, and return its key file."""
    with Orchestrator.open(store) as hitl:
        hitl.submit(a_task(task_id=f"task-{number}"), an_output(task_id=f"task-{number}"))
    return cast(Path, key_file_of(store))


def check_refused_until_moved(store: str, key_file: Path, elsewhere: Path) -> None:
    """The store is refused, audited or opened, until what an earlier one left is moved away."""
    for opened in (Orchestrator.open, LedgerAudit):
        with pytest.raises(StoreUnavailable, match=LOST):
            opened(store)
    assert store_exists(store)
    with pytest.raises(StoreUnavailable, match=LOST):
        Orchestrator.open(store, seal_key=new_key(), head_file=False)
    left = left_by_earlier(key_file)
    for file in left:
        file.rename(elsewhere / file.name)
    assert not store_exists(store)
    used(store)
    with LedgerAudit(store) as audit:
        assert audit.verify().sound
        old = read_heads((elsewhere / left[0].name).read_text(), "heads")
        assert "is of ledger" in str(audit.verify(old).problem)


def test_a_deleted_file_is_not_made_again_beside_its_heads(tmp_path):
    store = f"sqlite:///{tmp_path / 'hitl.db'}"
    key_file = used(store)
    used(store, 2)
    for file in tmp_path.glob("hitl.db*"):
        if file.suffix not in (".key", ".heads", ".head-key"):
            file.unlink()
    (tmp_path / "old").mkdir()

    check_refused_until_moved(store, key_file, tmp_path / "old")


def test_an_emptied_database_is_not_made_again_under_its_address(empty_database, tmp_path):
    key_file = used(empty_database)
    used(empty_database, 2)
    with direct_connection(empty_database) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")

    check_refused_until_moved(empty_database, key_file, tmp_path)


def test_the_heads_of_another_store_are_not_those_of_a_new_one(tmp_path):
    used(f"sqlite:///{tmp_path / 'hitl.db.backup'}")

    assert not store_exists(f"sqlite:///{tmp_path / 'hitl.db'}")
    used(f"sqlite:///{tmp_path / 'hitl.db'}")


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

    with pytest.raises(StoreUnavailable, match=LOST):
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
