"""The life of policies: what the ledger tells of them is found without looking through the rest of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = (
    "policy_version",
    "policy_proposed",
    "policy_activated",
    "policy_canary",
    "policy_shadow",
    "policy_declined",
)


def upgrade() -> None:
    """Index the entries about policies."""
    words = ", ".join(f"'{kind}'" for kind in _KINDS)
    condition = sa.text(f"kind IN ({words})")
    op.create_index("life_of_policies", "events", ["seq"], sqlite_where=condition, postgresql_where=condition)
