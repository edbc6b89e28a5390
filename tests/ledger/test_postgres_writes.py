"""How a transaction is written to PostgreSQL: flushed without the lock, in two round trips, many rows at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import Any

import pytest
from support.builders import AGENT, NINE, a_shown, a_submission
from support.cutting_proxy import ANSWERED, BEFORE, MOMENTS, SENT, Proxy
from support.postgres_fixtures import need_postgres
from support.postgres_server import Server, direct_connection

from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import TransientStoreError, UniqueViolation, retried
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.store.sql.events import ADD_PAYLOAD
from hitl_orchestrator.wiring.stores import open_ledger

need_postgres()
from hitl_orchestrator.ledger.database.postgres import WRITER, PostgresDatabase  # noqa: E402
from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: E402

_ALL = "SELECT digest, body FROM payloads"
ALL = Statement("payloads", _ALL, _ALL)
_UNLIKE = (
    "INSERT INTO payloads (digest, case_id, body, seal) VALUES (%(digest)s, %(case_id)s, %(body)s, upper(%(seal)s))"
)
UNLIKE = Statement("changed", _UNLIKE, _UNLIKE)
THOUSAND = [{"digest": f"{n}", "case_id": "c", "body": "\\N\t\n é\\", "seal": "s"} for n in range(1000)]


def row(name: str) -> dict[str, Any]:
    return {"digest": name, "case_id": "c", "body": "b", "seal": "s"}


@pytest.fixture
def database(postgres_store) -> Iterator[PostgresDatabase]:
    with closing(PostgresDatabase(Connections(postgres_store))) as database:
        yield database


@pytest.fixture
def proxy(postgres) -> Iterator[Proxy]:
    with closing(Proxy(postgres.folder)) as proxy:
        yield proxy


@pytest.fixture
def distant(proxy, postgres_store) -> Iterator[PostgresDatabase]:
    """The same database behind the proxy."""
    with closing(PostgresDatabase(Connections(proxy.url(postgres_store)))) as database:
        yield database


_PLACE = "SELECT pg_current_wal_insert_lsn()::text AS place"
PLACE = Statement("place in the log", _PLACE, _PLACE)


def write_a(database: PostgresDatabase, *, flush: bool) -> str:
    """Write a row, and return its place in the log of the server."""
    with database.write(flush=flush) as transaction:
        transaction.run(ADD_PAYLOAD, **row("a"))
        return str(transaction.first(PLACE)["place"])


def is_flushed(server: Server, place: str) -> bool:
    """Return whether a crash of the server would keep what stands before this place."""
    ((flushed,),) = server.run(f"SELECT pg_current_wal_flush_lsn() >= '{place}'")
    return bool(flushed)


def stored(database: Any) -> set[str]:
    with database.read() as transaction:
        return {row["digest"] for row in transaction.run(ALL)}


@pytest.fixture
def unhurried(own_server) -> Iterator[PostgresDatabase]:
    """A database whose server flushes only on request: its background writer sleeps."""
    for setting in ("wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'"):
        own_server.run(f"ALTER SYSTEM SET {setting}")
    own_server.run("SELECT pg_reload_conf()")
    store = own_server.new_database()
    open_ledger(store).close()
    with closing(PostgresDatabase(Connections(store))) as database:
        yield database
    own_server.run("ALTER SYSTEM RESET ALL")
    own_server.drop(store)


def test_a_commit_is_flushed_before_it_is_acknowledged(unhurried, own_server):
    place = write_a(unhurried, flush=True)

    assert is_flushed(own_server, place)


def test_a_reader_waits_for_the_flush_of_what_it_has_seen(unhurried, own_server):
    place = write_a(unhurried, flush=False)

    assert stored(unhurried) == {"a"}
    assert is_flushed(own_server, place)


def test_an_error_is_raised_after_the_flush_of_what_explains_it(unhurried, own_server):
    place = write_a(unhurried, flush=False)

    def refuse() -> None:
        with unhurried.write() as transaction:
            raise HitlError(f"there is {transaction.first(ALL)['digest']}")

    with pytest.raises(HitlError, match="there is a"):
        refuse()

    assert is_flushed(own_server, place)


def test_threads_that_wait_to_write_leave_connections_to_read_with(database):
    together = Event()

    def write(name: str) -> str:
        with database.write() as transaction:
            transaction.run(ADD_PAYLOAD, **row(name))
            assert together.wait(30)
            stored(database)
        return name

    names = {f"{number}" for number in range(16)}
    with ThreadPoolExecutor(16) as pool:
        writing = [pool.submit(write, name) for name in names]
        together.set()
        assert {future.result(60) for future in writing} == names

    assert stored(database) == names


def test_a_transaction_with_one_reading_takes_two_round_trips(distant, proxy):
    with distant.write() as transaction:  # a new connection, which prepares its statements
        transaction.first(ALL)
    before = proxy.round_trips

    with distant.write() as transaction:
        transaction.first(ALL)
        transaction.run_each(ADD_PAYLOAD, [row("a"), row("b")])
        transaction.run(ADD_PAYLOAD, **row("c"))

    assert proxy.round_trips - before == 2


def test_intake_and_the_opening_of_a_review_take_two_round_trips_each(proxy, empty_database):
    with closing(open_ledger(proxy.url(empty_database))) as ledger:
        for name in ("warm", "case"):
            before = proxy.round_trips
            submission = a_submission(f"{name}-1", a_submission().task.model_copy(update={"task_id": name}), None)
            ledger.receive(submission, AGENT)
            received = proxy.round_trips
            ledger.open_review(a_shown(f"{name}-1"), NINE)

        assert (received - before, proxy.round_trips - received) == (2, 2)


def test_many_rows_are_inserted_as_they_are(database):
    with database.write() as transaction:
        transaction.insert_many(ADD_PAYLOAD, THOUSAND)
        transaction.run(ADD_PAYLOAD, **row("after"))
    with database.read() as transaction:
        bodies = {row["digest"]: row["body"] for row in transaction.run(ALL)}

    assert bodies == {**{each["digest"]: each["body"] for each in THOUSAND}, "after": "b"}


def test_a_statement_that_does_more_than_insert_its_values_is_run_for_each_row(database, postgres_store):
    with database.write() as transaction:
        transaction.insert_many(UNLIKE, THOUSAND)

    with direct_connection(postgres_store) as connection:
        assert connection.execute("SELECT seal, count(*) FROM payloads GROUP BY seal").fetchall() == [("S", 1000)]


@pytest.mark.parametrize("number", [0, 1, 3, 47, 48, 100])
def test_rows_are_inserted_in_any_number(database, number):
    with database.write() as transaction:
        transaction.insert_many(ADD_PAYLOAD, THOUSAND[:number])

    assert stored(database) == {f"{n}" for n in range(number)}


@pytest.mark.parametrize("number", [3, 100])
def test_a_row_that_exists_takes_back_the_whole_transaction(database, number):
    def insert_twice() -> None:
        with database.write() as transaction:
            transaction.run(ADD_PAYLOAD, **row("other"))
            transaction.insert_many(ADD_PAYLOAD, [*THOUSAND[:number], THOUSAND[1]])

    with pytest.raises(UniqueViolation):
        insert_twice()

    assert stored(database) == set()


def connections(store: str) -> set[int]:
    """Return the processes that serve the connections to a database, apart from the one that asks."""
    with direct_connection(store) as connection:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return {pid for (pid,) in connection.execute(asked)}


@pytest.mark.parametrize("number", [0, 3, 100])
def test_a_violated_constraint_costs_no_connection(database, postgres_store, number):
    with database.write() as transaction:
        transaction.run(ADD_PAYLOAD, **row("first"))
    before = connections(postgres_store)

    def violate() -> None:
        with database.write() as transaction:
            transaction.run(ADD_PAYLOAD, **row("first"))
            transaction.insert_many(ADD_PAYLOAD, THOUSAND[:number])
            transaction.run(PLACE)
            transaction.run(ALL)

    for _ in range(4):
        with pytest.raises(UniqueViolation):
            violate()
        assert stored(database) == {"first"}

    write_a(database, flush=True)
    assert stored(database) == {"first", "a"}
    assert len(before) == 1
    assert connections(postgres_store) == before


def test_a_repeated_submission_costs_no_connection(empty_database):
    with closing(open_ledger(empty_database)) as ledger:
        first = ledger.receive(a_submission(), AGENT)
        before = connections(empty_database)
        again = [ledger.receive(a_submission(f"again-{n}"), AGENT).case_id for n in range(5)]

        assert set(again) == {first.case_id}
        assert connections(empty_database) == before


@pytest.mark.parametrize(
    ("words", "moment"),
    [(b"COPY", BEFORE), (b"COPY", SENT), (b"COPY", ANSWERED), *((b"COMMIT\0", moment) for moment in MOMENTS)],
)
def test_many_rows_survive_a_connection_that_is_cut(distant, proxy, words, moment):
    @retried
    def insert_all() -> None:
        try:
            with distant.write() as transaction:
                transaction.insert_many(ADD_PAYLOAD, THOUSAND)
        except UniqueViolation:
            assert len(stored(distant)) == len(THOUSAND)

    proxy.harm(moment, words)
    insert_all()

    assert proxy.has_struck()
    assert len(stored(distant)) == len(THOUSAND)


def test_a_cut_without_a_repetition_is_reported(distant, proxy):
    proxy.harm(SENT, b"COPY")
    with pytest.raises(TransientStoreError), distant.write() as transaction:
        transaction.insert_many(ADD_PAYLOAD, THOUSAND)

    assert stored(distant) == set()


def test_a_thread_waits_for_its_turn_for_a_bounded_time(database, monkeypatch):
    monkeypatch.setattr("hitl_orchestrator.ledger.database.postgres_connections.BUSY_TIMEOUT_SECONDS", 0.02)
    with database.write(), ThreadPoolExecutor(1) as pool:
        late = pool.submit(lambda: database.write().__enter__())

        with pytest.raises(StoreUnavailable, match="other threads of this process"):
            late.result(30)


def test_a_thread_that_writes_while_it_writes_is_refused_at_once(database):
    def nest() -> None:
        with database.write(), database.write():
            pass

    with pytest.raises(StoreUnavailable, match="this thread has a transaction open that writes to it"):
        nest()


def test_writers_of_other_processes_exclude_each_other(database, postgres_store):
    with database.write() as transaction, direct_connection(postgres_store) as other:
        transaction.first(ALL)

        assert other.execute(f"SELECT pg_try_advisory_xact_lock({WRITER})").fetchall() == [(False,)]
