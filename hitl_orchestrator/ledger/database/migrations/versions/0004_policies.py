"""The life of policies, found without looking through the whole ledger; and cases to be looked at afterwards."""

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
    """Index the entries about policies, and make the list of cases that are to be looked at."""
    op.create_table(
        "spot_checks",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("finished_seq", sa.Integer, nullable=False),
    )
    words = ", ".join(f"'{kind}'" for kind in _KINDS)
    condition = sa.text(f"kind IN ({words})")
    op.create_index("life_of_policies", "events", ["seq"], sqlite_where=condition, postgresql_where=condition)
