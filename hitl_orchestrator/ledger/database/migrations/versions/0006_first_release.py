"""All tables of the first release, with triggers that keep the ledger append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

# Stores of revisions 0001 to 0005, made before the first release, are rejected: this migration chain starts here.
revision = "0006"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_ledger()
    _create_cases()
    _create_outcomes()
    _create_tallies()
    _create_reviews()
    _index_reviews()
    _create_work_lists()
    _create_executions()
    _create_contents()
    _keep_append_only()
    _sample_no_texts()


def _create_ledger() -> None:
    op.create_table(
        "policies",
        sa.Column("policy_hash", sa.String(64), primary_key=True),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recorded_seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.String(200)),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(200), nullable=False),
    )
    op.create_index("events_of_case", "events", ["case_id", "seq"])
    _partial_index("one_outcome_per_case", "events", ["case_id"], "kind = 'finished'", unique=True)
    _partial_index("one_execution_per_case", "events", ["case_id"], "kind = 'execution_started'", unique=True)
    _partial_index(
        "governing_entries",
        "events",
        ["seq"],
        "kind IN ('policy_recorded', 'policy_version', 'policy_proposed', 'policy_activated', 'policy_canary', "
        "'policy_shadow', 'policy_declined', 'policy_undone', 'key_changed', 'clock_moved_back', 'people_recorded', "
        "'people_proposed', 'people_activated', 'people_declined', 'configuration_recorded')",
    )
    op.create_table(
        "ledger_head",
        sa.Column("row_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ledger_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("governed", sa.String(64), nullable=False),
        sa.Column("latest", sa.String(27), nullable=False),
        sa.Column("mac", sa.String(200), nullable=False),
    )


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("task_id", sa.String(200), nullable=False),
        sa.Column("submitter", sa.String(200), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("submitted_seq", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer),
        sa.Column("holder", sa.String(200)),
        sa.Column("held_since", sa.String(27)),
        sa.Column("held_until", sa.String(27)),
        sa.Column("lease_seal", sa.String(200)),
        sa.UniqueConstraint("task_id", "submitter", "attempt", name="one_case_per_attempt"),
    )
    _partial_index("unfinished_cases", "cases", ["stage", "submitted_seq"], "stage <> 'finished'")


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("finished_seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), nullable=False, unique=True),
        sa.Column("task_id", sa.String(200), nullable=False),
        sa.Column("task_type", sa.String(200)),
        sa.Column("domain", sa.String(200)),
        sa.Column("risk_level", sa.String(20), nullable=False),
        sa.Column("confidence_score", sa.Float),
        sa.Column("confidence_source", sa.String(40)),
        sa.Column("signals", sa.String(200), nullable=False),
        sa.Column("has_proposal", sa.Integer, nullable=False),
        sa.Column("routing_decision", sa.String(20), nullable=False),
        sa.Column("rule_id", sa.String(200), nullable=False),
        sa.Column("policy_id", sa.String(200), nullable=False),
        sa.Column("policy_hash", sa.String(200), nullable=False),
        sa.Column("review_probability", sa.Float, nullable=False),
        sa.Column("drawn", sa.Integer, nullable=False),
        sa.Column("assigned_human_role", sa.String(200)),
        sa.Column("approvals_needed", sa.Integer, nullable=False),
        sa.Column("escalations", sa.Integer, nullable=False),
        sa.Column("final_decision", sa.String(40), nullable=False),
        sa.Column("decision_source", sa.String(20), nullable=False),
        sa.Column("human_decision", sa.String(20)),
        sa.Column("reviewer_id", sa.String(200)),
        sa.Column("human_role", sa.String(200)),
        sa.Column("votes", sa.Text),
        sa.Column("confidence_assessment", sa.String(20)),
        sa.Column("reason_code", sa.String(200)),
        sa.Column("quality_check", sa.String(20)),
        sa.Column("quality_check_expected", sa.String(20)),
        sa.Column("quality_check_of", sa.String(200)),
        *_facts_of_outcomes(),
    )


def _facts_of_outcomes() -> list[sa.Column[Any]]:
    return [
        sa.Column("replayed", sa.Integer, nullable=False),
        sa.Column("submitted_by", sa.String(200)),
        sa.Column("predicted_label", sa.String(200)),
        sa.Column("label_changed", sa.Integer),
        sa.Column("shown_length", sa.Integer, nullable=False),
        sa.Column("classifier_failed", sa.Integer, nullable=False),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("redacted", sa.Integer, nullable=False),
        sa.Column("agent_id", sa.String(200)),
        sa.Column("model", sa.String(200)),
        sa.Column("model_version", sa.String(200)),
        sa.Column("prompt_version", sa.String(200)),
        sa.Column("task_timestamp", sa.String(27), nullable=False),
        sa.Column("received_at", sa.String(27)),
        sa.Column("review_opened_at", sa.String(27)),
        sa.Column("due_at", sa.String(27)),
        sa.Column("timestamp", sa.String(27), nullable=False),
        sa.Column("latency_seconds", sa.Float, nullable=False),
        sa.Column("review_seconds", sa.Float),
        sa.Column("seconds_looked_at", sa.Float),
        sa.Column("metadata_digest", sa.String(64)),
    ]


def _create_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("amount", sa.BigInteger),
    )
    op.create_index("tallies_by_name", "tallies", ["name", "at", "action", "amount", "case_id"])
    op.create_table(
        "measures",
        sa.Column("measure", sa.String(1000), primary_key=True),
        sa.Column("covered_seq", sa.Integer, nullable=False),
        sa.Column("seal", sa.String(200), nullable=False),
    )


def _create_reviews() -> None:
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
        sa.Column("queued_at", sa.String(27), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("due_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("claimed_by", sa.String(200)),
        sa.Column("claimed_since", sa.String(27)),
        sa.Column("claimed_until", sa.String(27)),
        sa.Column("delegated_by", sa.String(200)),
        sa.Column("claim_seal", sa.String(200)),
        sa.Column("remind_at", sa.String(27), nullable=False),
        sa.Column("task_type", sa.String(200), nullable=False),
        sa.Column("risk_level", sa.String(20), nullable=False),
        sa.Column("policy_hash", sa.String(200), nullable=False),
        sa.Column("confidence", sa.Float),
        sa.Column("replayed", sa.Integer, nullable=False),
        sa.Column("answer", sa.String(20)),
        sa.Column("answered_by", sa.String(200)),
        sa.Column("answered_at", sa.String(27)),
        sa.Column("needed_role", sa.String(200), nullable=False),
        sa.Column("needed_under", sa.String(200), nullable=False),
        sa.Column("needed_seal", sa.String(200)),
        sa.Column("affinity", sa.String(64)),
        sa.Column("answer_key", sa.String(401)),
        sa.Column("seal", sa.String(200), nullable=False),
        sa.UniqueConstraint("case_id", "level", name="one_review_per_level"),
    )


def _index_reviews() -> None:
    _partial_index("one_answer_per_key", "reviews", ["answer_key"], "answer_key IS NOT NULL", unique=True)
    _partial_index("one_open_review_per_case", "reviews", ["case_id"], "status = 'open'", unique=True)
    _partial_index("reviews_by_deadline", "reviews", ["expires_at"], "status = 'open'")
    _partial_index("reviews_to_remind", "reviews", ["remind_at"], "status = 'open'")
    _partial_index("open_reviews", "reviews", ["needed_role", "needed_under", "due_at", "place"], "status = 'open'")
    _partial_index("open_reviews_by_time", "reviews", ["due_at", "place"], "status = 'open'")
    _partial_index("open_reviews_by_domain", "reviews", ["domain", "due_at", "place"], "status = 'open'")
    _partial_index(
        "open_reviews_by_role_and_domain",
        "reviews",
        ["needed_role", "domain", "needed_under", "due_at", "place"],
        "status = 'open'",
    )
    _partial_index("open_reviews_by_state", "reviews", ["needed_under"], "status = 'open'")
    _partial_index("claimed_reviews", "reviews", ["claimed_by", "needed_role", "domain"], "claimed_by IS NOT NULL")
    _partial_index("decided_by_confidence", "reviews", ["task_type", "confidence", "answer"], "status = 'decided'")
    _partial_index(
        "decided_by_type_and_domain", "reviews", ["task_type", "domain", "answered_at"], "status = 'decided'"
    )
    _partial_index("answers_by_time", "reviews", ["answered_at", "answered_by"], "answered_by IS NOT NULL")
    _partial_index("reviews_by_customer", "reviews", ["affinity"], "affinity IS NOT NULL")


def _create_work_lists() -> None:
    op.create_table(
        "refusals",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("attempt", sa.String(64), primary_key=True),
        sa.Column("refused_seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "spot_checks",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("finished_seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "scrubs",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("due", sa.Integer, nullable=False),
        sa.Column("seal", sa.String(200), nullable=False),
    )
    op.create_table(
        "wakeups",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.String(27), nullable=False),
        sa.Column("holder", sa.String(200)),
        sa.Column("error", sa.Text),
        sa.Column("seal", sa.String(200), nullable=False),
    )
    _partial_index("pending_wakeups", "wakeups", ["next_at"], "state = 'pending'")


def _create_executions() -> None:
    op.create_table(
        "executions",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("started_seq", sa.Integer, nullable=False),
        sa.Column("ended_seq", sa.Integer),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("held_until", sa.String(27), nullable=False),
        sa.Column("check_id", sa.String(200)),
        sa.Column("seal", sa.String(200), nullable=False),
    )
    _partial_index("open_executions", "executions", ["started_seq"], "status IN ('started', 'unknown')")


def _create_contents() -> None:
    op.create_table(
        "contents",
        sa.Column("case_id", sa.String(200), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payloads",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("seal", sa.String(200), nullable=False),
    )


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
    # ALWAYS, so that it also fires in a session with session_replication_role = replica.
    op.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_refuse_change")


def _keep_append_only_on_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
            f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    # INSERT OR REPLACE deletes the replaced row without firing the trigger for DELETE.
    op.execute(
        "CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events "
        "WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq) OR (NEW.kind IN ('finished', 'execution_started') "
        "AND EXISTS (SELECT 1 FROM events WHERE case_id = NEW.case_id AND kind = NEW.kind)) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )


def _sample_no_texts() -> None:
    """Keep texts out of the statistics of PostgreSQL, where redaction could not erase them."""
    texts = {
        "contents": ("key", "body"),
        "reviews": ("shown", "verdict", "answer_key", "affinity"),
        "payloads": ("digest", "body"),
        "outcomes": ("agent_id", "model", "model_version", "prompt_version"),
        "wakeups": ("error",),
        "tallies": ("name", "amount"),
    }
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in texts.items():
            op.execute(f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {each} SET STATISTICS 0" for each in columns))
