"""The tables that the migrations make, by name."""

from hitl_orchestrator.ledger.database.tables import metadata

REVISION_TABLE = "alembic_version"
OURS = frozenset({*metadata.tables, REVISION_TABLE})
"""The names of the tables that the migrations make."""
