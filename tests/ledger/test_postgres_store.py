"""The guarantees of the PostgreSQL database itself, for every client, and the parsing of its addresses."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.schema import CreateIndex
from support.builders import AGENT, NINE, a_routing, a_submission, an_outcome
from support.postgres_fixtures import new_store
from support.postgres_server import direct_connection

from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.ledger.database.address import can_be_read, shown
from hitl_orchestrator.ledger.database.tables import metadata
from hitl_orchestrator.wiring.stores import open_ledger, store_exists

REFUSED = "the ledger is append-only"


@pytest.fixture
def database(postgres_store):
    from hitl_orchestrator.ledger.database.postgres import PostgresDatabase  # noqa: PLC0415
    from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: PLC0415 - only where it is installed

    with closing(PostgresDatabase(Connections(postgres_store))) as database:
        yield database


@pytest.fixture
def finished(postgres_store):
    """A store with one finished case."""
    with closing(open_ledger(postgres_store)) as ledger:
        case = ledger.receive(a_submission("case-1"), AGENT)
        ledger.finish(an_outcome(case.submission), a_routing("auto_approve"), NINE)
    return postgres_store


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET entry = '{}' WHERE seq = 1",
        "UPDATE events SET digest = 'x'",
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events",
        "TRUNCATE events",
        "TRUNCATE events CASCADE",
        "INSERT INTO events VALUES (1, 'c', 'k', '{}', 'x', 'x') ON CONFLICT (seq) DO UPDATE SET entry = '{}'",
        "MERGE INTO events USING (VALUES (1)) AS v(n) ON seq = n WHEN MATCHED THEN DELETE",
    ],
)
def test_entries_can_neither_be_changed_nor_deleted(finished, sql, role):
    def entries():
        with direct_connection(finished) as connection:
            return connection.execute("SELECT * FROM events ORDER BY seq").fetchall()

    before = entries()

    with pytest.raises(Exception, match=REFUSED), direct_connection(finished) as connection:
        connection.execute(f"SET session_replication_role = {role}; {sql}")

    assert entries() == before != []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("INSERT INTO events VALUES (99, 'case-1', 'finished', '{}', 'x', 'x')", "one_outcome_per_case"),
        ("INSERT INTO events VALUES (1, 'case-9', 'submitted', '{}', 'x', 'x')", "events_pkey"),
        (
            "INSERT INTO reviews (review_id, case_id, level, role, domain, status, version, digest, shown, opened_at, "
            "queued_at, place, due_at, expires_at, remind_at, task_type, risk_level, policy_hash, needed_role, "
            "needed_under, replayed, seal) "
            "SELECT 'r' || n, 'case-1', n, 'r', 'd', "
            "'open', 1, 'x', '{}', 'now', 'now', 1, 'now', 'now', 'now', 't', 'low', 'h', 'r', 'h', 0, 's' "
            "FROM generate_series(0, 1) AS n",
            "one_open_review_per_case",
        ),
    ],
)
def test_the_schema_rejects_duplicates(finished, sql, rule):
    with pytest.raises(Exception, match=rule), direct_connection(finished) as connection:
        connection.execute(sql)


def test_the_migrations_create_the_tables_of_the_code(database):
    engine = database.engine()
    with engine.connect() as connection:
        foreign = {"include_name": lambda name, kind, _: kind != "table" or not name.startswith("checkpoint")}
        context = MigrationContext.configure(connection, opts=foreign)
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_the_migrations_create_the_partial_indexes_of_the_code(database, empty_database):
    """Alembic does not compare the conditions of indexes, and these carry promises."""
    engine = database.engine()
    for table in metadata.tables.values():
        for index in table.indexes:
            # The tables know the condition for SQLite alone, so that SQLite needs nothing of PostgreSQL.
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    with engine.connect() as connection:
        indexes = {index.name: index for table in metadata.tables.values() for index in table.indexes}
        made = dict(connection.exec_driver_sql("SELECT indexname, indexdef FROM pg_indexes").fetchall())
        with direct_connection(empty_database) as known:
            for table in metadata.sorted_tables:
                columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
                known.execute(f"CREATE TABLE {table.name} ({columns})")
            for index in indexes.values():
                known.execute(str(CreateIndex(index).compile(engine)))
            wanted = dict(known.execute("SELECT indexname, indexdef FROM pg_indexes").fetchall())
    engine.dispose()

    assert {name: made[name] for name in indexes} == {name: wanted[name] for name in indexes}


def test_a_store_of_another_version_is_rejected_unchanged(postgres):
    store = new_store(postgres)
    with direct_connection(store) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreUnavailable, match="use the version that created it"):
        open_ledger(store)

    with direct_connection(store) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_an_empty_database_becomes_a_store(empty_database):
    assert not store_exists(empty_database)

    with closing(open_ledger(empty_database)) as ledger:
        assert list(ledger.events()) == []

    assert store_exists(empty_database)


def test_threads_can_create_one_store_concurrently(empty_database):
    together = Barrier(6)

    def make(_):
        together.wait()
        with closing(open_ledger(empty_database)) as ledger:
            ledger.receive(a_submission("case-1"), AGENT)
            return len(list(ledger.events()))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(make, range(6))) == {1}


MAKE = """
import sys
from datetime import UTC, datetime
from hitl_orchestrator.graph.postgres_checkpoints import postgres_checkpoints
from hitl_orchestrator.ledger.database import migrate
from hitl_orchestrator.ledger.store import ledger as sql
from hitl_orchestrator.ledger.events.policy_builders import recorded
from hitl_orchestrator.wiring.stores import open_ledger
print("ready", flush=True)
sys.stdin.readline()
ledger = open_ledger(sys.argv[1])
checkpoints = postgres_checkpoints(sys.argv[1])
ledger.govern([recorded("p", "h", {"rules": []}, "people", datetime(2025, 1, 1, tzinfo=UTC))], 0)
print(len(list(ledger.events())), checkpoints.holds("x"), flush=True)
ledger.close()
checkpoints.conn.close()
"""


def test_processes_can_create_one_store_and_its_checkpoints_concurrently(empty_database):
    command = [sys.executable, "-c", MAKE, empty_database]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for maker in makers:
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        maker.stdin.write("go\n")
        maker.stdin.flush()

    assert [maker.communicate()[0] for maker in makers] == ["1 False\n"] * 3
    assert [maker.returncode for maker in makers] == [0] * 3


def test_a_database_with_another_encoding_is_rejected(postgres):
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")

    with pytest.raises(StoreUnavailable, match="its encoding is LATIN1; make the database with ENCODING 'UTF8'"):
        open_ledger(postgres.url("latin"))


def setting(conn, name):
    return conn._connection.execute(f"SHOW {name}").fetchone()[name]


@pytest.mark.parametrize(
    ("asked_for", "flushes_as"),
    # Flushed behind the commit, without the lock; what waits for a standby is not.
    [
        ("on", "off"),
        ("off", "off"),
        ("local", "off"),
        ("remote_apply", "remote_apply"),
        ("remote_write", "remote_write"),
    ],
)
def test_only_commits_that_wait_for_a_standby_wait_with_the_lock(postgres_store, asked_for, flushes_as):
    from hitl_orchestrator.ledger.database.postgres import PostgresDatabase  # noqa: PLC0415
    from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: PLC0415 - only where it is installed

    url = f"{postgres_store}?options=-csynchronous_commit%3D{asked_for}"
    with closing(PostgresDatabase(Connections(url))) as database:
        with database.write() as conn:
            flushed = setting(conn, "synchronous_commit")
        with database.write(flush=False) as conn:
            unflushed = setting(conn, "synchronous_commit")

    assert (flushed, unflushed) == (flushes_as, "off")


def test_a_reader_sees_one_consistent_state_and_cannot_write(database, finished):
    with database.read() as conn:
        before = conn._connection.execute("SELECT count(*) AS n FROM policies").fetchone()
        with direct_connection(finished) as connection:
            connection.execute("INSERT INTO policies VALUES ('h', 'p', '{}', 1)")
        assert conn._connection.execute("SELECT count(*) AS n FROM policies").fetchone() == before
    with pytest.raises(StoreUnavailable, match="read-only"), database.read() as conn:
        conn._connection.execute("INSERT INTO policies VALUES ('i', 'p', '{}', 1)")


def test_a_writer_that_holds_the_lock_too_long_is_reported(postgres_store, monkeypatch):
    from hitl_orchestrator.ledger.database import postgres  # noqa: PLC0415 - only where it is installed
    from hitl_orchestrator.ledger.database import postgres_connections as connections  # noqa: PLC0415 - only where it is installed

    monkeypatch.setattr(connections, "SESSION", f"{connections.SESSION}; SET lock_timeout = 50")
    with closing(open_ledger(postgres_store)) as ledger, direct_connection(postgres_store) as connection:
        connection.execute(f"SELECT pg_advisory_xact_lock({postgres.WRITER})")

        with pytest.raises(StoreUnavailable, match="another writer held it"):
            ledger.receive(a_submission(), AGENT)

        assert list(ledger.events()) == []
        connection.rollback()
        ledger.receive(a_submission(), AGENT)


def fails_unnoticed(conn):
    with pytest.raises(Exception, match="division"):
        conn._connection.execute("SELECT 1 / 0").fetchone()


def test_a_failed_transaction_is_not_reported_as_committed(database):
    with pytest.raises(StoreUnavailable, match="pipeline aborted"), database.write() as conn:
        fails_unnoticed(conn)


AWAY = [
    "postgresql://ana:sesame@127.0.0.1:1/db",
    "postgres://ana:sesame@127.0.0.1:1/db?connect_timeout=2",
    "postgresql://ana@127.0.0.1:1/db?password=sesame",
    "postgresql://%2Fno%2Fsuch%2Ffolder/db?user=ana&password=sesame",
]
UNREADABLE = [
    "postgresql://ana:ses/ame@host/db",
    "postgresql://ana:sesame@x@host/db",
    "postgresql://ana:1234/sesame@host/db",
    "postgresql://ana:sesame#1@host/db",
    "postgresql://ana:ses%ame@host/db",
    "postgresql://ana:ses ame@host/db",
    "postgresql://ana@host/db?password=sesame@2",
    "postgresql://ana@host:port/db?password=sesame",
    "postgresql://ana@host/db?passwort=sesame",
    "postgresql+psycopg://ana:sesame@host/db",
    "mysql://ana:sesame@host/db",
    "host=127.0.0.1 password=sesame",
]


@pytest.mark.parametrize("url", AWAY + UNREADABLE)
def test_no_error_shows_a_password(postgres, url, caplog):
    with pytest.raises(HitlError) as failure:
        open_ledger(url)

    chain: list[BaseException] = [failure.value]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    texts = [str(exc) for exc in chain] + [repr(vars(failure.value)), caplog.text]
    assert [text for text in texts if "sesame" in text or "ses" in text.split()] == []
    assert isinstance(failure.value, StoreUnavailable)


@pytest.mark.parametrize(
    ("url", "as_shown"),
    [
        ("postgresql://ana:sesame@host:5433/db", "postgresql://ana:***@host:5433/db"),
        ("postgresql://ana@a:1,b:2/db?sslmode=verify-full&sslrootcert=/x/y", "postgresql://ana@a:1,b:2/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgres://[::1]/db", "postgres://[::1]/db"),
        ("postgresql://ana:p%40ss@%2Frun%2Fpg/db", "postgresql://ana:***@%2Frun%2Fpg/db"),
    ],
)
def test_an_address_is_shown_without_its_password(url, as_shown):
    assert can_be_read(url)
    assert shown(url) == as_shown


def test_a_long_invalid_address_is_rejected_quickly():
    assert not can_be_read("postgresql://" + "a," * 20_000 + "@")
    assert not can_be_read("postgresql://h/d?" + "a=" * 20_000 + "@")


WITHOUT = """
import sys
sys.modules["psycopg"] = None
from hitl_orchestrator.cli import main
sys.exit(main())
"""


def test_the_command_line_names_the_missing_extra():
    command = [sys.executable, "-c", WITHOUT, "inbox", "--store", "postgresql://ana:sesame@host/db"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "pip install '.[postgres]'" in done.stderr
    assert "sesame" not in done.stderr + done.stdout


IMPORTED = """
import sys
from hitl_orchestrator.cli import main
try:
    main()
finally:
    heavy = ("psycopg", "alembic", "sqlalchemy.dialects.postgresql", "langgraph")
    print(sorted(name for name in sys.modules if name.startswith(heavy)), file=sys.stderr)
"""


def test_the_inbox_on_sqlite_imports_nothing_of_postgresql(tmp_path):
    store = f"sqlite:///{tmp_path / 'hitl.db'}"
    open_ledger(store).close()

    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "inbox", "--json", "--store", store],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "[]\n")


def test_the_command_line_creates_no_tables_when_reading(empty_database):
    command = [sys.executable, "-m", "hitl_orchestrator.cli", "inbox", "--store", empty_database]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "it holds no cases yet; 'hitl run' creates one" in done.stderr
    assert not store_exists(empty_database)
