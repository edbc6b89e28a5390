"""The metrics over time, the changes that are marked on it, and the amounts at stake."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.frame import rows_of
from hitl_orchestrator.insights.metrics.model import Looks, Mark, Moment, Period, Stake, StakeField
from hitl_orchestrator.insights.metrics.population import STAKE, Population, relied_on
from hitl_orchestrator.insights.shares import share_among

INTERVALS = {"1h": timedelta(days=3), "1d": timedelta(days=62), "1w": timedelta(days=730), "1mo": timedelta.max}
"""The intervals of a trend, and the longest period for which each is chosen."""

SHOWN_OF_HASH = 12
"""The number of characters of a policy's hash that name its version."""

POLICY, AGENT_VERSION = "policy", "agent_version"
"""The kinds of marks."""


def interval_of(period: Period, every: str | None) -> str:
    """Return the interval of a trend: the given one, or the one that suits the period.

    Raises:
        InvalidInput: it is none of `INTERVALS`.
    """
    if every is not None and every not in INTERVALS:
        raise InvalidInput([f"every: {every!r} is not one of {', '.join(INTERVALS)}"])
    if every is not None or period.first is None or period.last is None:
        return every or "1d"
    span = period.last - period.first
    return next(name for name, longest in INTERVALS.items() if span <= longest)


def trend(found: Population, every: str, sure: float) -> tuple[Moment, ...]:
    """Return the metrics of each interval that has cases, in order."""
    is_sure = pl.col("looked_at") & (pl.col("confidence_score") >= sure).fill_null(value=False)
    counted = (
        found.cases.group_by(start=pl.col("timestamp").dt.truncate(every))
        .agg(
            cases=pl.len(),
            automatic=pl.col("is_automatic").sum(),
            decided=pl.col("overturned").count(),
            wrong=pl.col("overturned").sum(),
            sure=is_sure.sum(),
            sure_wrong=(is_sure & pl.col("look_overturned")).sum(),
            median_latency=pl.col("latency_seconds").filter(pl.col("by_person")).median(),
        )
        .sort("start")
    )
    return tuple(
        Moment(
            start=row["start"],
            cases=row["cases"],
            automation=share_among(row["automatic"], row["cases"]),
            overturn=relied_on(share_among(row["wrong"], row["decided"])),
            false_confidence=relied_on(share_among(row["sure_wrong"], row["sure"])),
            median_latency=row["median_latency"],
        )
        for row in rows_of(counted)
    )


def all_marks(found: Population, given: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return the given marks of the period, and those of agent versions; of policies too if none is given.

    The version or policy that the first case of all has is no change.
    """
    marks = [*given, *_first_seen(found, AGENT_VERSION, pl.col("model_version"), of="agent_id")]
    if not any(mark.kind == POLICY for mark in given):
        version = pl.col("policy_hash").str.slice(0, SHOWN_OF_HASH)
        marks += _first_seen(found, POLICY, pl.concat_str([pl.col("policy_id"), version], separator=" "))
    period = found.period
    kept = [
        mark
        for mark in marks
        if (period.since is None or mark.at >= period.since) and (period.until is None or mark.at < period.until)
    ]
    return tuple(sorted(set(kept), key=lambda mark: (mark.at, mark.kind, mark.label, mark.of or "")))


def _first_seen(found: Population, kind: str, label: pl.Expr, of: str | None = None) -> list[Mark]:
    """Return when each label was first seen, except the first one of each value of the column `of`."""
    owner = pl.lit(None, pl.String) if of is None else pl.col(of)
    cases = found.frame.select("kind", "timestamp", of=owner, label=label)
    cases = cases.filter((pl.col("kind") == "case") & pl.col("label").is_not_null())
    seen = cases.group_by("of", "label").agg(pl.col("timestamp").min()).sort("timestamp", "of", "label")
    later = seen.filter(~pl.col("of").is_first_distinct())
    return [Mark(at=row["timestamp"], kind=kind, label=row["label"], of=row["of"]) for row in rows_of(later)]


def stakes(found: Population, stake: StakeField | None, looks: Looks | None) -> tuple[Stake, ...]:
    """Return the sums of the amount at stake; nothing where none is declared."""
    if stake is None or not found.has_stake:
        return ()
    amount = pl.col(STAKE)
    sums = found.cases.select(
        cases=pl.len(),
        stated=amount.count(),
        total=amount.sum(),
        automatic=amount.filter(pl.col("is_automatic")).sum(),
        reviewed=amount.filter(pl.col("by_person")).sum(),
        overturned=amount.filter(pl.col("overturned").fill_null(value=False)).sum(),
    )
    return (
        Stake(**sums.row(0, named=True), field=stake.field, unit=stake.unit, open=looks.open_stake if looks else None),
    )
