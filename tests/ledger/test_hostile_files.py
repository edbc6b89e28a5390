"""A file that was made to do harm costs a verification one sentence: no crash, no endless query, bounded memory."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import LedgerDamaged, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import LARGEST_VALUE
from hitl_orchestrator.ledger.keys.files import new_key
from hitl_orchestrator.ledger.store import snapshot
from hitl_orchestrator.orchestrator import LedgerAudit

KEY = new_key()
ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i AS {} FROM n"


@pytest.fixture
def file(tmp_path) -> Path:
    """A store with one finished case, without the triggers that prevent mistakes."""
    file = tmp_path / "hitl.db"
    with Orchestrator.open(f"sqlite:///{file}", seal_key=KEY) as hitl:
        hitl.submit(a_task(), an_output())
        hitl.submit(a_task("task-2"), an_output("task-2", 0.5))
    return file


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            connection.execute(sql)
        for _, sql in () if any("VIEW events" in each for each in statements) else triggers:
            connection.execute(sql)


def problem(file: Path, key: str | None = KEY) -> str:
    try:
        with LedgerAudit(f"sqlite:///{file}", seal_key=key) as audit:
            found = audit.verify().problem
    except LedgerDamaged as exc:
        found = exc.problem
    assert found is not None
    assert "\n" not in found
    return found


@pytest.mark.parametrize("table", ["events", "ledger_head", "reviews", "payloads"])
def test_a_view_that_never_ends_is_not_read(file, table):
    run(file, f"ALTER TABLE {table} RENAME TO hidden", f"CREATE VIEW {table} AS {ENDLESS.format('seq')}")

    assert f"the table {table!r} is missing" in problem(file)


def test_a_revision_that_never_ends_is_not_read(file):
    view = f"CREATE VIEW alembic_version AS {ENDLESS.format('version_num')}"
    run(file, "ALTER TABLE alembic_version RENAME TO hidden", view)

    with pytest.raises(LedgerDamaged, match="table alembic_version, which states the version"):
        LedgerAudit(f"sqlite:///{file}", seal_key=KEY)


def test_a_generated_column_is_not_computed(file):
    run(file, "ALTER TABLE cases ADD COLUMN made TEXT AS (hex(zeroblob(900000000)))")

    assert "the table 'cases' differs" in problem(file)


@pytest.mark.parametrize(("table", "column"), [("events", "entry"), ("contents", "body"), ("reviews", "shown")])
def test_a_giant_value_is_not_read(file, table, column):
    run(file, f"UPDATE {table} SET {column} = zeroblob({LARGEST_VALUE + 1})")

    assert "too big" in problem(file)


@pytest.mark.parametrize("key", [KEY, None], ids=["with the key", "without"])
def test_deep_json_is_no_crash(file, key):
    deep = "'" + "[" * 200_000 + "'"
    for sql in (f"UPDATE reviews SET shown = {deep}", f"UPDATE events SET entry = {deep} WHERE seq = 3"):
        run(file, sql)
        assert problem(file, key)


def test_the_rows_of_one_case_are_bounded(file, monkeypatch):
    monkeypatch.setattr(snapshot, "MOST_ROWS", 50)
    run(
        file,
        f"INSERT INTO refusals SELECT (SELECT min(case_id) FROM cases), i, 1 FROM ({ENDLESS.format('i')} LIMIT 1000)",
    )

    assert "more than 50 rows of one kind" in problem(file)


def test_a_damaged_page_is_named(file):
    with file.open("r+b") as opened:
        for page in range(2, file.stat().st_size // 4096):
            opened.seek(page * 4096)
            opened.write(b"\xff" * 64)

    with suppress(StoreUnavailable):  # where not even the schema can be read
        assert problem(file)


def test_verification_changes_no_byte_and_leaves_no_file(file):
    before = file.read_bytes()
    folder = sorted(file.parent.iterdir())

    with LedgerAudit(f"sqlite:///{file}", seal_key=KEY) as audit:
        assert audit.verify().sound

    assert file.read_bytes() == before
    assert sorted(file.parent.iterdir()) == folder
