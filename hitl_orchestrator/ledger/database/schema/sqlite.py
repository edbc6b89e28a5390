"""The schema of a SQLite database. It stores the text of every object, so that texts are compared."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from typing import NamedTuple

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from hitl_orchestrator.ledger.database.ports import NEWEST, SchemaDefect
from hitl_orchestrator.ledger.database.schema.names import OURS
from hitl_orchestrator.ledger.database.tables import metadata

_OBJECTS = "SELECT type, name, tbl_name, sql FROM main.sqlite_master ORDER BY rowid LIMIT 10000"
# Those that the query planner makes on request of the owner; they change no result.
_STATISTICS = frozenset({"sqlite_stat1", "sqlite_stat4"})
# LangGraph's tables, made when a store is first opened for work.
_CHECKPOINTS = (
    "CREATE TABLE checkpoints ( thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', "
    "checkpoint_id TEXT NOT NULL, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB, "
    "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id) )"
)
_WRITES = (
    "CREATE TABLE writes ( thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', "
    "checkpoint_id TEXT NOT NULL, task_id TEXT NOT NULL, task_path TEXT NOT NULL DEFAULT '', idx INTEGER NOT NULL, "
    "channel TEXT NOT NULL, type TEXT, value BLOB, "
    "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) )"
)


class _Object(NamedTuple):
    """A table, an index, a trigger or a view, with the text that made it; None for the index of a constraint."""

    kind: str
    name: str
    table: str
    sql: str | None


_OPTIONAL = {
    each[:2]: each
    for each in (
        _Object("table", "checkpoints", "checkpoints", _CHECKPOINTS),
        _Object("index", "sqlite_autoindex_checkpoints_1", "checkpoints", None),
        _Object("table", "writes", "writes", _WRITES),
        _Object("index", "sqlite_autoindex_writes_1", "writes", None),
    )
}


_ABORT = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
# What the migrations make in addition to the tables and indexes. Alembic, which runs them, is slow to import.
_BESIDE_TABLES = (
    "CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) )",
    f"CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events {_ABORT}",
    f"CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events {_ABORT}",
    "CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events "
    "WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq) OR (NEW.kind IN ('finished', 'execution_started') "
    "AND EXISTS (SELECT 1 FROM events WHERE case_id = NEW.case_id AND kind = NEW.kind)) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
)


@cache
def empty_database() -> bytes:
    """Return a database that equals a migrated one."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as raw:
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        with engine.begin() as connection:
            metadata.create_all(connection, checkfirst=False)
            for statement in _BESIDE_TABLES:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (NEWEST,))
        return raw.serialize()


def defects_in(connection: sqlite3.Connection) -> Iterator[SchemaDefect]:
    """Yield the differences between a database and the migrated one, without reading any of its tables."""
    found, expected = _objects_of(connection), _expected()
    for key, wanted in expected.items():
        stored = found.get(key)
        is_unreadable = wanted.kind == "table"
        if stored is None:
            yield SchemaDefect(f"the {wanted.kind} {wanted.name!r} is missing", is_unreadable)
        elif stored != wanted:
            why = f"the {wanted.kind} {wanted.name!r} differs from the one that the migrations make"
            yield SchemaDefect(why, is_unreadable)
    for key, stored in found.items():
        known = _OPTIONAL.get(key)
        if key in expected or (known is not None and stored == known) or stored.table in _STATISTICS:
            continue
        yield SchemaDefect(f"no migration makes the {stored.kind} {stored.name!r:.80} on {stored.table!r:.80}")


def revision_defects(connection: sqlite3.Connection) -> Iterator[SchemaDefect]:
    """Yield the defect of a table of the revision that does not have one row with the newest one."""
    rows = connection.execute("SELECT version_num FROM alembic_version LIMIT 2").fetchall()
    if [tuple(row) for row in rows] != [(NEWEST,)]:
        yield SchemaDefect(f"the table 'alembic_version' does not have the one row {NEWEST!r}")


@cache
def _expected() -> Mapping[tuple[str, str], _Object]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(empty_database())
        objects = _objects_of(connection)
    missing = OURS - {name for kind, name in objects if kind == "table"}
    if missing:
        raise AssertionError(f"the migrations do not make {missing}")
    return objects


def _objects_of(connection: sqlite3.Connection) -> dict[tuple[str, str], _Object]:
    rows = map(_Object._make, connection.execute(_OBJECTS))
    return {(row.kind, row.name): row._replace(sql=row.sql and " ".join(row.sql.split())) for row in rows}
