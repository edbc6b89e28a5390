"""Transactions on a SQLite file that this process may only read, such as a copy for an auditor.

The file is opened without any change to it: no migration, and no log or index beside it.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hitl_orchestrator.errors import StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import BUSY_TIMEOUT_SECONDS
from hitl_orchestrator.ledger.database.sqlite import SqliteTransaction, same_state
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.database.writers.sqlite import revision_in

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MAY_NOT_WRITE = "this user may read its file, and may not write the file or its folder; nothing was written"
_OLDER = (
    "its tables are of another version, and cannot be migrated, because this user may only read its file; "
    "use the version that wrote it, or copy it to a folder that can be written"
)
_CHANGED = "another process changed it while it was read; repeat the command"
_LOG_WITHOUT_INDEX = "copy it with its -wal file to a folder that can be written, which reading that log requires"


def is_read_only(path: str) -> bool:
    """Return whether a SQLite file exists and this process may not write it, or its folder, which holds its log."""
    effective = os.access in os.supports_effective_ids
    file = Path(path)
    places = (file, file.parent)
    return os.access(file, os.F_OK) and not all(os.access(place, os.W_OK, effective_ids=effective) for place in places)


def refusal(url: str) -> StoreUnavailable:
    """Return the error of a write to a store that may only be read."""
    return StoreUnavailable(url, _MAY_NOT_WRITE)


class _State(NamedTuple):
    """What changes when another process writes the file."""

    has_log: bool
    is_used: bool
    stamp: tuple[int, int, int]

    @property
    def is_complete(self) -> bool:
        """Whether the file has no log, and no process that might write one."""
        return not self.has_log and not self.is_used


class ReadOnlySqliteDatabase:
    """A SQLite file that is only read. Safe to share between threads.

    With `shared`, this process may write the index beside a file that others use, so that each transaction sees one
    state of it. `largest` is the number of bytes of the largest value that is read.
    """

    def __init__(self, path: str, url: str, *, shared: bool = False, largest: int | None = None) -> None:
        self._path, self.url = path, url
        self._shared, self._largest, self._closed = shared, largest, False

    @contextmanager
    def write(self, *, flush: bool = True) -> Iterator[SqliteTransaction]:
        """Refuse to write. Raises `StoreUnavailable`."""
        self._refuse()
        yield

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Open a transaction that reads one consistent state of the file.

        Raises:
            StoreUnavailable: the file cannot be read, or another process changed it meanwhile.
        """
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield SqliteTransaction(connection)

    @property
    def shared_place(self) -> Mapping[str, Any]:
        """Return how another process opens the file to read it."""
        return {"path": self._path, "url": self.url, "shared": self._shared, "largest": self._largest}

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[SqliteTransaction | None]:
        """Open a transaction that reads the same state as others. A file that is not in use is compared at the end."""
        with self._connection() as watcher, same_state(watcher, begin, self.read) as transaction:
            yield transaction

    @contextmanager
    def read_strictly(self) -> Iterator[SqliteTransaction]:
        """Open a transaction that reads one state, and fails at a text that is not UTF-8, which is faster."""
        with self._connection() as connection:
            connection.text_factory = str
            connection.execute("BEGIN")
            transaction = SqliteTransaction(connection)
            transaction.fix_state()
            yield transaction

    def stream(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement from a transaction of its own."""
        with self.read() as transaction:
            yield from transaction.stream(statement, **values)

    def revision(self) -> str | None:
        """Return the revision of the tables."""
        with self._connection() as connection:
            exists = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version' AND type = 'table'"
            ).fetchone()
            return revision_in(connection) if exists else None

    def scrub(self) -> None:
        """Refuse to rewrite the file. Raises `StoreUnavailable`."""
        self._refuse()

    def engine(self) -> "Engine":
        """Refuse a migration. Raises `StoreUnavailable`."""
        raise StoreUnavailable(self.url, _OLDER)

    def close(self) -> None:
        """Refuse further use; no connection is kept."""
        self._closed = True

    def _refuse(self) -> NoReturn:
        raise refusal(self.url)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Open the file. Without a log it is complete; SQLite then neither locks it nor looks for changes."""
        if self._closed:
            raise StoreClosed(self.url)
        before = self._state()
        try:
            with closing(_connect(self._path, immutable=before.is_complete, largest=self._largest)) as connection:
                yield connection
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            raise StoreUnavailable(self.url, self._cause(before, exc)) from exc
        if before.is_complete and self._state() != before:
            raise StoreUnavailable(self.url, _CHANGED)

    def _cause(self, before: _State, exc: Exception) -> str:
        if before.is_used:
            return str(exc)
        if before.has_log:
            return f"{exc}; {_LOG_WITHOUT_INDEX}"
        return str(exc) if self._state() == before else _CHANGED

    def _state(self) -> _State:
        log = Path(f"{self._path}-wal")
        try:
            file = Path(self._path).stat()
            return _State(
                has_log=log.exists() and log.stat().st_size > 0,
                is_used=self._shared and Path(f"{self._path}-shm").exists(),
                stamp=(file.st_ino, file.st_size, file.st_mtime_ns),
            )
        except OSError as exc:
            raise StoreUnavailable(self.url, str(exc.strerror)) from exc


def _connect(path: str, *, immutable: bool, largest: int | None) -> sqlite3.Connection:
    address = f"{Path(path).as_uri()}?mode=ro" + ("&immutable=1" if immutable else "")
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    # Text that is not UTF-8 makes its own row unreadable, and not the whole result.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    if largest is not None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, largest)
    return connection
