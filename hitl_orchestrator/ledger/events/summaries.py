"""Finished cases as short texts, for whoever works through very many of them: nothing is read that nobody asks for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import body_of
from hitl_orchestrator.ledger.events.contents import text_under

OUTLINE = (
    "approvals_needed",
    "assigned_human_role",
    "confidence_score",
    "domain",
    "human_decision",
    "latency_seconds",
    "quality_check",
    "review_probability",
    "risk_level",
    "routing_decision",
    "rule_id",
    "task_type",
    "timestamp",
)
"""The fields of the record that an outline tells, in this order; what an older record lacks is null.

An outline is their JSON values with commas between them, and then `[` the signals with spaces between them `]` and
whether the agent proposed something, 1 or 0. Where no text in it has a backslash it is a line of CSV.
"""


class CaseSummary(NamedTuple):
    """One finished case: the outline of its record, the timestamp of its task, and the metadata of that as JSON text.

    `metadata` are None where they were erased: then it is `redacted`.
    """

    outline: str
    made_at: str
    metadata: str | None
    redacted: bool


def outline_of(body: Mapping[str, Any]) -> str:
    """Return the outline of a record, as it stands in its entry."""
    told = canonical_json([body.get(name) for name in OUTLINE])[1:-1]
    proposed = isinstance(body.get("proposed_output"), dict)
    return f"{told},[{' '.join(body.get('signals') or ())}],{int(proposed)}"


def outline_in(text: str | None) -> str:
    """Return the outline of an entry that a database has cut down to it, or has given whole."""
    if text is None:
        raise LedgerDamaged("the entry of an outcome cannot be read: it is no JSON, or tells of no outcome")
    return outline_of(body_of(text)) if text.startswith("{") else text


def past_in(ended: str | None, began: str | None, said: str | None) -> CaseSummary:
    """Return a case from the entries of its end and of its beginning, and what was said in it; None if that is erased.

    A database may have cut an entry down: to its outline, and to a list of its task's timestamp and what names its
    metadata.
    """
    try:
        made_at, named = _task_in(began or "")
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise LedgerDamaged(f"the entry of a submission cannot be read: {str(began)[:60]}") from exc
    # Without metadata nothing is named: then the entry holds the empty object itself.
    metadata = None if said is None else text_under(said, named)
    return CaseSummary(outline_in(ended), made_at, metadata if named else "{}", said is None)


def _task_in(began: str) -> tuple[str, str]:
    if began.startswith("{"):
        task = body_of(began)["task"]
        return str(task["timestamp"]), str(task["metadata"].get("content") or "")
    made_at, named = began.removeprefix("[").removesuffix("]").split(",")
    return made_at.strip('"'), "" if named == "null" else named.strip('"')


def past_of(record: AuditRecord, task: Task, *, redacted: bool) -> CaseSummary:
    """Return a case that is at hand; of one that was redacted nobody knows the metadata any more."""
    metadata = None if redacted else canonical_json(task.metadata)
    return CaseSummary(outline_of(record.model_dump(mode="json")), body_time(task), metadata, redacted)


def body_time(task: Task) -> str:
    """Return the timestamp of a task as it stands in entries."""
    return str(task.model_dump(mode="json")["timestamp"])
