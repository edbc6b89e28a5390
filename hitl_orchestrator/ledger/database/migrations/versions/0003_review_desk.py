"""The review desk: what a review is found by, who was given it by whom, and when people are reminded of it."""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEVER = "9999-12-31T23:59:59.999999Z"
_NEW = (
    sa.Column("delegated_by", sa.String(200)),
    sa.Column("remind_at", sa.String(27), nullable=False, server_default=_NEVER),
    sa.Column("task_type", sa.String(200), nullable=False, server_default=""),
    sa.Column("risk_level", sa.String(20), nullable=False, server_default=""),
    sa.Column("confidence", sa.Float),
    sa.Column("answer", sa.String(20)),
    sa.Column("answered_by", sa.String(200)),
    sa.Column("answered_at", sa.String(27)),
    sa.Column("affinity", sa.String(64)),
)


def upgrade() -> None:
    """Add the columns, fill them from what the reviews show and say, and index them."""
    for column in _NEW:
        op.add_column("reviews", column)
    _fill()
    _index("open_reviews_of_a_kind", ["role", "domain", "due_at", "opened_at"], "status = 'open'")
    _index("reviews_to_remind_of", ["remind_at"], "status = 'open'")
    _index("claimed_reviews", ["claimed_by"], "claimed_by IS NOT NULL")
    _index("decided_by_confidence", ["task_type", "confidence", "answer"], "status = 'decided'")
    _index("decided_of_a_kind", ["task_type", "domain", "answered_at"], "status = 'decided'")
    _index("answered_by_whom", ["answered_at", "answered_by"], "answered_by IS NOT NULL")
    _index("answered_of_a_customer", ["affinity"], "affinity IS NOT NULL")


def _fill() -> None:
    names = ("review_id", "shown", "verdict", *(column.name for column in _NEW))
    reviews = sa.table("reviews", *(sa.column(name) for name in names))
    connection = op.get_bind()
    for row in connection.execute(sa.select(reviews.c.review_id, reviews.c.shown, reviews.c.verdict)).all():
        known = _found_by(json.loads(row.shown), json.loads(row.verdict) if row.verdict else None)
        connection.execute(sa.update(reviews).where(reviews.c.review_id == row.review_id).values(**known))


def _found_by(shown: dict[str, Any], verdict: dict[str, Any] | None) -> dict[str, Any]:
    known = {
        "task_type": shown["task"]["task_type"],
        "risk_level": shown["routing"]["risk_level"],
        "confidence": shown["routing"]["score"]["confidence"],
    }
    if verdict is None:
        return known
    at = datetime.fromisoformat(verdict["decided_at"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    answer = verdict["review"]
    return known | {"answer": answer["human_decision"], "answered_by": answer["reviewer_id"], "answered_at": at}


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "reviews", columns, sqlite_where=condition, postgresql_where=condition)
