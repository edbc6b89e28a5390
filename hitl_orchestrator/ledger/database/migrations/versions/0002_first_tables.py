"""The first tables: policies, the ledger, cases, reviews, payloads, and triggers that keep the ledger append-only."""

import sqlalchemy as sa
from alembic import op

# What was made as 0001, before the first release, held no seals: it is not known here, and refused by name.
revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_ledger()
    _make_cases()
    _make_inbox()
    _keep_append_only()


def _make_ledger() -> None:
    op.create_table(
        "policies",
        sa.Column("policy_hash", sa.String(64), primary_key=True),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recorded_seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "payloads",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.String(200)),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("events_of_case", "events", ["case_id", "seq"])
    _partial_index("one_outcome_per_case", "events", ["case_id"], "kind = 'finished'", unique=True)
    _partial_index("policies_recorded", "events", ["seq"], "kind = 'policy_recorded'")


def _make_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("task_id", sa.String(200), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("submitted_seq", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(200)),
        sa.Column("held_until", sa.String(27)),
        sa.UniqueConstraint("task_id", "attempt", name="one_case_per_attempt"),
    )
    op.create_table(
        "contents",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    _partial_index("unfinished_cases", "cases", ["stage", "submitted_seq"], "stage <> 'finished'")


def _make_inbox() -> None:
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.String(200), primary_key=True),
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("role", sa.String(200), nullable=False),
        sa.Column("domain", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("opened_at", sa.String(27), nullable=False),
        sa.Column("due_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("claimed_by", sa.String(200)),
        sa.Column("claimed_until", sa.String(27)),
        sa.Column("answer_key", sa.String(401)),
        sa.Column("seal", sa.String(200), nullable=False),
        sa.UniqueConstraint("case_id", "level", name="one_review_per_level"),
    )
    op.create_table(
        "refusals",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("attempt", sa.String(64), primary_key=True),
        sa.Column("refused_seq", sa.Integer, nullable=False),
    )
    _partial_index("open_reviews", "reviews", ["role", "due_at", "opened_at"], "status = 'open'")
    _partial_index("reviews_by_deadline", "reviews", ["expires_at"], "status = 'open'")
    _partial_index("one_answer_per_key", "reviews", ["answer_key"], "answer_key IS NOT NULL", unique=True)
    _partial_index("open_reviews_by_time", "reviews", ["due_at", "opened_at"], "status = 'open'")
    _partial_index("open_reviews_by_domain", "reviews", ["domain", "due_at", "opened_at"], "status = 'open'")
    _partial_index("one_open_review_per_case", "reviews", ["case_id"], "status = 'open'", unique=True)


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _keep_append_only() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _keep_append_only_on_postgresql()
    else:
        _keep_append_only_on_sqlite()


def _keep_append_only_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()"
    )
    # Also for a session that replays another server's changes, and so leaves plain triggers out.
    op.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_refuse_change")


def _keep_append_only_on_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
            f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    # INSERT OR REPLACE deletes what it replaces without asking the trigger for DELETE.
    op.execute(
        "CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events "
        "WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq) OR (NEW.kind = 'finished' AND EXISTS "
        "(SELECT 1 FROM events WHERE case_id = NEW.case_id AND kind = 'finished')) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )
