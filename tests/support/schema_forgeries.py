"""Forgeries of the schema of a store by a writer of its database without the key."""

from collections.abc import Iterator

from hitl_orchestrator.ledger.database.tables import metadata
from support.forgeries import Forged, Forgery, key_of


def schema_forgeries(forged: Forged) -> Iterator[Forgery]:
    """Yield changes of every table, index, constraint, trigger and view."""
    for table in (*metadata.tables, "alembic_version"):
        yield from _table_forgeries(table)
        yield from _postgres_table_forgeries(table) if forged.is_postgres else ()
    for table in metadata.tables.values():
        for index in table.indexes:
            columns, unique = ", ".join(column.name for column in index.columns), "" if index.unique else "UNIQUE "
            where = index.dialect_options["sqlite"]["where"]
            drop, make = f"DROP INDEX {index.name}", f"CREATE {unique}INDEX {index.name} ON {table.name} ({columns})"
            yield _change(f"index {index.name} dropped", drop)
            if unique and where is None:
                yield _change(f"index {index.name} made unique", drop, make)
            elif not unique:
                yield _change(f"index {index.name} not unique any more", drop, make)
            if where is not None:
                yield _change(f"index {index.name} of other rows", drop, f"{make.replace('UNIQUE ', '')} WHERE 1 = 0")
    yield from _postgres_forgeries() if forged.is_postgres else _sqlite_forgeries(forged)


def _change(name: str, *statements: str) -> Forgery:
    return Forgery(name, [(sql, ()) for sql in statements], name)


def _table_forgeries(table: str) -> Iterator[Forgery]:
    first = "version_num" if table == "alembic_version" else key_of(table)[0]
    yield _change(f"{table}: a column added", f"ALTER TABLE {table} ADD COLUMN extra INTEGER")
    yield _change(f"{table}: a column renamed", f"ALTER TABLE {table} RENAME COLUMN {first} TO renamed")
    yield _change(f"{table}: renamed", f"ALTER TABLE {table} RENAME TO renamed")
    view = f"CREATE VIEW {table} AS SELECT * FROM hidden"
    yield _change(f"{table}: hidden behind a view", f"ALTER TABLE {table} RENAME TO hidden", view)
    copy = f"CREATE TABLE {table} AS SELECT * FROM hidden"
    yield _change(f"{table}: copied without keys", f"ALTER TABLE {table} RENAME TO hidden", copy)
    yield _change(f"{table}: an index added", f"CREATE INDEX added ON {table} ({first})")
    yield _change(f"{table}: a view on it", f"CREATE VIEW added AS SELECT * FROM {table}")
    yield _change(f"{table}: a table beside it", f"CREATE TABLE {table}_2 (a INTEGER)")
    for column in metadata.tables[table].columns if table in metadata.tables else ():
        if not column.primary_key and not column.foreign_keys:
            yield _change(f"{table}: {column.name} dropped", f"ALTER TABLE {table} DROP COLUMN {column.name} CASCADE")


_MUTE = "CREATE FUNCTION mute() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"


def _postgres_table_forgeries(table: str) -> Iterator[Forgery]:
    first = "version_num" if table == "alembic_version" else key_of(table)[0]
    rule = f"CREATE RULE added AS ON {{}} TO {table} DO INSTEAD NOTHING"
    for verb in ("INSERT", "UPDATE", "DELETE"):
        yield _change(f"{table}: a rule for {verb}", rule.format(verb))
    trigger = f"CREATE TRIGGER added BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION mute()"
    yield _change(f"{table}: a trigger added", _MUTE, trigger)
    yield _change(f"{table}: row security", f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    yield _change(f"{table}: a policy", f"CREATE POLICY added ON {table} USING (false)")
    yield _change(f"{table}: a check", f"ALTER TABLE {table} ADD CHECK ({first} IS NOT NULL)")
    yield _change(f"{table}: a default", f"ALTER TABLE {table} ALTER COLUMN {first} SET DEFAULT NULL::text::varchar")
    yield _change(f"{table}: a child", f"CREATE TABLE child () INHERITS ({table})")
    if table in metadata.tables and (table == "cases" or metadata.tables[table].foreign_keys):
        yield _change(f"{table}: foreign keys unchecked", f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    for column in metadata.tables[table].columns if table in metadata.tables else ():
        if not column.nullable and not column.primary_key:
            change = f"ALTER TABLE {table} ALTER COLUMN {column.name} DROP NOT NULL"
            yield _change(f"{table}: {column.name} may be missing", change)
    names = f"SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype <> 'n'"
    body = (
        f"BEGIN EXECUTE 'ALTER TABLE {table} DROP CONSTRAINT ' || ({names} ORDER BY 1 DESC LIMIT 1) || ' CASCADE'; END"
    )
    yield _change(f"{table}: a constraint dropped", f"DO $$ {body} $$")


def _postgres_forgeries() -> Iterator[Forgery]:
    trigger = "TRIGGER events_refuse_change"
    yield _change("the trigger dropped", f"DROP {trigger} ON events")
    yield _change("the trigger disabled", f"ALTER TABLE events DISABLE {trigger}")
    yield _change("the trigger not in every session", f"ALTER TABLE events ENABLE {trigger}")
    yield _change("the trigger renamed", f"ALTER {trigger} ON events RENAME TO other")
    yield _change(
        "the trigger muted", _MUTE.replace("CREATE FUNCTION mute", "CREATE OR REPLACE FUNCTION events_refuse")
    )
    yield _change("a materialized view", "CREATE MATERIALIZED VIEW added AS SELECT 1 AS a")
    yield _change("a sequence", "CREATE SEQUENCE added")
    yield _change("a schema that comes first", "CREATE SCHEMA postgres", "CREATE TABLE postgres.events AS TABLE events")
    yield _change("another revision", "INSERT INTO alembic_version VALUES ('0007')")


def _sqlite_forgeries(forged: Forged) -> Iterator[Forgery]:
    mute = "CREATE TRIGGER {} BEFORE {} ON {} BEGIN SELECT RAISE(IGNORE); END"
    for trigger in forged.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"):
        name = trigger["name"]
        yield _change(f"trigger {name} dropped", f"DROP TRIGGER {name}")
        yield _change(f"trigger {name} muted", f"DROP TRIGGER {name}", mute.format(name, "DELETE", "events"))
        never = trigger["sql"].replace("BEGIN SELECT", "WHEN 1 = 0 BEGIN SELECT").replace("WHEN EXISTS", "AND EXISTS")
        if "AND EXISTS" not in never:
            yield _change(f"trigger {name} never fires", f"DROP TRIGGER {name}", never)
    for table in (*metadata.tables, "checkpoints", "writes"):
        for verb in ("INSERT", "UPDATE", "DELETE"):
            yield _change(f"a trigger for {verb} on {table}", mute.format("added", verb, table))
    yield _change("an index on checkpoints", "CREATE UNIQUE INDEX added ON checkpoints (thread_id)")
    yield _change("another revision", "INSERT INTO alembic_version VALUES ('0007')")
    for table in metadata.tables:
        generated = f"ALTER TABLE {table} ADD COLUMN made TEXT AS (hex(zeroblob(1000000)))"
        yield _change(f"{table}: a generated column", generated)
