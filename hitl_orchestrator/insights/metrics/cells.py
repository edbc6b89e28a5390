"""Sums over the cases that agree in all dimensions, from which all groups are made: few rows for millions of cases."""

import polars as pl

from hitl_orchestrator.insights.metrics.population import STAKE, VERDICT_NAMES, Population

KEYS = (
    "task_type",
    "domain",
    "risk_level",
    "rule_id",
    "routing_decision",
    "agent_id",
    "model_version",
    "confidence_band",
    "signals",
    "human_role",
)
VERDICT_SUMS = (*VERDICT_NAMES, "label_changed", "timeout")
SUMS = (
    "cases",
    "automatic",
    "escalated",
    *VERDICT_SUMS,
    "known",
    "confidence",
    "stated",
    STAKE,
    "due",
    "looks",
    "wrong",
    "looked_at",
    "look_overturned",
)
"""The sums of a cell. `known` cases have a confidence, and `stated` ones an amount at stake.

`due`, `looks` and `wrong` are the drawn automatic cases, their answered spot checks, and those that found an error.
`looked_at` and `look_overturned` are the same of all cases, those that people decided included."""


def cells_of(found: Population, *others: str) -> pl.DataFrame:
    """Return one row for each combination of `KEYS`, `others` and stratum that occurs, with its `SUMS`."""
    keys = (*KEYS, *others)
    drawn = pl.col("is_automatic") & pl.col("is_drawn")
    looked = drawn & pl.col("check_overturned").is_not_null()
    stake = pl.col(STAKE) if found.has_stake else pl.lit(None, pl.Float64)
    sums = [
        pl.len().alias("cases"),
        pl.col("is_automatic").sum().alias("automatic"),
        pl.col("is_escalated").sum().alias("escalated"),
        *(pl.col(name).sum() for name in VERDICT_SUMS),
        pl.col("confidence_score").count().alias("known"),
        pl.col("confidence_score").sum().alias("confidence"),
        stake.count().alias("stated"),
        stake.sum().alias(STAKE),
        drawn.sum().alias("due"),
        looked.sum().alias("looks"),
        (looked & pl.col("check_overturned")).sum().alias("wrong"),
        pl.col("looked_at").sum(),
        (pl.col("looked_at") & pl.col("look_overturned")).sum().alias("look_overturned"),
    ]
    # Texts are grouped faster as categories.
    as_categories = [pl.col(name).cast(pl.Categorical) for name in keys]
    groups = found.cases.with_columns(as_categories).group_by(*keys, "stratum").agg(sums)
    return groups.with_columns(pl.col(keys).cast(pl.String)).sort(*keys, "stratum")


def summed(cells: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Return the sums by other keys, in their order."""
    # In a fixed order, so that sums of numbers are always rounded alike.
    return cells.group_by(*keys, maintain_order=True).agg(pl.col(SUMS).sum()).sort(*keys)
