"""A database as one open transaction sees it: all reads are of the same state, whatever others write meanwhile."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.database.statement import Statement


class OneState:
    """The `Database` of one transaction that reads. It cannot write, and ends with the transaction."""

    def __init__(self, url: str, transaction: StoreTransaction) -> None:
        self.url, self._transaction, self._lock = url, transaction, RLock()

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[StoreTransaction]:
        """Refuse to write. Raises `StoreUnavailable`."""
        raise StoreUnavailable(self.url, "one state of it is read, which nothing may change")
        yield

    @contextmanager
    def read(self) -> Iterator[StoreTransaction]:
        """Give the transaction to one thread at a time."""
        with self._lock, self._named():
            yield self._transaction

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement."""
        with self._named():
            yield from self._transaction.stream(statement, **values)

    @property
    def shared_place(self) -> None:
        """Return None: others cannot read this state."""

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[None]:
        """Give None: others cannot read this state."""
        yield

    def scrub(self) -> None:
        """Refuse to rewrite the files. Raises `StoreUnavailable`."""
        with self.write():
            pass

    def close(self) -> None:
        """Do nothing: who opened the transaction ends it."""

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Raise an error of the driver as `StoreUnavailable`."""
        errors = [sqlite3.Error, *(sys.modules[name].Error for name in ("psycopg",) if name in sys.modules)]
        try:
            yield
        except tuple(errors) as exc:
            raise StoreUnavailable(self.url, str(exc)) from exc
