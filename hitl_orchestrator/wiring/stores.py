"""The kinds of stores: each URL scheme with its ledger, its key file and its checkpoints."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidKey, LedgerDamaged, SealKeyMissing, StoreUnavailable, install_hint
from hitl_orchestrator.ledger.database.address import HOW_TO_WRITE, can_be_read, is_postgres, shown
from hitl_orchestrator.ledger.keys.files import SealKey, seal_keys_from
from hitl_orchestrator.ledger.keys.mac import ephemeral_keys
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.wiring.clocks import now_in_utc
from hitl_orchestrator.wiring.lost_stores import check_file_not_lost, check_not_lost, left_by_earlier

if TYPE_CHECKING:
    from hitl_orchestrator.ledger.database.migrate import Found
    from hitl_orchestrator.ledger.database.ports import Database, MigratedDatabase
    from hitl_orchestrator.ledger.keys.mac import SealKeys
    from hitl_orchestrator.ledger.store.ledger import LedgerStore

__all__ = [
    "MEMORY",
    "absolute_url",
    "checkpoints_of",
    "database_of",
    "key_file_of",
    "open_ledger",
    "open_to_audit",
    "store_exists",
]

MEMORY = "memory://"


class _Store(NamedTuple):
    """The operations of one kind of store. Modules are imported when they are called."""

    absolute_url: Callable[[str], str]
    exists: Callable[[str], bool]
    key_file: Callable[[str], Path | None]
    migrated: "Callable[[str, Clock, Found | None], Database]"
    audited: "Callable[[str], Database]"
    checkpoints: Callable[[str, bytes | None], Any]


def open_ledger(
    store: str,
    seal_key: SealKey | Sequence[SealKey] | None = None,
    *,
    lease: float = LEASE_SECONDS,
    clock: Clock = now_in_utc,
) -> Ledger:
    """Open the ledger of a store URL; create or migrate it if necessary. `clock` is that of a store in memory.

    Raises:
        StoreUnavailable: the URL names no known kind of store, or the store cannot be opened.
        InvalidKey, SealKeyMissing: a key is malformed, its file is readable by others, or it is missing.
    """
    # With a key given, no key file is looked for: this user may have no home directory.
    key_file = None if seal_key is not None else _kind_of(store).key_file(store)
    if key_file is None:
        keys = ephemeral_keys() if seal_key is None else seal_keys_from(seal_key, Path())
        return _ledger_on(store, keys, lease, clock)
    ledger = _ledger_on(store, seal_keys_from(None, key_file, of_a_copy=_may_only_be_read(store)), lease, clock)
    # The key of a new store was created with it.
    if not key_file.exists():
        ledger.close()
        raise SealKeyMissing(shown(store), key_file)
    return ledger


def _may_only_be_read(store: str) -> bool:
    """Return whether a store is a file that this process may not write."""
    from hitl_orchestrator.ledger.database.sqlite_read_only import is_read_only  # noqa: PLC0415 - SQLite alone

    return _kind_of(store) is _SQLITE and is_read_only(_sqlite_path(store))


def open_to_audit(store: str, seal_key: SealKey | Sequence[SealKey] | None = None) -> Ledger:
    """Open the ledger of an existing store for verification and signing, in a way that cannot write to it.

    Seals are verified with `seal_key`, or with the key file of the store if this user may read it; with neither they
    are not verified. No key is created.

    Raises:
        StoreUnavailable: the URL names no known kind of store, or the store cannot be opened.
        LedgerDamaged: a table is missing, or has another form than the migrations make.
        InvalidKey: a key is malformed, or its file is readable by others.
    """
    if store == MEMORY:
        return open_ledger(store, seal_key)
    keys = _keys_at(store) if seal_key is None else seal_keys_from(seal_key, Path())
    ledger = _ledger_in(_kind_of(store).audited(store), keys)
    # Before anything is read from a table of another form: that could fail, or never end.
    with ledger.snapshot() as snapshot:
        defect = next(iter(snapshot.schema_defects()), None)
    if defect is not None and defect.is_unreadable:
        ledger.close()
        raise LedgerDamaged(f"the schema: {defect.sentence}")
    return ledger


def _keys_at(store: str) -> "SealKeys | None":
    """Return the keys in the key file of a store, None if there is none that this user may read."""
    try:
        key_file = key_file_of(store)
    except InvalidKey:
        return None
    if key_file is None or not key_file.exists() or not os.access(key_file, os.R_OK):
        return None
    return seal_keys_from(None, key_file, of_a_copy=_may_only_be_read(store))


def store_exists(store: str) -> bool:
    """Whether there is a store at this URL: a file with tables, or a database with the tables of this package.

    One that was lost, by what it left elsewhere, counts as one: opening it states so.

    Raises:
        StoreUnavailable: the URL names no known kind of store, or the server is unavailable.
    """
    if _kind_of(store).exists(store):
        return True
    key_file = _default_key_file(store)
    return key_file is not None and bool(left_by_earlier(key_file))


def absolute_url(store: str) -> str:
    """Return the URL with an absolute path, so that a later change of the working directory has no effect."""
    return _kind_of(store).absolute_url(store)


def key_file_of(store: str) -> Path | None:
    """Return the default key file of a store: in its folder, or in `~/.hitl`; None for a store in memory."""
    return _kind_of(store).key_file(store)


def _default_key_file(store: str) -> Path | None:
    """Return the default key file of a store, None also for a user without a home directory."""
    with suppress(InvalidKey):
        return key_file_of(store)
    return None


def database_of(store: str) -> "MigratedDatabase":
    """Return the database of a durable store, before any migration. Raises `StoreUnavailable`."""
    return _postgres_database(store) if is_postgres(store) else _sqlite_database(store)


def _migrated(store: str, clock: Clock, found: "Found | None") -> "Database":
    from hitl_orchestrator.ledger.database.migrate import migrate  # noqa: PLC0415

    def found_first(run: Any, found: "Found") -> None:
        """Found a ledger. Called in the transaction that makes its tables, so there is no store yet."""
        check_not_lost(store, _default_key_file(store))
        found(run)

    database = database_of(store)
    migrate(database, None if found is None else partial(found_first, found=found))
    return database


def checkpoints_of(store: str, key: bytes | None) -> Any:
    """Return the checkpointer of a store, encrypted with a key if there is one."""
    return _kind_of(store).checkpoints(store, key)


def _kind_of(store: str) -> _Store:
    if store == MEMORY:
        return _MEMORY
    return _POSTGRES if is_postgres(store) else _SQLITE


def _ledger_on(
    store: str,
    keys: "SealKeys | None",
    lease: float = LEASE_SECONDS,
    clock: Clock = now_in_utc,
) -> "LedgerStore":
    from hitl_orchestrator.ledger.store.event_log import founded_under  # noqa: PLC0415 - SQLAlchemy is slow to import

    found = None if keys is None else founded_under(keys)
    return _ledger_in(_kind_of(store).migrated(store, clock, found), keys, lease)


def _ledger_in(database: "Database", keys: "SealKeys | None", lease: float = LEASE_SECONDS) -> "LedgerStore":
    from hitl_orchestrator.ledger.store.ledger import LedgerStore  # noqa: PLC0415 - SQLAlchemy is slow to import

    try:
        return LedgerStore(database, keys, lease)
    except BaseException:
        database.close()
        raise


@contextmanager
def _extra(name: str, store: str) -> Iterator[None]:
    """Name the extra that an import needs."""
    try:
        yield
    except ImportError as exc:
        raise StoreUnavailable(shown(store), f"a dependency is missing ({exc}); {install_hint(name)}") from exc


def _sqlite_path(store: str) -> str:
    scheme = store.partition(":")[0]
    if scheme != "sqlite":
        hint = did_you_mean(scheme, ("sqlite", "postgresql", "memory"))
        kinds = "give sqlite:///PATH, postgresql://USER@HOST/DATABASE, or memory:// for a trial"
        raise StoreUnavailable(shown(store), f"{kinds}{hint}")
    path = store.removeprefix("sqlite:///")
    if path == store or not path or path == ":memory:":
        raise StoreUnavailable(store, "it names no file; give sqlite:///hitl.db, or memory:// for a trial")
    return str(Path(path).absolute())


def _sqlite_key_file(store: str) -> Path:
    return Path(f"{_sqlite_path(store)}.key")


def _sqlite_exists(store: str) -> bool:
    """Whether there is a file. One without tables, which a crash may have left, is no store yet.

    A file that cannot be read, or was emptied beside its key, counts as one: opening it states why.

    Raises:
        StoreUnavailable: this user may not enter the folder.
    """
    from hitl_orchestrator.ledger.database.sqlite_file import has_tables  # noqa: PLC0415 - the others do not need it

    file = Path(_sqlite_path(store))
    try:
        if not file.exists():
            return False
        if not file.stat().st_size:
            return _sqlite_key_file(store).exists()
    except PermissionError as exc:
        raise StoreUnavailable(
            store, f"{exc.strerror}: {str(file.parent)!r}; name a file in a folder of yours"
        ) from exc
    return has_tables(file)


def _sqlite_database(store: str) -> "MigratedDatabase":
    path = _sqlite_path(store)
    from hitl_orchestrator.ledger.database import sqlite, sqlite_read_only  # noqa: PLC0415 - one kind is imported

    check_file_not_lost(path, _sqlite_key_file(store), store)
    if sqlite_read_only.is_read_only(path):
        return sqlite_read_only.ReadOnlySqliteDatabase(path, store)
    sqlite.check_not_foreign(path, store)
    sqlite.make_private(path, store)
    return sqlite.SqliteDatabase(path, store)


def _sqlite_to_audit(store: str) -> "Database":
    path = _sqlite_path(store)
    from hitl_orchestrator.ledger.database import sqlite_read_only  # noqa: PLC0415 - one kind is imported
    from hitl_orchestrator.ledger.database.migrate import migrate  # noqa: PLC0415
    from hitl_orchestrator.ledger.database.ports import LARGEST_VALUE  # noqa: PLC0415

    check_file_not_lost(path, _sqlite_key_file(store), store)
    shared = not sqlite_read_only.is_read_only(path)
    database = sqlite_read_only.ReadOnlySqliteDatabase(path, store, shared=shared, largest=LARGEST_VALUE)
    migrate(database, None)
    return database


def _sqlite_checkpoints(store: str, key: bytes | None) -> Any:
    from hitl_orchestrator.graph.checkpoints import sqlite_checkpoints  # noqa: PLC0415
    from hitl_orchestrator.ledger.database.sqlite_read_only import is_read_only, refusal  # noqa: PLC0415

    path = _sqlite_path(store)
    if is_read_only(path):
        raise refusal(store)
    return sqlite_checkpoints(path, key)


def _postgres_key_file(store: str) -> Path:
    parts = None
    with suppress(ValueError):  # it has brackets without an address of IPv6
        parts = urlsplit(store) if can_be_read(store) else None
    if parts is None:
        raise StoreUnavailable(shown(store), f"the address cannot be read; {HOW_TO_WRITE}")
    options = sorted(each for each in parse_qsl(parts.query) if "password" not in each[0])
    # Without the user, and without parsing the port: there may be several hosts, each with its own.
    place = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path}?{options}"
    return _home() / ".hitl" / f"{sha256(place.encode()).hexdigest()[:32]}.key"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as exc:
        why = "this user has no home directory; give the key with HITL_SEAL_KEY (HITL_HEAD_KEY for heads), or set HOME"
        raise InvalidKey("~/.hitl", why) from exc


def _postgres_database(store: str) -> "MigratedDatabase":
    with _extra("postgres", store):
        from hitl_orchestrator.ledger.database.postgres import PostgresDatabase  # noqa: PLC0415
        from hitl_orchestrator.ledger.database.postgres_connections import Connections  # noqa: PLC0415

    return PostgresDatabase(Connections(store))


def _postgres_to_audit(store: str) -> "Database":
    left = _default_key_file(store)
    if left is not None and left_by_earlier(left) and not _postgres_exists(store):
        check_not_lost(store, left)
    return _migrated(store, now_in_utc, None)


def _postgres_exists(store: str) -> bool:
    from hitl_orchestrator.ledger.database.migrate import has_ledger  # noqa: PLC0415 - SQLAlchemy is slow to import

    with closing(_postgres_database(store)) as database:
        return database.revision() is not None or has_ledger(database)


def _postgres_checkpoints(store: str, key: bytes | None) -> Any:
    with _extra("postgres", store):
        from hitl_orchestrator.graph.postgres_checkpoints import postgres_checkpoints  # noqa: PLC0415

    return postgres_checkpoints(store, key)


def _memory_database(store: str, clock: Clock, found: "Found | None") -> "Database":
    from hitl_orchestrator.ledger.database.memory import MemoryDatabase  # noqa: PLC0415

    return MemoryDatabase(clock, found or (lambda run: None))


def _memory_to_audit(store: str) -> "Database":
    raise StoreUnavailable(store, "it ends with its process; name a durable store")


def _memory_checkpoints(store: str, key: bytes | None) -> Any:
    from hitl_orchestrator.graph.checkpoints import sqlite_checkpoints  # noqa: PLC0415

    return sqlite_checkpoints(":memory:", key)


_SQLITE = _Store(
    absolute_url=lambda store: f"sqlite:///{_sqlite_path(store)}",
    exists=_sqlite_exists,
    key_file=_sqlite_key_file,
    migrated=_migrated,
    audited=_sqlite_to_audit,
    checkpoints=_sqlite_checkpoints,
)
_POSTGRES = _Store(
    absolute_url=lambda store: store,
    exists=_postgres_exists,
    key_file=_postgres_key_file,
    migrated=_migrated,
    audited=_postgres_to_audit,
    checkpoints=_postgres_checkpoints,
)
_MEMORY = _Store(
    absolute_url=lambda store: store,
    exists=lambda store: True,
    key_file=lambda store: None,
    migrated=_memory_database,
    audited=_memory_to_audit,
    checkpoints=_memory_checkpoints,
)
