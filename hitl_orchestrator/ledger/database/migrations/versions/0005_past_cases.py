"""What a rehearsal reads of every case, in indexes of its own: the entries themselves are ten times as long."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OUTLINE = (
    "CASE WHEN json_valid(entry) THEN CASE WHEN json_type(entry, '$.body') = 'object' THEN "
    "trim(json_extract(entry, '$.body.approvals_needed', "
    "'$.body.assigned_human_role', '$.body.confidence_score', '$.body.domain', '$.body.human_decision', "
    "'$.body.latency_seconds', '$.body.quality_check', '$.body.review_probability', '$.body.risk_level', "
    "'$.body.routing_decision', '$.body.rule_id', '$.body.task_type', '$.body.timestamp'), '[]') || ',' || "
    "replace(replace(coalesce(json_extract(entry, '$.body.signals'), '[]'), '\"', ''), ',', ' ') || ',' || "
    "(coalesce(json_type(entry, '$.body.proposed_output'), '') = 'object') END END"
)
_TASK = (
    "CASE WHEN json_valid(entry) THEN CASE WHEN json_type(entry, '$.body.task') = 'object' THEN "
    "json_extract(entry, '$.body.task.timestamp', '$.body.task.metadata.content') END END"
)


def upgrade() -> None:
    """Index what is told of the ends and the beginnings of cases. Only SQLite answers from such an index alone."""
    if op.get_bind().dialect.name == "sqlite":
        _index("ends_of_cases", f"seq, case_id, {_OUTLINE}", "finished")
        _index("beginnings_of_cases", f"case_id, {_TASK}", "submitted")


def _index(name: str, of: str, kind: str) -> None:
    op.get_bind().exec_driver_sql(f"CREATE INDEX {name} ON events ({of}) WHERE kind = '{kind}'")
