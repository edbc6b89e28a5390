"""Task ids and outputs of a run in a temporary database, so that memory stays flat."""

import json
import sqlite3
from typing import Any

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE tasks (task_id TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID;
CREATE TABLE outputs (task_id TEXT PRIMARY KEY, record TEXT, place TEXT) WITHOUT ROWID;
BEGIN;
"""
_MOST_OPTIONS = 500
"""The task ids among which one that is spelled alike is searched."""


class Index:
    """The ids of the tasks, and the outputs by task id. SQLite keeps most of it in a file without a name."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def add_task(self, task_id: str, place: str) -> str | None:
        """Add the id of a task; if it was there, return the place of that task."""
        if self._run("INSERT OR IGNORE INTO tasks VALUES (?, ?)", task_id, place).rowcount == 1:
            return None
        return str(self._run("SELECT place FROM tasks WHERE task_id = ?", task_id).fetchone()[0])

    def add_output(self, task_id: str, record: Any, place: str) -> str | None:
        """Add an output; if its task has one, return the place of that, and the task then has none that can be used."""
        given = (task_id, json.dumps(record), place)
        if self._run("INSERT OR IGNORE INTO outputs VALUES (?, ?, ?)", *given).rowcount == 1:
            return None
        self._run("UPDATE outputs SET record = 'null' WHERE task_id = ?", task_id)
        return str(self._run("SELECT place FROM outputs WHERE task_id = ?", task_id).fetchone()[0])

    def has_task(self, task_id: str) -> bool:
        """Return whether there is a task of this id."""
        return self._run("SELECT 1 FROM tasks WHERE task_id = ?", task_id).fetchone() is not None

    def output(self, task_id: str, missing: Any) -> Any:
        """Return the output of a task, None if it cannot be used, and `missing` if there is none."""
        row = self._run("SELECT record FROM outputs WHERE task_id = ?", task_id).fetchone()
        return missing if row is None else json.loads(row[0])

    def some_tasks(self) -> list[str]:
        """Return the task ids, or none where there are many."""
        ids = [row[0] for row in self._run("SELECT task_id FROM tasks LIMIT ?", _MOST_OPTIONS + 1)]
        return ids if len(ids) <= _MOST_OPTIONS else []

    def close(self) -> None:
        """Delete the temporary database."""
        self._database.close()

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._database.execute(statement, values)
