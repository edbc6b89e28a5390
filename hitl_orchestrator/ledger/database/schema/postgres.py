"""The schema of a PostgreSQL database. Its catalog is compared with our tables, in the schema that is read."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from hitl_orchestrator.ledger.database.ports import LARGEST_VALUE, NEWEST, SchemaDefect
from hitl_orchestrator.ledger.database.schema.names import OURS, REVISION_TABLE
from hitl_orchestrator.ledger.database.tables import metadata

_RELATIONS = (
    "SELECT relname, relkind::text, relpersistence::text, relrowsecurity OR relforcerowsecurity, "
    "EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid) "
    "FROM pg_class AS c WHERE relnamespace = current_schema()::regnamespace "
    "AND relkind NOT IN ('i', 'I') ORDER BY 1 LIMIT 10000"
)
_COLUMNS = (
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' "
    "FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY c.relname, a.attnum LIMIT 10000"
)
_CONSTRAINTS = (
    "SELECT c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated "
    "FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND k.contype <> 'n' ORDER BY 1, 2 LIMIT 10000"
)
_INDEXES = (
    "SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid), x.indisvalid AND x.indisready "
    "FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace "
    "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = x.indexrelid) "
    "ORDER BY 1, 2 LIMIT 10000"
)
_TRIGGERS = (
    "SELECT c.relname, t.tgname, t.tgisinternal, t.tgenabled::text, pg_get_triggerdef(t.oid), p.prosrc "
    "FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid "
    "WHERE c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2 LIMIT 10000"
)
_RULES = (
    "SELECT c.relname, r.rulename FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class "
    "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' "
    "UNION ALL SELECT c.relname, p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace LIMIT 10000"
)
# LangGraph's tables, made when a store is first opened for work.
_OPTIONAL = frozenset({"checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"})
_THEIR_COLUMNS = {
    "checkpoints": "thread_id checkpoint_ns checkpoint_id parent_checkpoint_id type checkpoint metadata",
    "checkpoint_blobs": "thread_id checkpoint_ns channel version type blob",
    "checkpoint_writes": "thread_id checkpoint_ns checkpoint_id task_id idx channel type blob task_path",
    "checkpoint_migrations": "v",
}
_THEIR_CONSTRAINTS = {
    "checkpoints": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)",
    "checkpoint_blobs": "PRIMARY KEY (thread_id, checkpoint_ns, channel, version)",
    "checkpoint_writes": "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)",
    "checkpoint_migrations": "PRIMARY KEY (v)",
}
_THEIR_INDEXES = {
    (table, f"{table}_thread_id_idx", f"CREATE INDEX {table}_thread_id_idx ON {table} USING btree thread_id")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
}
_REFUSING = (
    "events",
    "events_refuse_change",
    "A",
    "CREATE TRIGGER events_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE "
    "FUNCTION events_refuse",
    "BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END",
)
_KINDS = {"v": "view", "m": "materialized view", "f": "foreign table", "p": "partitioned table", "S": "sequence"}
_TYPES = {
    "VARCHAR": "character varying",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "TEXT": "text",
    "FLOAT": "double precision",
}
_Key = tuple[str, ...]


class _Catalog(Protocol):
    """Runs a query on the catalog."""

    def __call__(self, query: str) -> list[tuple[Any, ...]]:
        """Return its rows."""


class _Difference(NamedTuple):
    """Objects of one kind that are missing, and that no migration makes."""

    missing: list[_Key]
    added: list[_Key]


def defects_in(rows_of: _Catalog) -> Iterator[SchemaDefect]:
    """Yield the differences between the catalog and our tables, without reading any of them."""
    present = set[str]()
    for name, kind, persistence, is_secured, is_inherited in rows_of(_RELATIONS):
        if kind == "r" and name in OURS | _OPTIONAL:
            present.add(name)
            if persistence != "p" or is_secured or is_inherited:
                why = f"the table {name!r} has row security, inherits, or is not logged"
                yield SchemaDefect(why, is_unreadable=name in OURS)
        else:
            yield SchemaDefect(f"no migration makes the {_KINDS.get(kind, 'table')} {name!r:.80}")
    for name in sorted(OURS - present):
        yield SchemaDefect(f"the table {name!r} is missing, or is not a table", is_unreadable=True)
    yield from _column_defects(rows_of(_COLUMNS), present)
    yield from _constraint_defects(rows_of(_CONSTRAINTS), present)
    yield from _index_defects(rows_of(_INDEXES), present)
    yield from _trigger_defects(rows_of(_TRIGGERS))
    for table, name in rows_of(_RULES):
        yield SchemaDefect(f"no migration makes the rule {name!r:.80} on {table!r:.80}", is_unreadable=table in OURS)


def revision_defects(rows_of: _Catalog) -> Iterator[SchemaDefect]:
    """Yield the defect of a table of the revision that does not have one row with the newest one."""
    if rows_of(f"SELECT version_num FROM {REVISION_TABLE} LIMIT 2") != [(NEWEST,)]:  # noqa: S608 - a constant
        yield SchemaDefect(f"the table {REVISION_TABLE!r} does not have the one row {NEWEST!r}")


def size_defects(rows_of: _Catalog) -> Iterator[SchemaDefect]:
    """Yield the tables with a value that is too large to be read. The server knows sizes without reading values."""
    for table in metadata.tables.values():
        texts = [column.name for column in table.columns if isinstance(column.type, String)]
        condition = " OR ".join(f"octet_length({name}) > {LARGEST_VALUE}" for name in texts)
        if rows_of(f"SELECT 1 FROM {table.name} WHERE {condition} LIMIT 1"):  # noqa: S608 - our own names
            why = f"the table {table.name!r} has a value of more than {LARGEST_VALUE:,} bytes"
            yield SchemaDefect(why, is_unreadable=True)


def _column_defects(rows: Iterable[tuple[Any, ...]], present: set[str]) -> Iterator[SchemaDefect]:
    found = {name: list[tuple[Any, ...]]() for name in present}
    for table, *column in rows:
        if table in present:
            found[table].append(tuple(column))
    for table, columns in found.items():
        if table in _OPTIONAL:
            same = " ".join(name for name, *_ in columns) == _THEIR_COLUMNS[table]
        else:
            same = columns == _expected_columns()[table]
        if not same:
            why = f"the columns of table {table!r} differ from those that the migrations make"
            yield SchemaDefect(why, is_unreadable=table in OURS)


def _constraint_defects(rows: Iterable[tuple[Any, ...]], present: set[str]) -> Iterator[SchemaDefect]:
    found: list[_Key] = [(table, _plain(definition) if valid else "not valid") for table, _, definition, valid in rows]
    expected = [*_expected_constraints(), *((name, _plain(text)) for name, text in _THEIR_CONSTRAINTS.items())]
    yield from _defects("constraint", found, [each for each in expected if each[0] in present], present)


def _index_defects(rows: Iterable[tuple[Any, ...]], present: set[str]) -> Iterator[SchemaDefect]:
    found: list[_Key] = [
        (table, name, _plain(definition) if valid else "not valid") for table, name, definition, valid in rows
    ]
    expected = [*_expected_indexes(), *((table, name, _plain(text)) for table, name, text in _THEIR_INDEXES)]
    yield from _defects("index", found, [each for each in expected if each[0] in present], present)


def _trigger_defects(rows: Iterable[tuple[Any, ...]]) -> Iterator[SchemaDefect]:
    found, disabled = list[_Key](), list[tuple[str, str]]()
    for table, name, internal, enabled, definition, source in rows:
        if not internal:
            found.append((table, name, enabled, _plain(definition), " ".join(source.split())))
        elif enabled != "O":
            disabled.append((table, name))
    wanted = (*_REFUSING[:3], _plain(_REFUSING[3]), _REFUSING[4])
    yield from _defects("trigger", found, [wanted], OURS)
    for table, name in disabled:
        yield SchemaDefect(f"the check {name!r} of a foreign key of table {table!r} is disabled")


def _defects(kind: str, found: list[_Key], expected: list[_Key], tables: Iterable[str]) -> Iterator[SchemaDefect]:
    difference = _Difference([key for key in expected if key not in found], list(found))
    for key in expected:
        if key in difference.added:
            difference.added.remove(key)
    for key in difference.missing:
        yield SchemaDefect(f"the {kind} {key[1]!r:.80} of table {key[0]!r} is missing, or was changed")
    for key in difference.added:
        if key[0] in set(tables):
            yield SchemaDefect(f"no migration makes the {kind} {key[1]!r:.80} of table {key[0]!r}")


@cache
def _expected_columns() -> dict[str, list[tuple[Any, ...]]]:
    columns: dict[str, list[tuple[Any, ...]]] = {
        table.name: [(each.name, _type_of(each.type), not each.nullable, False) for each in table.columns]
        for table in metadata.tables.values()
    }
    return columns | {REVISION_TABLE: [("version_num", "character varying(32)", True, False)]}


@cache
def _expected_constraints() -> tuple[_Key, ...]:
    ours = [(table.name, _plain(text)) for table in metadata.tables.values() for text in _constraints_of(table)]
    return (*ours, (REVISION_TABLE, _plain("PRIMARY KEY (version_num)")))


def _constraints_of(table: Table) -> Iterator[str]:
    for each in table.constraints:
        if isinstance(each, PrimaryKeyConstraint):
            yield f"PRIMARY KEY ({_names(each.columns)})"
        elif isinstance(each, UniqueConstraint):
            yield f"UNIQUE ({_names(each.columns)})"
        elif isinstance(each, ForeignKeyConstraint):
            target = each.elements[0].column
            yield f"FOREIGN KEY ({_names(each.columns)}) REFERENCES {target.table.name}({target.name})"


def _names(columns: Iterable[Any]) -> str:
    return ", ".join(column.name for column in columns)


@cache
def _expected_indexes() -> tuple[_Key, ...]:
    return tuple(
        (table.name, str(index.name), _plain(_index_text(table, index)))
        for table in metadata.tables.values()
        for index in table.indexes
    )


def _index_text(table: Table, index: Index) -> str:
    condition = index.dialect_options["sqlite"]["where"]
    text = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {index.name} ON {table.name} USING btree "
    text += f"({_names(index.columns)})"
    return text if condition is None else f"{text} WHERE {condition.text}"


def _type_of(declared: Any) -> str:
    name, _, length = str(declared).partition("(")
    return _TYPES[name] + (f"({length}" if length else "")


def _plain(definition: str) -> str:
    """Return a definition without the casts, brackets and schemas that PostgreSQL adds to the text of a condition."""
    text = re.sub(r"::(character varying|text)(\[\])?", "", definition)
    text = re.sub(r"= ANY \(+ARRAY\[", "IN (", text)
    text = re.sub(r'\b(ON|REFERENCES) (\w+|"[^"]+")\.', r"\1 ", text)
    return " ".join(re.sub(r"[()\[\]]", " ", text).split()).replace(" ,", ",")
