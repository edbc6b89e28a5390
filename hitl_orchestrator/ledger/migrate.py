"""Bring a database to the tables this code knows, and refuse one that newer code has made."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from hitl_orchestrator.errors import StoreUnavailable

NEWEST = "0001"


def migrate(engine: Engine) -> None:
    """Apply what is missing, in one transaction; a store that is up to date is only looked at.

    Raises:
        StoreUnavailable: the file is no database, cannot be written, or was made by a newer version.
    """
    try:
        with engine.execution_options(reads_only=True).begin() as conn:
            found = _revision(conn)
        if found != NEWEST:
            with engine.begin() as conn:
                _upgrade(conn, str(engine.url))
    except DBAPIError as exc:
        raise StoreUnavailable(str(engine.url), str(exc.orig)) from exc


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(conn: Connection, url: str) -> None:
    # Alembic is slow to import, and a store that is up to date does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = conn
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        raise StoreUnavailable(url, f"its tables are not ones this version knows ({exc}); use a newer version") from exc
