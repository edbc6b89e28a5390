"""Bring a database to the tables this code knows, and refuse one that other code has made."""

from pathlib import Path

from sqlalchemy.exc import DBAPIError

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import Database

NEWEST = "0005"


def migrate(database: Database) -> None:
    """Apply what is missing, in one transaction; a store that is up to date is only looked at.

    Raises:
        StoreUnavailable: it is no database, cannot be written, or was made by another version.
    """
    try:
        if database.revision() != NEWEST:
            _upgrade(database)
    except StoreUnavailable:
        database.close()
        raise


def _upgrade(database: Database) -> None:
    # Alembic is slow to import, and a store that is up to date does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with database.engine().begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as exc:
        cause = f"its tables are not ones this version knows ({exc}); use the version that made it"
        raise StoreUnavailable(database.url, cause) from exc
    except DBAPIError as exc:
        raise StoreUnavailable(database.url, str(exc.orig)) from exc
