"""Forgeries of a store by a writer of its database without the key: of every table, every column and the schema.

Each is applied in the transaction of one connection, verified there, and taken back.
"""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import chain, pairwise
from typing import Any, NamedTuple

from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.database.sqlite import SqliteTransaction
from hitl_orchestrator.ledger.database.tables import metadata
from hitl_orchestrator.ledger.keys.files import seal_keys_from
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.store.ledger import LedgerStore
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.parallel.sound import find_sound
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.wiring.clocks import now_in_utc
from support.parts import in_parts

_ABOUT_EVENTS = ("INSERT INTO events ", "UPDATE events ", "DELETE FROM events ")

Row = dict[str, Any]
Statement = tuple[str, tuple[Any, ...]]


class Forgery(NamedTuple):
    """Statements with question marks as placeholders, under a name that states what they forge."""

    name: str
    statements: Sequence[Statement]
    kind: str = ""
    """Forgeries of one kind, such as one change of one column, differ only in the row."""


class Forged:
    """A store, and one connection to it on which forgeries are applied and verified."""

    def __init__(self, store: str, key: str | None) -> None:
        self.heads: Sequence[SignedHead] = ()
        self.url, self.is_postgres, self._key = store, store.startswith("postgres"), key
        self.connection: Any = self._postgres() if self.is_postgres else self._sqlite()
        self._disarm, self._rearm = self._triggers()

    def _sqlite(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        return connection

    def _postgres(self) -> Any:
        import psycopg  # noqa: PLC0415 - only where it is installed
        from psycopg.rows import dict_row  # noqa: PLC0415

        connection = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
        connection.execute("SET session_replication_role = replica")
        return connection

    def _triggers(self) -> tuple[list[str], list[str]]:
        """Return the statements that remove the triggers of the ledger, and restore them just as they were."""
        if self.is_postgres:
            trigger = "TRIGGER events_refuse_change"
            return [f"ALTER TABLE events DISABLE {trigger}"], [f"ALTER TABLE events ENABLE ALWAYS {trigger}"]
        found = self.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return [f"DROP TRIGGER {each['name']}" for each in found], [each["sql"] for each in found]

    def rows(self, sql: str) -> list[Row]:
        return [dict(row) for row in self.connection.execute(sql)]

    def tables(self) -> dict[str, list[Row]]:
        """Return all rows of our tables."""
        return {name: self.rows(f"SELECT * FROM {name} ORDER BY {key_of(name)[0]}") for name in metadata.tables}

    @contextmanager
    def applied(self, forgery: Forgery) -> Iterator[bool]:
        """Apply a forgery and take it back; yield whether the database accepted it."""
        self.connection.execute("BEGIN")
        try:
            yield self._apply(forgery)
        finally:
            self.connection.execute("ROLLBACK")

    def apply_for_good(self, forgery: Forgery) -> None:
        """Apply a forgery, and commit it."""
        self.connection.execute("BEGIN")
        self._apply(forgery)
        self.connection.execute("COMMIT")

    def _apply(self, forgery: Forgery) -> bool:
        about_events = any(sql.startswith(_ABOUT_EVENTS) for sql, _ in forgery.statements)
        before = [(sql, ()) for sql in self._disarm] if about_events else []
        after = [(sql, ()) for sql in self._rearm] if about_events else []
        self.connection.execute("SAVEPOINT forgery")
        try:
            changed = [self._run(*each).rowcount for each in chain(before, forgery.statements, after)]
        except self._refusals():
            self.connection.execute("ROLLBACK TO SAVEPOINT forgery")
            return False
        assert not before or any(changed), forgery.name
        return True

    def _run(self, sql: str, values: Sequence[Any]) -> Any:
        if not self.is_postgres:
            return self.connection.execute(sql, values)
        return self.connection.execute(sql.replace("%", "%%").replace("?", "%s") if values else sql, values or None)

    def _refusals(self) -> tuple[type[Exception], ...]:
        """Return the errors with which a database refuses a value of another type, or a second row of one key."""
        if not self.is_postgres:
            return (sqlite3.IntegrityError, sqlite3.OperationalError)
        from psycopg import errors  # noqa: PLC0415 - only where it is installed

        return (errors.IntegrityError, errors.DataError, errors.ProgrammingError, errors.NotSupportedError)

    def verified(self, *, with_key: bool = True, heads: Sequence[SignedHead] = ()) -> Verification:
        """Verify the forged state on the same connection, as a new process does."""
        keys = seal_keys_from(self._key, None) if with_key else None  # type: ignore[arg-type]
        ledger = LedgerStore(_OneConnection(self), keys)  # type: ignore[arg-type]
        return LedgerSigner(ledger, now_in_utc, new_signing_key).verify(heads)

    def is_sound_in_parts(self, heads: Sequence[SignedHead] = (), *, with_key: bool = True) -> bool:
        """Whether parts that are verified each by itself, and then joined, say that the forged state is sound."""
        keys = seal_keys_from(self._key, None) if with_key else None  # type: ignore[arg-type]
        ledger = LedgerStore(_OneConnection(self), keys)  # type: ignore[arg-type]
        with ledger.snapshot() as snapshot:
            return find_sound(ledger, heads, None, lambda entries: None, in_parts(snapshot)) is not None

    def close(self) -> None:
        self.connection.close()


class _OneConnection:
    """The database of a forged store: one transaction, which is open already."""

    shared_place: Mapping[str, Any] = {}

    def __init__(self, forged: Forged) -> None:
        self._forged, self.url = forged, forged.url

    @contextmanager
    def shared_read(self, begin: Callable[[str], None]) -> Iterator[Any]:
        with self.read() as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Any]:
        if not self._forged.is_postgres:
            yield SqliteTransaction(self._forged.connection)
            return
        from hitl_orchestrator.ledger.database.postgres import PostgresTransaction  # noqa: PLC0415

        yield PostgresTransaction(self._forged.connection)

    def close(self) -> None:
        pass


