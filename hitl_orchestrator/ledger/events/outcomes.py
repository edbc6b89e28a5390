"""The row of a finished case in `outcomes`: the columns of its audit record and task that analyses read."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from hitl_orchestrator.domain.value import canonical_json

AGENT_FIELDS = ("agent_id", "model", "model_version", "prompt_version")
"""The statements of an agent about itself. They are erased with the texts of its case."""

ERASED_COLUMNS = (*AGENT_FIELDS, "predicted_label")
"""The columns that are empty in a redacted case."""

LONGEST_LABEL = 200
"""The number of characters of a proposed label that its row holds."""


class Outcome(NamedTuple):
    """A row of `outcomes`. Names and values are those of `AuditRecord`; the other columns are explained.

    `signals` are separated by spaces. `has_proposal` and `replayed` are 0 or 1. `task_timestamp` is the timestamp of
    the task. Times have one text form, which sorts as times do. `metadata_digest` names the metadata of the task among
    the contents of the case; None if the task has none. `predicted_label` is the label of the proposal, see
    `shown_label`. `classifier_failed`, `unreadable` and `redacted` are 0 or 1: the classifier gave no answer, scoring
    could not read a field of the output, and the texts of the case were erased. `votes` is a JSON list of `[person,
    human_decision, role]` in order, where they say more than `reviewer_id`, `human_decision` and `human_role`; else
    None. The `ERASED_COLUMNS` of a redacted case are None.
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
    policy_id: str
    policy_hash: str
    review_probability: float
    drawn: int
    assigned_human_role: str | None
    approvals_needed: int
    escalations: int
    final_decision: str
    decision_source: str
    human_decision: str | None
    reviewer_id: str | None
    human_role: str | None
    votes: str | None
    confidence_assessment: str | None
    reason_code: str | None
    quality_check: str | None
    quality_check_expected: str | None
    quality_check_of: str | None
    replayed: int
    submitted_by: str | None
    predicted_label: str | None
    label_changed: int | None
    shown_length: int
    classifier_failed: int
    unreadable: int
    redacted: int
    agent_id: str | None
    model: str | None
    model_version: str | None
    prompt_version: str | None
    task_timestamp: str
    received_at: str | None
    review_opened_at: str | None
    due_at: str | None
    timestamp: str
    latency_seconds: float
    review_seconds: float | None
    seconds_looked_at: float | None
    metadata_digest: str | None


_FLAGS = ("replayed", "label_changed", "drawn")
_DERIVED = {
    "finished_seq",
    "signals",
    "has_proposal",
    "votes",
    "predicted_label",
    "classifier_failed",
    "unreadable",
    "redacted",
    "task_timestamp",
    "metadata_digest",
}
_WHOLE_SECONDS = len("2025-01-10T09:00:00Z")
_TIMES = ("received_at", "review_opened_at", "due_at", "timestamp")
_COPIED = tuple(name for name in Outcome._fields if name not in _DERIVED.union(_TIMES, _FLAGS))
_COPIES_OF, _IN_ORDER = itemgetter(*_COPIED), itemgetter(*Outcome._fields)


def outcome_of(seq: int, record: Mapping[str, Any], intake: Mapping[str, Any], *, is_redacted: bool = False) -> Outcome:
    """Return the row of a case that finished with entry `seq`, from the bodies of its last and first entry.

    The body of the last entry has the texts of the proposal and of the `AGENT_FIELDS`, that of the first may lack all.
    """
    task, proposal = intake["task"], record["proposed_output"]
    columns: dict[str, Any] = dict(zip(_COPIED, _COPIES_OF(record), strict=True))
    for name in _TIMES:
        columns[name] = _time_text(record[name])
    columns |= {
        "finished_seq": seq,
        "signals": " ".join(record["signals"]),
        "has_proposal": int(proposal is not None),
        "votes": _votes(record),
        "predicted_label": None if proposal is None or is_redacted else shown_label(proposal["predicted_label"]),
        "classifier_failed": int(record["classifier_error"] is not None),
        "unreadable": int(bool(record["unreadable"])),
        "redacted": int(is_redacted),
        "task_timestamp": _time_text(task["timestamp"] or intake["received_at"]),
        "metadata_digest": task["metadata"].get("content"),
    }
    for name in _FLAGS:
        columns[name] = None if record[name] is None else int(record[name])
    if is_redacted:
        columns |= dict.fromkeys(ERASED_COLUMNS)
    return Outcome._make(_IN_ORDER(columns))


def shown_label(label: str) -> str | None:
    """Return the first `LONGEST_LABEL` characters of a label on one line; None if it has only white space."""
    return " ".join(label.split())[:LONGEST_LABEL] or None


def _votes(record: Mapping[str, Any]) -> str | None:
    """Return the votes as JSON, unless the columns of the deciding reviewer say as much."""
    if not record["votes"]:
        return None
    votes = [_vote(vote) for vote in record["votes"]]
    deciding = (record["reviewer_id"], record["human_decision"], record["human_role"])
    return canonical_json(votes) if votes != [[*deciding]] else None


def _vote(vote: Mapping[str, Any]) -> Sequence[Any]:
    return [vote["person"] or vote["reviewer_id"], vote["human_decision"], vote["role"]]


def _time_text(value: str | None) -> str | None:
    """Return the text form of a time in JSON, which omits microseconds of 0."""
    return f"{value[:-1]}.000000Z" if value is not None and len(value) == _WHOLE_SECONDS else value
