"""Create and migrate the tables of a database, and refuse tables of an unknown version."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import NEWEST, MigratedDatabase

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate(database: MigratedDatabase) -> None:
    """Apply pending migrations in one transaction. An up-to-date store is only read.

    Raises:
        StoreUnavailable: the file is not a database, is not writable, or was created by another version.
    """
    try:
        if database.revision() != NEWEST:
            _migrate(database)
    except StoreUnavailable:
        database.close()
        raise


def upgrade(connection: "Connection") -> None:
    """Apply pending migrations within the transaction of a connection. Raises Alembic's `CommandError`."""
    # Alembic is slow to import, and an up-to-date store does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _migrate(database: MigratedDatabase) -> None:
    from alembic.util import CommandError  # noqa: PLC0415 - see `upgrade`

    try:
        with database.engine().begin() as connection:
            upgrade(connection)
    except CommandError as exc:
        cause = f"this version does not know its tables ({exc}); use the version that created it"
        raise StoreUnavailable(database.url, cause) from exc
    except DBAPIError as exc:
        cause = f"its tables must be migrated to revision {NEWEST!r}, and that failed: {exc.orig}"
        raise StoreUnavailable(database.url, cause) from exc
