"""Addresses of stores in tests, and the queue of open reviews as one list."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.database.address import is_postgres
from hitl_orchestrator.ledger.events.chain import GENESIS, GOVERNING, HeadRow, governed_after
from hitl_orchestrator.ledger.keys.files import seal_keys_from
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.wiring.stores import key_file_of, open_ledger
from support.postgres_server import direct_connection


def address_of(store: str, folder: Path) -> str:
    """Return the address of a store that needs no server."""
    return {"memory": "memory://", "sqlite": f"sqlite:///{folder / 'hitl.db'}"}[store]


@cache
def _tables() -> bytes:
    """Return a SQLite file with the tables of a new ledger, made once in this process."""
    with TemporaryDirectory() as folder:
        open_ledger(f"sqlite:///{folder}/hitl.db").close()
        return Path(folder, "hitl.db").read_bytes()


def new_sqlite(path: Path) -> str:
    """Return the address of a SQLite store without cases. Its file is copied, which is quicker than making tables."""
    path.touch(mode=0o600)
    path.write_bytes(_tables())
    store = f"sqlite:///{path}"
    found(store)
    return store


def found(store: str, seal_key: Any = None) -> None:
    """Write the head row of a new ledger into tables without entries, under its key file or a given key."""
    row = seal_keys_from(seal_key, cast(Path, key_file_of(store))).new_ledger()
    with direct_connection(store) as connection:
        connection.execute("DELETE FROM ledger_head")
        marks = ", ".join("%s" if is_postgres(store) else "?" for _ in row)
        connection.execute(f"INSERT INTO ledger_head VALUES (1, {marks})", row)


def sealed_under(store: str, seal_key: Any) -> str:
    """Return the address of a store without cases that is sealed with this key: a new one, or one that has tables."""
    if is_postgres(store) or Path(store.removeprefix("sqlite:///")).exists():
        found(store, seal_key)
    return store


def resealed(store: str) -> None:
    """Chain and seal the entries of a store again, as an owner of its key can after altering their texts."""
    with direct_connection(store) as connection:
        rows = connection.execute("SELECT seq, entry FROM events ORDER BY seq").fetchall()
        ((ledger_id, latest),) = connection.execute("SELECT ledger_id, latest FROM ledger_head").fetchall()
        seals = Seals(seal_keys_from(None, cast(Path, key_file_of(store))), ledger_id)
        end = HeadRow(ledger_id, 0, GENESIS, GENESIS, latest)
        mark = "%s" if is_postgres(store) else "?"
        for seq, entry in rows:
            content = {**json.loads(entry), "previous": end.digest}
            text = canonical_json(content)
            name = sha256(text.encode()).hexdigest()
            columns = ", ".join(f"{column} = {mark}" for column in ("entry", "digest", "mac"))
            connection.execute(f"UPDATE events SET {columns} WHERE seq = {seq}", (text, name, seals.entry(seq, name)))
            governed = governed_after(end.governed, name) if content["kind"] in GOVERNING else end.governed
            end = HeadRow(ledger_id, seq, name, governed, latest)
        columns = ", ".join(f"{column} = {mark}" for column in ("seq", "digest", "governed", "latest", "mac"))
        connection.execute(f"UPDATE ledger_head SET {columns}", (*end[1:5], seals.head(end)))


def open_rows(ledger: Ledger, limit: int = 200, **wanted: Any) -> list[StoredReview]:
    """Return the first open reviews under a filter."""
    return list(ledger.queue_page([InboxFilter(**wanted)], limit).reviews)
