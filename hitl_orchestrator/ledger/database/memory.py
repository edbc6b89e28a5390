"""A SQLite database in memory, for tests and trials: the statements and the schema of the other stores, not durable."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from threading import RLock
from typing import Any

from hitl_orchestrator.errors import StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.migrate import Found
from hitl_orchestrator.ledger.database.ports import UniqueViolation
from hitl_orchestrator.ledger.database.schema.sqlite import empty_database
from hitl_orchestrator.ledger.database.sqlite import SqliteTransaction
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.events.chain import instant_text

_CLOCK = "store_time"
# The clock of SQLite in a text, as `ledger/store/statements/clock.py` writes it.
_SQLITE_CLOCK = re.compile(r"\(strftime\('%Y-%m-%dT%H:%M:%f', 'now', (\S+) \|\| ' seconds'\) \|\| '000Z'\)")


@cache
def _on_own_clock(text: str) -> str:
    """Return a text whose clock is a function of the connection, so that a test can move it."""
    return _SQLITE_CLOCK.sub(rf"{_CLOCK}(\1)", text)


class MemoryDatabase:
    """One connection behind one lock. Each transaction is a savepoint, so that a thread may nest them."""

    url = "memory://"

    def __init__(self, clock: Callable[[], datetime], found: Found) -> None:
        """`clock` is the store's clock. It is read once per transaction. `found` writes the first row of the ledger."""
        self._clock, self._lock, self._closed = clock, RLock(), False
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=64
        )
        self._connection.deserialize(empty_database())
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.create_function(_CLOCK, 1, self._time_from_now, deterministic=True)
        with self.write() as transaction:
            found(lambda statement, values: transaction.run(statement, **values))

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[SqliteTransaction]:
        """Open a transaction that excludes all others."""
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Open a transaction that excludes all others."""
        with self._transaction() as transaction:
            yield transaction

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Return the rows of one statement, read at once: a slow reader would hold the lock."""
        with self._transaction() as transaction:
            return iter(list(transaction.stream(statement, **values)))

    @property
    def shared_place(self) -> None:
        """Return None: no other process can read this memory."""

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[None]:
        """Give None: no other process can read this memory."""
        yield

    def scrub(self) -> None:
        """Do nothing: the process keeps no deleted data on a disk."""

    def close(self) -> None:
        """Close the connection, which deletes the database."""
        with self._lock:
            self._closed = True
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[SqliteTransaction]:
        with self._lock:
            if self._closed:
                raise StoreClosed(self.url)
            self._now = self._clock()
            try:
                self._connection.execute("SAVEPOINT work")
                try:
                    yield SqliteTransaction(self._connection, _on_own_clock)
                except BaseException:
                    self._connection.execute("ROLLBACK TO work")
                    raise
                finally:
                    self._connection.execute("RELEASE work")
            except sqlite3.IntegrityError as exc:
                raise UniqueViolation(str(exc)) from exc
            except sqlite3.Error as exc:
                raise StoreUnavailable(self.url, str(exc)) from exc

    def _time_from_now(self, seconds: float | None) -> str | None:
        return None if seconds is None else instant_text(self._now + timedelta(seconds=seconds))
