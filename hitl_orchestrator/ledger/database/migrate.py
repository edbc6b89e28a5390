"""Create and migrate the tables of a database, and refuse tables of an unknown version."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.errors import HitlError, LedgerDamaged, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import NEWEST, MigratedDatabase
from hitl_orchestrator.ledger.database.statement import Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection

_HEADS = "SELECT count(*) AS number FROM ledger_head"
_ANY_HEAD = Statement("any_head", _HEADS, _HEADS)

Found = Callable[[Callable[[Statement, Mapping[str, Any]], Any]], None]
"""Writes the first row of a new ledger, with a function that runs a statement with values."""


def migrate(database: MigratedDatabase, found: Found | None) -> None:
    """Apply pending migrations in one transaction, and found a ledger in a new store. An up-to-date store is only read.

    `found` writes the first row of a new ledger with the function that it gets; without it a new store is refused.

    Raises:
        StoreUnavailable: the file is not a database, is not writable, or was created by another version.
        LedgerDamaged: there is a ledger, and nothing states the version of its tables.
    """
    try:
        revision = database.revision()
        if revision != NEWEST:
            _check_founded(database, revision, found)
            _migrate(database, found)
    except HitlError:
        database.close()
        raise


def has_ledger(database: MigratedDatabase) -> bool:
    """Return whether a database holds the tables of a ledger, whatever it says about their version."""
    try:
        with database.read() as transaction:
            return transaction.first(_ANY_HEAD) is not None
    except StoreUnavailable:
        return False


def upgrade(connection: "Connection") -> None:
    """Apply pending migrations within the transaction of a connection. Raises Alembic's `CommandError`."""
    # Alembic is slow to import, and an up-to-date store does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_founded(database: MigratedDatabase, revision: str | None, found: Found | None) -> None:
    if revision is None and has_ledger(database):
        why = "the schema: table alembic_version, which states the version of the tables, is missing or empty"
        raise LedgerDamaged(f"{why}; restore the store from a backup")
    if revision is None and found is None:
        raise StoreUnavailable(database.url, "it holds no ledger; 'hitl run' creates one")


def _migrate(database: MigratedDatabase, found: Found | None) -> None:
    from alembic.util import CommandError  # noqa: PLC0415 - see `upgrade`
    from sqlalchemy import inspect  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    try:
        with database.engine().begin() as connection:
            is_new = not inspect(connection).has_table("alembic_version")
            upgrade(connection)
            if is_new and found is not None:
                found(partial(_run, connection))
    except CommandError as exc:
        cause = f"this version does not know its tables ({exc}); use the version that created it"
        raise StoreUnavailable(database.url, cause) from exc
    except DBAPIError as exc:
        cause = f"its tables must be migrated to revision {NEWEST!r}, and that failed: {exc.orig}"
        raise StoreUnavailable(database.url, cause) from exc


def _run(connection: "Connection", statement: Statement, values: Mapping[str, Any]) -> None:
    text = statement.sqlite if connection.dialect.name == "sqlite" else statement.postgres
    connection.exec_driver_sql(text, dict(values))