def key_of(table: str) -> list[str]:
    return [column.name for column in metadata.tables[table].primary_key.columns]


def _of(table: str, row: Row) -> tuple[str, tuple[Any, ...]]:
    """Return the condition that selects a row, with its values."""
    keys = key_of(table)
    return " AND ".join(f"{key} = ?" for key in keys), tuple(row[key] for key in keys)


def row_forgeries(tables: Mapping[str, list[Row]]) -> Iterator[Forgery]:
    """Yield the removal of every row, copies of it under other keys, and changes of every column."""
    for table, rows in tables.items():
        for number, row in enumerate(rows):
            where, key = _of(table, row)
            name = f"{table} {' '.join(map(str, key))}"
            yield Forgery(f"{name}: deleted", [(f"DELETE FROM {table} WHERE {where}", key)], f"{table} deleted")
            yield from _insertions(table, rows, number, name)
            for column in row:
                for what, value in _changes(row[column], [other[column] for other in rows]):
                    sql = f"UPDATE {table} SET {column} = ? WHERE {where}"
                    yield Forgery(
                        f"{name}: {column} {what}, {value!r:.60}", [(sql, (value, *key))], f"{table}.{column} {what}"
                    )


def _insertions(table: str, rows: list[Row], number: int, name: str) -> Iterator[Forgery]:
    """Yield copies of a row: under a key of its own, and under the key of a case without such a row."""
    row, keys = rows[number], key_of(table)
    columns = ", ".join(row)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})"
    for key in keys:
        other = row[key] + 1000 + number if isinstance(row[key], int) else f"{row[key]}x"[-64:]
        values = {**row, key: other}
        yield Forgery(f"{name}: copied with {key} {other!r}", [(sql, tuple(values.values()))], f"{table} copied {key}")


