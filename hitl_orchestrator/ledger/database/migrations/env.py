"""Alembic entry point: run the migrations in the transaction of the connection in the config."""

from alembic import context

from hitl_orchestrator.ledger.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
