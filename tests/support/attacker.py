"""An attacker who can write every table of a store and has no key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.postgres_server import direct_connection


class Intruder:
    """Changes rows without the ledger."""

    def __init__(self, store: str) -> None:
        self.store, self.is_postgres = store, store.startswith("postgres")
        self._removed: list[str] = []

    @contextmanager
    def connected(self) -> Iterator[Any]:
        with direct_connection(self.store) as connection:
            yield connection

    def run(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement with question marks as placeholders."""
        with self.connected() as connection:
            cursor = connection.execute(sql.replace("?", "%s") if self.is_postgres else sql, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []

    def disarm(self) -> None:
        """Remove the triggers that keep the ledger append-only, as the owner of the tables can."""
        if self.is_postgres:
            self.run("ALTER TABLE events DISABLE TRIGGER USER")
            return
        for trigger in self.run("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"):
            self.run(f"DROP TRIGGER {trigger['name']}")
            self._removed.append(trigger["sql"])

    def rearm(self) -> None:
        """Restore the triggers just as they were, as an attacker does who hides."""
        if self.is_postgres:
            self.run("ALTER TABLE events ENABLE ALWAYS TRIGGER events_refuse_change")
        while self._removed:
            self.run(self._removed.pop())

    def row(self, review_id: str) -> dict[str, Any]:
        return self.run("SELECT * FROM reviews WHERE review_id = ?", review_id)[0]

    def change(self, review_id: str, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.run(f"UPDATE reviews SET {names} WHERE review_id = ?", *columns.values(), review_id)

    def move(self, case_id: str, stage: str) -> None:
        self.run("UPDATE cases SET stage = ? WHERE case_id = ?", stage, case_id)

    def stored_places(self) -> list[tuple[str, bytes]]:
        """Return the type and the bytes of every value in the checkpoints."""
        table, body = ("checkpoint_blobs", "blob") if self.is_postgres else ("checkpoints", "checkpoint")
        rows = self.run(f"SELECT type, {body} AS body FROM {table} WHERE type <> 'empty'")
        return [(row["type"], row["body"]) for row in rows]

    def lose_the_places(self) -> None:
        tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes") if self.is_postgres else ("checkpoints",)
        for table in tables:
            self.run(f"DELETE FROM {table}")
