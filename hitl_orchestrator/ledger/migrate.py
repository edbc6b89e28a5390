"""Bring a database to the tables this code knows, and refuse one that newer code has made."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database import connect

NEWEST = "0001"


def migrate(path: str, url: str) -> None:
    """Apply what is missing, in one transaction; a store that is up to date is only looked at.

    Raises:
        StoreUnavailable: the file is no database, cannot be written, or was made by a newer version.
    """
    try:
        with closing(connect(path)) as connection:
            found = _revision(connection)
    except sqlite3.Error as exc:
        raise StoreUnavailable(url, str(exc)) from exc
    if found != NEWEST:
        _upgrade(path, url)


def _revision(connection: sqlite3.Connection) -> str | None:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = known and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _upgrade(path: str, url: str) -> None:
    # Alembic is slow to import, and a store that is up to date does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine_on(path).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as exc:
        raise StoreUnavailable(url, f"its tables are not ones this version knows ({exc}); use a newer version") from exc
    except (sqlite3.Error, DBAPIError) as exc:
        raise StoreUnavailable(url, str(getattr(exc, "orig", exc))) from exc


def engine_on(path: str) -> Engine:
    """Return an engine for migrations: what it begins is one transaction, which two processes take in turn."""
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