def _changes(value: Any, others: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield other values of a column: none, a similar one, that of another row, and one of another type."""
    if value is not None:
        yield "removed", None
    yield "altered", _altered(value)
    yield from (("as in another row", other) for other in [next((o for o in others if o != value), None)] if other)
    if isinstance(value, str):
        yield "as bytes", value.encode()
        yield "in capitals", value.upper() if value.upper() != value else value.lower() + "é"
    elif value is not None:
        yield "as text", f"{value}x"
    elif value is None:
        yield "as a number", 7


def _altered(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value[:-1]}{'0' if value[-1:] != '0' else '1'}"
    if value is None:
        return "2026-01-10T09:00:00.000000Z"
    return value + 1


def sampled(forgeries: Iterator[Forgery], number: int, seed: int = 1) -> list[Forgery]:
    """Return one forgery of each kind, and more of them at random up to a number."""
    found = list(forgeries)
    random.Random(seed).shuffle(found)
    first = {each.kind: each for each in found}
    rest = [each for each in found if first[each.kind] is not each]
    return [*first.values(), *rest[: max(0, number - len(first))]]


def rewritings(tables: Mapping[str, list[Row]]) -> Iterator[Forgery]:
    """Yield consistent rewritings: digests are computed again to the end, and rows are changed with the entries."""
    entries = tables["events"]
    for number in range(0, len(entries), 3):
        yield _rewritten(f"entry {number + 1} rewritten", tables, number, _later(entries[number]["entry"]))
    for entry in entries:
        if entry["kind"] == "finished" and '"final_decision":"rejected"' in entry["entry"]:
            text = entry["entry"].replace('"final_decision":"rejected"', '"final_decision":"approved"')
            outcome = "UPDATE outcomes SET final_decision = 'approved' WHERE case_id = ?", (entry["case_id"],)
            yield _rewritten(f"the outcome {entry['seq']} approved", tables, entry["seq"] - 1, text, outcome)
    yield from _undone(tables)
    yield from _swapped(tables)


def _later(text: str) -> str:
    return text.replace('"at":"20', '"at":"21', 1)


def _rewritten(name: str, tables: Mapping[str, list[Row]], number: int, text: str, *others: Statement) -> Forgery:
    """Replace the text of an entry, and chain all after it again, with their seals and the head row as they are."""
    statements, before = list(others), None
    for row in tables["events"][number:]:
        content = json.loads(text if before is None else row["entry"])
        content["previous"] = content["previous"] if before is None else before
        written = canonical_json(content)
        before = sha256(written.encode()).hexdigest()
        statements.append(("UPDATE events SET entry = ?, digest = ? WHERE seq = ?", (written, before, row["seq"])))
    statements.append(("UPDATE ledger_head SET digest = ?", (before,)))
    return Forgery(name, statements, "rewritten")


_OF_CASES = ("outcomes", "spot_checks", "refusals", "contents", "payloads", "reviews", "scrubs", "executions")


def _undone(tables: Mapping[str, list[Row]]) -> Iterator[Forgery]:
    """Remove the last entries with all rows that they explain, with the head row set back, or left as it is."""
    entries = tables["events"]
    for number in range(1, len(entries), 7):
        last = entries[-number - 1]
        new = [row["case_id"] for row in entries[-number:] if row["kind"] == "submitted"]
        rows = [
            (f"DELETE FROM {table} WHERE case_id = ?", (case_id,)) for case_id in new for table in (*_OF_CASES, "cases")
        ]
        cut = [("DELETE FROM events WHERE seq > ?", (last["seq"],)), *rows]
        back = ("UPDATE ledger_head SET seq = ?, digest = ?", (last["seq"], last["digest"]))
        yield Forgery(f"the last {number} entries undone", cut, "undone")
        yield Forgery(f"the last {number} entries undone with the head row", [*cut, back], "undone with the head")
        yield Forgery(f"the head row set back by {number}", [back], "the head set back")


def _swapped(tables: Mapping[str, list[Row]]) -> Iterator[Forgery]:
    """Exchange the columns of two rows, such as the decisions of two reviews."""
    groups = {
        "reviews": [["verdict", "seal", "answer", "answered_by", "answered_at", "answer_key"], ["shown", "digest"]],
        "cases": [
            ["task_id"],
            ["content", "submitted_seq"],
            ["fence", "holder", "held_since", "held_until", "lease_seal"],
        ],
        "outcomes": [["final_decision", "human_decision"], ["reviewer_id"]],
        "executions": [["status", "ended_seq", "seal"], ["fence", "holder", "held_until", "seal"]],
        "contents": [["key", "body"]],
        "events": [["entry", "digest", "mac"], ["case_id"]],
    }
    for table, parts in groups.items():
        rows = tables[table]
        for columns in parts:
            for one, other in pairwise(rows):
                if all(one[name] == other[name] for name in columns):
                    continue
                sets = ", ".join(f"{name} = ?" for name in columns)
                statements = [
                    (f"UPDATE {table} SET {sets} WHERE {where}", (*(source[name] for name in columns), *key))
                    for source, (where, key) in ((other, _of(table, one)), (one, _of(table, other)))
                ]
                name = f"{table} {_of(table, one)[1]}: {columns[0]} swapped with {_of(table, other)[1]}"
                yield Forgery(name, statements, f"{table} swapped {columns[0]}")
