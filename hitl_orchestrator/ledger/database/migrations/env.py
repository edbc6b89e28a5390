"""What Alembic runs: the migrations and the record of them, in one transaction on the connection it is given."""

from alembic import context

from hitl_orchestrator.ledger.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
