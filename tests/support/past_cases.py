"""Past cases for backtests, and two policies to compare on them."""

import polars as pl

from hitl_orchestrator.backtest import run_backtest
from support.random_policies import a_policy_with

OLD = a_policy_with([("auto_approve", {"min_confidence": 0.8}), ("human_review", {})])


NEW = a_policy_with(
    [
        ("escalate", {"risk_level": "high"}, {"assigned_human_role": "senior_manager", "approvals": 2}.items()),
        ("auto_approve", {"min_confidence": 0.6}, {"spot_check": 0.5}.items()),
    ]
)


def a_case(**changes):
    confidence = changes.get("confidence_score", 0.7)
    through = isinstance(confidence, float) and confidence >= 0.8
    report = {
        "risk_level": "low",
        "domain": "payments",
        "task_type": "refund",
        "confidence_score": confidence,
        "signals": "[]",
        "metadata": "{}",
        "task_timestamp": "2025-01-06T08:00:00Z",
        "timestamp": "2025-01-06T09:00:00Z",
        "latency_seconds": 3600.0,
        "routing_decision": "auto_approve" if through else "human_review",
        "rule_id": "r1" if through else "r2",
        "assigned_human_role": None if through else "domain_reviewer",
        "review_probability": 0.0 if through else 1.0,
        "human_decision": None if through else "approve",
        "proposed_output": "{}",
        "quality_check": None,
    }
    return report | changes


def run(cases, policy=NEW, **more):
    schema = {"quality_check": pl.String, "human_decision": pl.String, "assigned_human_role": pl.String}
    return run_backtest(policy, [pl.DataFrame(cases, schema_overrides=schema, infer_schema_length=None).lazy()], **more)
