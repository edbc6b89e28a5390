"""Frames of finished cases, from rows as plain values."""

from datetime import UTC, datetime, timedelta

import pytest

from hitl_orchestrator.domain.audit import is_drawn
from hitl_orchestrator.domain.value import text_digest
from hitl_orchestrator.insights.frame import DERIVED, prepared, schema

pl = pytest.importorskip("polars")

MONDAY = datetime(2025, 1, 6, 9, tzinfo=UTC)


def automatic(number, **fields):
    """An automatic case, as a row of outcomes, drawn for a spot check by a hash of its id unless `drawn` is given."""
    case_id = fields.get("case_id", f"case-{number}")
    chance = fields.get("review_probability", 0.0) if fields.get("decision_source", "agent") == "agent" else 0.0
    return {
        "finished_seq": number,
        "case_id": case_id,
        "task_id": f"task-{number}",
        "task_type": "refund",
        "domain": "payments",
        "risk_level": "low",
        "confidence_score": 0.9,
        "signals": "",
        "has_proposal": True,
        "routing_decision": "auto_approve",
        "rule_id": "r1",
        "policy_id": "p",
        "policy_hash": "a" * 64,
        "review_probability": 0.0,
        "drawn": is_drawn(chance, text_digest(case_id)),
        "approvals_needed": 1,
        "escalations": 0,
        "final_decision": "approved",
        "decision_source": "agent",
        "replayed": False,
        "redacted": False,
        "shown_length": 1000,
        "agent_id": "agent",
        "model_version": "1",
        "task_timestamp": MONDAY,
        "timestamp": MONDAY + timedelta(seconds=number),
        "latency_seconds": 1.0,
    } | fields


FINAL = {
    "approve": "approved",
    "reject": "rejected",
    "modify": "modified_and_approved",
    "override": "override_approved",
}


def reviewed(number, decision="approve", **fields):
    """A case that a person decided."""
    return automatic(
        number,
        **{
            "routing_decision": "human_review",
            "rule_id": "r2",
            "review_probability": 1.0,
            "decision_source": "human",
            "human_decision": decision,
            "final_decision": FINAL[decision],
            "reviewer_id": "ana",
            "human_role": "domain_reviewer",
            "latency_seconds": 600.0,
            "review_seconds": 500.0,
            "seconds_looked_at": 60.0,
        }
        | fields,
    )


def checked(number, of, decision="approve", **fields):
    """The spot check of an automatic case."""
    return reviewed(
        number,
        decision,
        **{"case_id": f"check-{number}", "quality_check": "spot_check", "quality_check_of": of["case_id"]}
        | {name: of[name] for name in ("task_type", "confidence_score", "risk_level")}
        | fields,
    )


def frame_of(rows):
    """The prepared frame of rows, with a column `stake` if they have one."""
    types = schema() | ({"stake": pl.Float64} if any("stake" in row for row in rows) else {})
    given = {name: kind for name, kind in types.items() if name not in DERIVED}
    return prepared(pl.DataFrame([{name: row.get(name) for name in given} for row in rows], given))
