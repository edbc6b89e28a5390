"""The row of a finished case in `outcomes`: the columns of its audit record and task that analyses read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

AGENT_FIELDS = ("agent_id", "model", "model_version", "prompt_version")
"""The statements of an agent about itself. They are erased with the texts of its case."""


class Outcome(NamedTuple):
    """A row of `outcomes`. Names and values are those of `AuditRecord`; the other columns are explained.

    `signals` are separated by spaces. `has_proposal` and `replayed` are 0 or 1. `task_timestamp` is the timestamp of
    the task. Times have one text form, which sorts as times do. `metadata_digest` names the metadata of the task among
    the contents of the case; None if the task has none. The `AGENT_FIELDS` of a redacted case are None.
    """

    finished_seq: int
    case_id: str
    task_id: str
    task_type: str | None
    domain: str | None
    risk_level: str
    confidence_score: float | None
    confidence_source: str | None
    signals: str
    has_proposal: int
    routing_decision: str
    rule_id: str
    policy_hash: str
    review_probability: float
    assigned_human_role: str | None
    approvals_needed: int
    escalations: int
    final_decision: str
    decision_source: str
    human_decision: str | None
    reviewer_id: str | None
    confidence_assessment: str | None
    reason_code: str | None
    quality_check: str | None
    quality_check_expected: str | None
    quality_check_of: str | None
    replayed: int
    agent_id: str | None
    model: str | None
    model_version: str | None
    prompt_version: str | None
    task_timestamp: str
    received_at: str | None
    review_opened_at: str | None
    timestamp: str
    latency_seconds: float
    review_seconds: float | None
    metadata_digest: str | None


_DERIVED = {"finished_seq", "signals", "has_proposal", "replayed", "task_timestamp", "metadata_digest"}
_WHOLE_SECONDS = len("2025-01-10T09:00:00Z")
_TIMES = ("received_at", "review_opened_at", "timestamp")
_COPIED = tuple(name for name in Outcome._fields if name not in _DERIVED.union(_TIMES))


def outcome_of(seq: int, record: Mapping[str, Any], intake: Mapping[str, Any]) -> Outcome:
    """Return the row of a case that finished with entry `seq`, from the stored bodies of its last and first entry."""
    task = intake["task"]
    columns: dict[str, Any] = {name: record[name] for name in _COPIED}
    columns |= {name: _time_text(record[name]) for name in _TIMES}
    columns |= {
        "finished_seq": seq,
        "signals": " ".join(record["signals"]),
        "has_proposal": int(record["proposed_output"] is not None),
        "replayed": int(record["replayed"]),
        "task_timestamp": _time_text(task["timestamp"] or intake["received_at"]),
        "metadata_digest": task["metadata"].get("content"),
    }
    return Outcome(**columns)


def _time_text(value: str | None) -> str | None:
    """Return the text form of a time in JSON, which omits microseconds of 0."""
    return f"{value[:-1]}.000000Z" if value is not None and len(value) == _WHOLE_SECONDS else value
