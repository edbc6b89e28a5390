"""The open cases of a store: routed, and waiting for a decision or for its outcome."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.counting.counters import values_of
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.ledger.events.outcomes import AGENT_FIELDS, shown_label
from hitl_orchestrator.ledger.ports.ledger import Ledger

AT_A_TIME = 1_000


def open_cases(ledger: Ledger) -> Iterator[Case]:
    """Yield the cases that are not finished, in the order of submission; those that cannot be read are left out.

    So are replayed cases without a recorded decision: no person is asked about them.
    """
    ids = ledger.stages(CaseStage.RECEIVED, CaseStage.WAITING, CaseStage.DECIDED)
    for first in range(0, len(ids), AT_A_TIME):
        part = ids[first : first + AT_A_TIME]
        found = ledger.some(part, on_unreadable=lambda exc: None)
        cases = (found[each] for each in part if each in found)
        yield from (case for case in cases if case.stage is not CaseStage.FINISHED and not case.submission.replayed)


def row_of(case: Case, columns: Sequence[str]) -> tuple[Any, ...]:
    """Return these columns of `Outcome` for an open case; what only an ending has is None.

    `metadata` is the task's as JSON text, and `redacted` false. A case that was not routed yet has no risk level and no
    routing decision.
    """
    values = _stated(case) | (_routed(case) if case.reviews else {})
    return tuple(values.get(name) for name in columns)


def _stated(case: Case) -> dict[str, Any]:
    submission = case.submission
    task, check = submission.task, submission.quality_check
    return {
        "case_id": case.case_id,
        "task_id": task.task_id,
        "task_type": task.task_type,
        "domain": task.domain,
        "signals": "",
        "has_proposal": 0,
        "policy_id": submission.policy_id,
        "policy_hash": submission.policy_hash,
        "review_probability": 0.0,
        "drawn": 0,
        "escalations": max(0, len(case.reviews) - 1),
        "quality_check": None if check is None else check.kind.value,
        "replayed": int(submission.replayed),
        "submitted_by": submission.submitted_by,
        "redacted": False,
        "task_timestamp": _time_text(task.timestamp or submission.received_at),
        "received_at": _time_text(submission.received_at),
        "metadata": json.dumps(task.metadata, ensure_ascii=False, default=str),
    }


def _routed(case: Case) -> dict[str, Any]:
    """Return what the routing of a case says. Its review is due, whatever the policy that is tried."""
    first, last = case.reviews[0], case.reviews[-1]
    routing, output = first.shown.routing, first.shown.routing.output
    stated = {} if output is None else output.agent_output.model_extra or {}
    return {
        "risk_level": routing.risk_level.value,
        "confidence_score": routing.score.confidence,
        "signals": " ".join(routing.score.signals),
        "has_proposal": int(output is not None),
        "routing_decision": routing.decision.action.value,
        "rule_id": routing.decision.rule_id,
        "review_probability": routing.decision.review_probability,
        "assigned_human_role": routing.decision.assigned_human_role,
        "approvals_needed": routing.decision.requirements.approvals,
        "history": json.dumps(values_of(routing.history)),
        "proposal": None if output is None else output.agent_output.model_dump_json(),
        "predicted_label": None if output is None else shown_label(output.agent_output.predicted_label),
        **{name: stated[name] for name in AGENT_FIELDS if isinstance(stated.get(name), str)},
        "due_at": None if last.due_at is None else _time_text(last.due_at),
    }


def _time_text(at: Any) -> str:
    """Return the text form of a time in the table `outcomes`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # type: ignore[no-any-return]
