"""Create and migrate the tables of a database, and refuse tables of an unknown version."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database.ports import NEWEST, MigratedDatabase

if TYPE_CHECKING:
    from sqlalchemy import Connection

Found = Callable[[Callable[[ClauseElement, Mapping[str, Any]], Any]], None]
"""Writes the first row of a new ledger, with a function that runs a statement with values."""


def migrate(database: MigratedDatabase, found: Found | None) -> None:
    """Apply pending migrations in one transaction, and found a ledger in a new store. An up-to-date store is only read.

    `found` writes the first row of a new ledger with the function that it gets; without it a new store is refused.

    Raises:
        StoreUnavailable: the file is not a database, is not writable, or was created by another version.
    """
    try:
        revision = database.revision()
        if revision != NEWEST:
            _check_founded(database.url, revision, found)
            _migrate(database, found)
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


def _check_founded(url: str, revision: str | None, found: Found | None) -> None:
    if revision is None and found is None:
        raise StoreUnavailable(url, "it holds no ledger; 'hitl run' creates one")


def _migrate(database: MigratedDatabase, found: Found | None) -> None:
    from alembic.util import CommandError  # noqa: PLC0415 - see `upgrade`

    try:
        with database.engine().begin() as connection:
            is_new = not inspect(connection).has_table("alembic_version")
            upgrade(connection)
            if is_new and found is not None:
                found(lambda statement, values: connection.execute(cast(Any, statement), values))
    except CommandError as exc:
        cause = f"this version does not know its tables ({exc}); use the version that created it"
        raise StoreUnavailable(database.url, cause) from exc
    except DBAPIError as exc:
        cause = f"its tables must be migrated to revision {NEWEST!r}, and that failed: {exc.orig}"
        raise StoreUnavailable(database.url, cause) from exc
