"""Threads that write to a SQLite file at once share a commit, and each of them keeps its promises."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from time import monotonic
from typing import Any

import pytest
from support.builders import AGENT, NINE, a_submission, a_task
from support.recorded_policies import record_policy
from support.stores import new_sqlite

from hitl_orchestrator.errors import HitlError, StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import UniqueViolation
from hitl_orchestrator.ledger.database.sqlite import SqliteDatabase, SqliteTransaction
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.database.writers import queue
from hitl_orchestrator.ledger.database.writers import sqlite as writers
from hitl_orchestrator.ledger.store.sql.cases import ADD_REFUSAL
from hitl_orchestrator.ledger.store.sql.events import ADD_PAYLOAD
from hitl_orchestrator.wiring.stores import open_ledger

_DIGESTS = "SELECT digest FROM payloads ORDER BY digest"
ALL = Statement("digests", _DIGESTS, _DIGESTS)
WRITERS = 8


class Writers:
    """Threads that write while one of them holds the turn until all others wait."""

    def __init__(self, database: SqliteDatabase, pool: ThreadPoolExecutor) -> None:
        self.database, self._pool = database, pool
        self.statements: list[str] = []

    def write(self, name: str, *, flush: bool = True, then: Callable[[Any], object] = lambda _: None) -> str:
        with self.database.write(flush=flush) as transaction:
            transaction._connection.set_trace_callback(self.statements.append)
            transaction.run(ADD_PAYLOAD, digest=name, case_id="c", body="b", seal="s")
            then(transaction)
        return name

    def waiting(self) -> int:
        return len(self.database._writer._queue._waiting)

    @contextmanager
    def behind(self, *, flush: bool = True, name: str = "first") -> Iterator[list[Future[str]]]:
        """Start a writer that holds the turn until the block ends; return the futures, that of the first one first."""
        begun, end = Event(), Event()

        def hold(_: Any) -> None:
            begun.set()
            assert end.wait(30)

        futures = [self._pool.submit(self.write, name, flush=flush, then=hold)]
        assert begun.wait(30)
        try:
            yield futures
        finally:
            end.set()

    def queued(self, futures: list[Future[str]], name: str, **how: Any) -> None:
        """Start a writer, and return when it waits for its turn."""
        before = self.waiting()
        futures.append(self._pool.submit(self.write, name, **how))
        until = monotonic() + 30
        while self.waiting() == before and monotonic() < until:
            pass

    def stored(self) -> list[str]:
        with self.database.read() as transaction:
            return [row["digest"] for row in transaction.run(ALL)]

    def kinds(self) -> list[str]:
        """The statements that begin and end transactions, and those that choose how they are flushed."""
        words = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
        return [text for text in self.statements if text.startswith(words)]


@pytest.fixture
def together(store_file, monkeypatch) -> Iterator[Writers]:
    monkeypatch.setattr(queue, "LONGEST_GROUP_SECONDS", 60)
    path = new_sqlite(store_file).removeprefix("sqlite:///")
    with closing(SqliteDatabase(path, "store")) as database, ThreadPoolExecutor(WRITERS) as pool:
        yield Writers(database, pool)


def outcomes(futures: list[Future[str]]) -> list[Any]:
    """Return the result of each writer: its name, or the type of its error."""
    return [type(future.exception(30)) if future.exception(30) else future.result() for future in futures]


def test_threads_that_wait_share_a_commit(together):
    with together.behind() as futures:
        for number in range(WRITERS - 1):
            together.queued(futures, f"{number}")

    assert outcomes(futures) == ["first", *map(str, range(WRITERS - 1))]
    assert together.kinds().count("COMMIT") == 1
    assert together.stored() == [*map(str, range(WRITERS - 1)), "first"]


def test_a_thread_that_writes_alone_pays_for_no_group(together):
    together.write("warm")
    together.statements.clear()

    together.write("alone")

    assert together.kinds() == ["BEGIN IMMEDIATE", "COMMIT"]
    assert len(together.statements) == len(["begin", "revision", "insert", "commit"])


def fail(_: Any) -> None:
    raise HitlError("no")


def test_an_error_takes_back_the_changes_of_its_own_transaction_only(together):
    with together.behind() as futures:
        together.queued(futures, "a", then=fail)
        together.queued(futures, "first")
        together.queued(futures, "b")
        together.queued(futures, "c", then=fail)

    assert outcomes(futures) == ["first", HitlError, UniqueViolation, "b", HitlError]
    assert together.stored() == ["b", "first"]
    assert together.kinds().count("COMMIT") == 1


def test_a_first_transaction_that_fails_leaves_the_turn_to_the_others(together):
    with together.behind() as futures:
        together.queued(futures, "a", then=lambda transaction: transaction.close_group())
        together.queued(futures, "b", then=fail)
        together.queued(futures, "c")

    assert outcomes(futures) == ["first", "a", HitlError, "c"]
    assert together.stored() == ["a", "c", "first"]


def spoil(transaction: Any) -> None:
    """Let the commit of the whole group fail."""
    transaction._connection.execute("PRAGMA defer_foreign_keys=ON")
    transaction.run(ADD_REFUSAL, case_id="no such case", attempt="x", refused_seq=1)


def test_a_commit_that_fails_fails_for_all_and_nothing_is_stored(together):
    with together.behind() as futures:
        together.queued(futures, "a", then=spoil)
        together.queued(futures, "b")
        # Its error is explained by a row that was not committed.
        together.queued(futures, "b")

    assert outcomes(futures) == [StoreUnavailable] * 4
    assert together.stored() == []
    assert together.write("after") == "after"
    assert together.stored() == ["after"]


def test_a_transaction_that_sqlite_rolled_back_as_a_whole_fails_for_all(together):
    def roll_back(transaction: Any) -> None:
        transaction._connection.execute("ROLLBACK")

    with together.behind() as futures:
        together.queued(futures, "a", then=roll_back)
        together.queued(futures, "b")

    assert outcomes(futures) == [StoreUnavailable, StoreUnavailable, "b"]
    assert together.stored() == ["b"]


def test_a_transaction_that_needs_a_flush_joins_no_unflushed_commit(together):
    with together.behind(flush=False) as futures:
        together.queued(futures, "a", flush=False)
        together.queued(futures, "b", flush=True)
        together.queued(futures, "c", flush=False)

    assert outcomes(futures) == ["first", "a", "b", "c"]
    assert together.kinds() == [
        *("SAVEPOINT joined", "RELEASE joined", "COMMIT"),
        *("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE", "SAVEPOINT joined", "RELEASE joined", "COMMIT"),
    ]


def test_what_processes_remember_is_read_only_after_its_commit(together):
    with together.behind() as futures:
        together.queued(futures, "a", then=lambda transaction: transaction.close_group())
        together.queued(futures, "b")

    assert outcomes(futures) == ["first", "a", "b"]
    assert together.kinds().count("COMMIT") == 2


def test_only_an_entry_that_governs_all_cases_ends_its_group(sqlite_ledger, monkeypatch):
    closed = []

    def note(transaction: SqliteTransaction) -> None:
        closed.append(transaction)

    monkeypatch.setattr(SqliteTransaction, "close_group", note)

    sqlite_ledger.receive(a_submission(), AGENT)
    assert closed == []
    record_policy(sqlite_ledger, "p", "p", {"rules": []}, NINE)
    assert len(closed) == 1


def test_the_size_of_a_group_is_bounded(together, monkeypatch):
    monkeypatch.setattr(queue, "LARGEST_GROUP", 3)
    with together.behind() as futures:
        for number in range(WRITERS - 1):
            together.queued(futures, f"{number}")

    assert len(outcomes(futures)) == len(together.stored()) == WRITERS
    assert together.kinds().count("COMMIT") == 3


def test_the_time_of_a_group_is_bounded(together, monkeypatch):
    monkeypatch.setattr(queue, "LONGEST_GROUP_SECONDS", 0)
    with together.behind() as futures:
        for number in range(3):
            together.queued(futures, f"{number}")

    assert outcomes(futures) == ["first", "0", "1", "2"]
    assert together.kinds().count("COMMIT") == 4


def test_a_thread_that_writes_while_it_writes_is_refused_at_once(together):
    with pytest.raises(StoreUnavailable, match="this thread has a transaction open that writes to it"):
        together.write("outer", then=lambda _: together.write("inner"))

    assert together.write("after") == "after"


def test_closing_the_store_lets_the_writer_end_and_refuses_those_who_wait(together):
    with together.behind() as futures:
        together.queued(futures, "a", flush=False, then=lambda transaction: transaction.close_group())
        together.queued(futures, "b")
        together.database.close()

    assert outcomes(futures) == ["first", "a", StoreClosed]


def test_a_thread_waits_for_its_turn_for_a_bounded_time(together, monkeypatch):
    monkeypatch.setattr(writers, "BUSY_TIMEOUT_SECONDS", 0.02)
    with together.behind() as futures, pytest.raises(StoreUnavailable, match="other threads of this process"):
        together.write("late")

    assert outcomes(futures) == ["first"]
    assert together.write("after") == "after"


def test_another_process_that_holds_the_file_is_waited_for_a_bounded_time(together, store_file, monkeypatch):
    monkeypatch.setattr(writers, "BUSY_TIMEOUT_SECONDS", 0.02)
    with closing(sqlite3.connect(store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="database is locked"):
            together.write("late")
        other.execute("ROLLBACK")

    assert together.write("after") == "after"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupted_thread_leaves_the_queue(together):
    with together.behind() as futures:

        def interrupt_when_it_waits() -> str:
            until = monotonic() + 30
            while not together.waiting() and monotonic() < until:
                pass
            os.kill(os.getpid(), signal.SIGINT)
            return "interrupted"

        futures.append(together._pool.submit(interrupt_when_it_waits))
        with pytest.raises(KeyboardInterrupt):
            together.write("mine")
        together.queued(futures, "a")

    assert outcomes(futures) == ["first", "interrupted", "a"]
    assert together.stored() == ["a", "first"]


def test_many_threads_make_one_sound_chain(store_file):
    with closing(open_ledger(new_sqlite(store_file))) as ledger, ThreadPoolExecutor(16) as pool:
        names = [f"case-{number}" for number in range(160)]
        list(pool.map(lambda name: ledger.receive(a_submission(name, a_task(name)), AGENT), names))

        assert sorted(event.case_id for event in ledger.events()) == sorted(names)
