"""Somebody who can write every table of a store, of whichever kind, and has no key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.postgres_server import somebody_else


class Intruder:
    """Changes rows past the ledger."""

    def __init__(self, store: str) -> None:
        self.store, self.is_postgres = store, store.startswith("postgres")

    @contextmanager
    def connected(self) -> Iterator[Any]:
        with somebody_else(self.store) as connection:
            yield connection

    def run(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement; its values stand at question marks."""
        with self.connected() as connection:
            cursor = connection.execute(sql.replace("?", "%s") if self.is_postgres else sql, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []

    def disarm(self) -> None:
        """Let the ledger be changed: whoever owns the tables may drop what would refuse it."""
        if self.is_postgres:
            self.run("ALTER TABLE events DISABLE TRIGGER USER")
            return
        for trigger in self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self.run(f"DROP TRIGGER {trigger['name']}")

    def rearm(self) -> None:
        """Undo it in a database that other tests use after this one."""
        if self.is_postgres:
            self.run("ALTER TABLE events ENABLE ALWAYS TRIGGER events_refuse_change")

    def row(self, review_id: str) -> dict[str, Any]:
        return self.run("SELECT * FROM reviews WHERE review_id = ?", review_id)[0]

    def change(self, review_id: str, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.run(f"UPDATE reviews SET {names} WHERE review_id = ?", *columns.values(), review_id)

    def move(self, case_id: str, stage: str) -> None:
        self.run("UPDATE cases SET stage = ? WHERE case_id = ?", stage, case_id)

    def stored_places(self) -> list[tuple[str, bytes]]:
        """The tag and the bytes of every value that the checkpoints hold."""
        table, body = ("checkpoint_blobs", "blob") if self.is_postgres else ("checkpoints", "checkpoint")
        rows = self.run(f"SELECT type, {body} AS body FROM {table} WHERE type <> 'empty'")
        return [(row["type"], row["body"]) for row in rows]

    def lose_the_places(self) -> None:
        tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes") if self.is_postgres else ("checkpoints",)
        for table in tables:
            self.run(f"DELETE FROM {table}")
