"""A violation in words: one sentence for each problem of a case."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.insights.report.model import Violation


def violation_of(row: Mapping[str, Any], problems: Sequence[str]) -> Violation:
    """Return the violation of a case, with a sentence for each of the problems that its row is marked with."""
    what = "; ".join(_SENTENCES[name](row) for name in problems if row[name])
    return Violation(case_id=row["case_id"], task_id=row["task_id"], at=row["timestamp"], what=what)


def _demand(row: Mapping[str, Any]) -> str:
    """Say what the policy demands, and by which rule."""
    by = "no rule of its policy matches, so that it demands" if row["rule"] == FALLBACK else f"{row['rule']} demands"
    return f"{by} {row['action']}" + ("" if row["role"] is None else f" by {row['role']}")


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "unknown_policy": lambda row: f"its policy {row['policy_hash'][:12]} is not recorded in this store",
    "never_in_force": lambda row: f"its policy {row['policy_hash'][:12]} was not in force before it finished",
    "out_of_force": lambda row: f"its policy {row['policy_hash'][:12]} was not in force for it when it was received",
    "automatic": lambda row: f"it was approved automatically, and {_demand(row)}",
    "looser": lambda row: f"it was routed to {row['routing_decision']}, and {_demand(row)}",
    "other_rule": lambda row: f"the record names rule {row['rule_id']}, and the policy decides by {row['rule']}",
    "low_role": lambda row: f"{row['human_role'] or 'a person without a role'} decided it, and {_demand(row)}",
    "asked_low": lambda row: f"{row['assigned_human_role'] or 'no role'} was asked, and {_demand(row)}",
    "low_votes": lambda row: (
        f"{row['in_role']} of {row['approvals']} demanded approvals came from {row['role']} or a role above it"
    ),
    "too_few": lambda row: f"{row['agreeing']} of {row['approvals']} demanded approvals were given",
    "same_role": lambda row: (
        f"the {row['approvals']} demanded approvals came from {row['roles']} role{'s'[: row['roles'] > 1]}"
    ),
    "asked_too_few": lambda row: f"{row['approvals_needed']} of {row['approvals']} demanded approvals were asked for",
    "rarely_checked": lambda row: (
        f"it was drawn for a spot check with probability {row['review_probability']:g}, and {row['rule']} demands "
        f"{row['spot']:g}"
    ),
    "unreviewed": lambda row: f"it was approved automatically, although it was routed to {row['routing_decision']}",
    "own": lambda row: f"{row['submitted_by']} submitted it and decided it",
    "timed_out": lambda row: f"its deadline passed, and it ended as {row['final_decision']}",
    "contradicts": lambda row: (
        f"it ended as {row['final_decision']}, which does not follow from "
        f"{row['human_decision'] or row['decision_source']}"
    ),
    "unnamed": lambda row: "a person decided it, and the record names neither who nor in which role",
}
