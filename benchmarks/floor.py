"""The floor of a case: the rows that our case writes, in one flushed transaction each for `submit` and `decide`.

The rows are learned from one real case by comparing the tables before and after, and are then written with other ids by
the bare driver: no graph, no policy, no validation, no digests. No design that keeps these rows can be faster.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from uuid_utils import uuid7

from benchmarks.examples import REVIEWER, typed
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.database.tables import metadata

Key = tuple[Any, ...]
Tables = dict[str, dict[Key, dict[str, Any]]]

_NUMBERED = ("seq", "place")
"""Columns with these names, or that end in one of them, count entries of the ledger."""


class Write(NamedTuple):
    """One statement with its values by column."""

    sql: str
    values: dict[str, Any]


class Floor:
    """A store on which the rows of cases are written by the driver alone."""

    def __init__(self, store: str, kind: int, *, decide: bool, flush: bool = True) -> None:
        self._connection, self._is_sqlite = _connect(store, flush), store.startswith("sqlite")
        with Orchestrator.open(store, head_file=False) as hitl:
            hitl.submit(*typed("before", kind))  # records the policy
            states = [self._tables()]
            case = hitl.submit(*typed("learned", kind))
            states.append(self._tables())
            if decide:
                hitl.decide(case.case_id, "approve", reviewer=REVIEWER)
                states.append(self._tables())
        self._case_id = case.case_id
        self._steps = [self._writes(*pair) for pair in pairwise(states)]
        self._entries = max(row["seq"] for row in states[-1]["events"].values()) - len(states[0]["events"])

    def prepared(self, count: int) -> Callable[[int], None]:
        """Return a function that writes a case of this number."""
        cases = [self._renamed(number + 1) for number in range(count)]

        def write(number: int) -> None:
            for step in cases[number]:
                with self._transaction():
                    for sql, values in step:
                        self._connection.execute(sql, values)

        return write

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._is_sqlite:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
            return
        # One round trip for all statements, as far as the driver allows.
        with self._connection.transaction(), self._connection.pipeline():
            yield

    def _tables(self) -> Tables:
        """Return all rows of our tables by their keys."""
        found: Tables = {}
        for table in metadata.sorted_tables:
            names = [column.name for column in table.columns]
            keys = [names.index(column.name) for column in table.primary_key]
            rows = self._connection.execute(f"SELECT {', '.join(names)} FROM {table.name}").fetchall()
            found[table.name] = {tuple(row[key] for key in keys): dict(zip(names, row, strict=True)) for row in rows}
        return found

    def _writes(self, before: Tables, after: Tables) -> list[Write]:
        """Return the statements that make the tables what they are after."""
        writes = []
        for table in metadata.sorted_tables:
            keys = [column.name for column in table.primary_key]
            old, new = before[table.name], after[table.name]
            for key, row in new.items():
                if key not in old:
                    named = ", ".join(map(self._place, row))
                    writes.append(Write(f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({named})", row))
                elif old[key] != row:
                    changed = [name for name in row if row[name] != old[key][name]]
                    sets = ", ".join(f"{name} = {self._place(name)}" for name in changed)
                    where = " AND ".join(f"{name} = {self._place(name)}" for name in keys)
                    values = {name: row[name] for name in (*changed, *keys)}
                    writes.append(Write(f"UPDATE {table.name} SET {sets} WHERE {where}", values))
            where = " AND ".join(f"{name} = {self._place(name)}" for name in keys)
            gone = [key for key in old if key not in new]
            writes += [
                Write(f"DELETE FROM {table.name} WHERE {where}", dict(zip(keys, key, strict=True))) for key in gone
            ]
        return writes

    def _place(self, name: str) -> str:
        return f":{name}" if self._is_sqlite else f"%({name})s"

    def _renamed(self, number: int) -> list[list[Write]]:
        """Return the statements of each step for another case, `number` cases after the learned one."""
        case_id, shift = str(uuid7()), number * self._entries

        def other(name: str, value: Any) -> Any:
            if isinstance(value, str):
                return value.replace(self._case_id, case_id).replace("learned", f"task-{number}")
            if isinstance(value, int) and name.endswith(_NUMBERED):
                return value + shift
            return value

        def renamed(write: Write) -> Write:
            return Write(write.sql, {name: other(name, value) for name, value in write.values.items()})

        return [[renamed(write) for write in step] for step in self._steps]


def _connect(store: str, flush: bool) -> Any:
    if store.startswith("sqlite"):
        connection = sqlite3.connect(store.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
        connection.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection
    import psycopg  # noqa: PLC0415 - only where it is installed

    server: Any = psycopg.connect(store, autocommit=True, prepare_threshold=0)
    server.execute(f"SET synchronous_commit = {'on' if flush else 'off'}")
    return server
