"""What the rules do, and what people say is wrong."""

from collections.abc import Mapping

import polars as pl

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.insights.metrics.groups import tallies
from hitl_orchestrator.insights.metrics.model import ErrorType, RuleUse
from hitl_orchestrator.insights.metrics.population import Population, with_look
from hitl_orchestrator.insights.shares import share_among

NAMELESS = "none"
"""The key of cases without a task type."""


def rule_uses(cells: pl.DataFrame, active: Mapping[str, Action] | None) -> tuple[RuleUse, ...]:
    """Return the use of each rule, the most frequent first. A rule whose action was changed is listed by action.

    The fallback, which is no rule of a policy, is always in force.
    """
    return tuple(
        RuleUse(
            rule_id=rule_id,
            action=action,
            cases=tally.sums["cases"],
            overturn=tally.overturn,
            automatic_errors=tally.errors if tally.strata else None,
            in_force=active is None or rule_id == FALLBACK or active.get(rule_id) == action,
        )
        for (rule_id, action), tally in tallies(cells, "rule_id", "routing_decision").items()
    )


def never_fired(found: Population, active: Mapping[str, Action] | None) -> tuple[str, ...]:
    """Return the active rules that decided no case of the period, in the order of the policy."""
    fired = set(found.cases["rule_id"].unique())
    return tuple(rule_id for rule_id in active or () if rule_id not in fired)


def error_types(found: Population) -> tuple[ErrorType, ...]:
    """Return the reason codes of all overturned cases, spot checks included, the most frequent first."""
    wrong = with_look(found, found.cases.filter(pl.col("looked_at") & pl.col("look_overturned")))
    counted = wrong.group_by("look_reason", pl.col("task_type").fill_null(NAMELESS)).len()
    reasons = counted.partition_by("look_reason", as_dict=True)
    types = [
        ErrorType(
            reason_code=reason,
            cases=share_among(int(rows["len"].sum()), wrong.height),
            by_task_type=dict(
                rows.sort("len", "task_type", descending=[True, False]).select("task_type", "len").rows()
            ),
        )
        for (reason,), rows in reasons.items()
    ]
    return tuple(sorted(types, key=lambda one: (-one.cases.count, one.reason_code is None, one.reason_code or "")))
