"""The guarantees of the SQLite file itself, for every client."""

import os
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.builders import AGENT, NINE, a_routing, a_submission, an_outcome

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database import migrate
from hitl_orchestrator.ledger.database.sqlite import SqliteDatabase
from hitl_orchestrator.ledger.database.tables import metadata
from hitl_orchestrator.wiring.stores import open_ledger


@pytest.fixture
def raw(sqlite_ledger, store_file):
    """Return a direct connection to a store with one finished case."""
    case = sqlite_ledger.receive(a_submission("case-1"), AGENT)
    sqlite_ledger.finish(an_outcome(case.submission), a_routing("auto_approve"), NINE)
    with closing(sqlite3.connect(store_file)) as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET entry = '{}' WHERE seq = 1",
        "UPDATE events SET digest = 'x'",
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events VALUES (1, 'case-1', 'submitted', '{}', 'x', 'x')",
        "INSERT OR REPLACE INTO events VALUES (99, 'case-1', 'finished', '{}', 'x', 'x')",
        "INSERT INTO events VALUES (1, 'case-9', 'submitted', '{}', 'x', 'x')",
    ],
)
def test_entries_can_neither_be_changed_nor_deleted(raw, sql):
    before = raw.execute("SELECT * FROM events").fetchall()

    with pytest.raises(sqlite3.IntegrityError, match="the ledger is append-only"):
        raw.execute(sql)

    assert raw.execute("SELECT * FROM events").fetchall() == before


def test_the_schema_rejects_a_second_outcome_of_a_case(raw):
    raw.execute("DROP TRIGGER events_refuse_replace")

    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: events\.case_id"):
        raw.execute("INSERT INTO events VALUES (99, 'case-1', 'finished', '{}', 'x', 'x')")


def test_the_schema_rejects_two_open_reviews_of_a_case(raw):
    columns = (
        "review_id, case_id, level, role, domain, status, version, digest, shown, opened_at, queued_at, place, due_at, "
        "expires_at, remind_at, task_type, risk_level, policy_hash, needed_role, needed_under, replayed, seal"
    )
    values = (
        "?, 'case-1', ?, 'r', 'd', 'open', 1, 'x', '{}', 'now', 'now', 1, 'now', 'now', 'now', 't', 'low', 'h', 'r', "
    )
    values += "'h', 0, 's'"
    row = f"INSERT INTO reviews ({columns}) VALUES ({values})"
    raw.execute(row, ("case-1.0", 0))

    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: reviews\.case_id"):
        raw.execute(row, ("case-1.1", 1))


def test_the_migrations_create_the_tables_of_the_code(sqlite_ledger, store_file):
    engine = SqliteDatabase(str(store_file), "").engine()
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_migrations_create_the_partial_indexes_of_the_code(sqlite_ledger, store_file, tmp_path):
    """Alembic does not compare the conditions of indexes, and these carry promises."""
    engine = SqliteDatabase(str(tmp_path / "known.db"), "").engine()
    metadata.create_all(engine)
    indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    with engine.connect() as known, closing(sqlite3.connect(store_file)) as made:
        assert made.execute(indexes).fetchall() == [tuple(row) for row in known.exec_driver_sql(indexes)]
    engine.dispose()


def test_the_newest_revision_is_the_head_of_the_scripts():
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_heads() == [migrate.NEWEST]


@pytest.mark.parametrize("content", [b"this is no database, it is a note to self\n" * 40, b"SQLite format 3\x00junk"])
def test_a_file_that_is_not_a_database_is_rejected_unchanged(store_file, content):
    store_file.write_bytes(content)

    with pytest.raises(StoreUnavailable, match="cannot be used"):
        open_ledger(f"sqlite:///{store_file}")

    assert store_file.read_bytes() == content


def test_a_folder_is_rejected(tmp_path):
    with pytest.raises(StoreUnavailable):
        open_ledger(f"sqlite:///{tmp_path}")


def test_a_store_in_a_missing_folder_is_rejected(tmp_path):
    with pytest.raises(StoreUnavailable, match="check that the folder exists"):
        open_ledger(f"sqlite:///{tmp_path / 'nowhere' / 'hitl.db'}")


def test_an_empty_file_becomes_a_store(store_file):
    store_file.touch()

    with closing(open_ledger(f"sqlite:///{store_file}")) as ledger:
        assert list(ledger.events()) == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_owner_can_read_the_file_and_its_log(sqlite_ledger, store_file):
    sqlite_ledger.receive(a_submission(), AGENT)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store_file.parent.iterdir()}

    assert set(modes) == {"hitl.db", "hitl.db-wal", "hitl.db-shm", "hitl.db.key"}
    assert set(modes.values()) == {0o600}


def test_threads_can_create_one_store_concurrently(store_file):
    together = Barrier(8)

    def make(number):
        together.wait()
        with closing(open_ledger(f"sqlite:///{store_file}")) as ledger:
            ledger.receive(a_submission("case-1"), AGENT)
            return len(list(ledger.events()))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(make, range(8))) == {1}


MAKE = """
import sys
from datetime import UTC, datetime
from hitl_orchestrator.ledger.database import migrate
from hitl_orchestrator.ledger.store import ledger as sql
from hitl_orchestrator.ledger.events.policy_builders import recorded
from hitl_orchestrator.wiring.stores import open_ledger
print("ready", flush=True)
sys.stdin.readline()
ledger = open_ledger(sys.argv[1])
ledger.govern([recorded("p", "h", {"rules": []}, "people", datetime(2025, 1, 1, tzinfo=UTC))], 0)
print(len(list(ledger.events())), flush=True)
ledger.close()
"""


def test_processes_can_create_one_store_concurrently(store_file):
    command = [sys.executable, "-c", MAKE, f"sqlite:///{store_file}"]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for maker in makers:
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        maker.stdin.write("go\n")
        maker.stdin.flush()

    assert [maker.communicate()[0] for maker in makers] == ["1\n"] * 4
    assert [maker.returncode for maker in makers] == [0] * 4


def test_a_repeated_submission_flushes_the_intake_first(sqlite_ledger, monkeypatch):
    flushed = []
    write = SqliteDatabase.write

    def watched(self, *, flush=True):
        flushed.append(flush)
        return write(self, flush=flush)

    monkeypatch.setattr(SqliteDatabase, "write", watched)
    first = sqlite_ledger.receive(a_submission(), AGENT, driving=True)

    again = sqlite_ledger.receive(a_submission(), AGENT)

    assert again.case_id == first.case_id
    assert flushed == [False, True, True]


def test_the_database_of_another_application_is_refused_untouched(tmp_path):
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("CREATE TABLE users (name); INSERT INTO users VALUES ('ana');")
    before = file.read_bytes()

    with pytest.raises(StoreUnavailable, match="database of another application, with the table 'users'"):
        open_ledger(f"sqlite:///{file}")

    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
