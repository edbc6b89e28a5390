"""Look into a SQLite file without opening it as a store: nothing is written, and no file is left beside it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path


def has_tables(file: Path) -> bool:
    """Return whether an existing file is a database with tables.

    One that cannot be read counts as one, and so does one whose log is not empty: opening it states what it is.
    """
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size:
        return True
    if not file.stat().st_size:
        return False
    # Without a log the file is complete. Opened as immutable, SQLite makes no log and no index for it.
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    # The text of an error about a damaged file is not always valid.
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(address, uri=True)) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
    return True
