"""Finished cases as texts, for whoever works through very many of them: nothing is read that nobody asks for."""

import json
from typing import NamedTuple

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.chain import body_of
from hitl_orchestrator.ledger.contents import Contents

OUTLINE = (
    "approvals_needed",
    "assigned_human_role",
    "confidence_score",
    "domain",
    "human_decision",
    "latency_seconds",
    "probe",
    "proposed_output",
    "review_probability",
    "risk_level",
    "routing_decision",
    "rule_id",
    "signals",
    "task_type",
    "timestamp",
)
"""The fields of the record that are read; what an older record lacks is null."""


class Past(NamedTuple):
    """One finished case: JSON with its audit record as `body`, or the `OUTLINE` of it, with what was said in it aside.

    `metadata` are those of its task, as JSON text, and `made_at` is the task's timestamp. Both are None where they were
    not asked for; `metadata` is so too where it was erased. `redacted` is told where tasks were asked for.
    """

    entry: str
    metadata: str | None = None
    made_at: str | None = None
    redacted: bool = False


def past_in(entry: str, submitted: str, said: Contents | None) -> Past:
    """Return a case from the entries of its end and of its beginning, and what was said in it."""
    try:
        task = body_of(submitted)["task"]
        made_at, metadata = str(task["timestamp"]), task["metadata"]
        named = metadata.get("content") if metadata.keys() == {"content"} else None
    except (KeyError, TypeError, AttributeError) as exc:
        raise LedgerDamaged(f"the entry of a submission cannot be read: {submitted[:60]!r}") from exc
    # Without metadata nothing is named: then the entry holds the empty object itself.
    texts = {} if said is None or named is None else said.texts([named])
    return Past(entry, texts.get(str(named)) if metadata else "{}", made_at, said is None)


def past_of(record: AuditRecord, task: Task, *, redacted: bool) -> Past:
    """Return a case that is at hand; of one that was redacted nobody knows the metadata any more."""
    body = record.model_dump(mode="json")
    return Past(json.dumps({"body": body}), None if redacted else json.dumps(task.metadata), body_time(task), redacted)


def body_time(task: Task) -> str:
    """Return the timestamp of a task as it stands in entries."""
    return str(task.model_dump(mode="json")["timestamp"])
