"""How long decisions take: in total, waiting, and at work."""

import polars as pl

from hitl_orchestrator.insights.metrics.model import Latency, Quantiles
from hitl_orchestrator.insights.metrics.population import Population
from hitl_orchestrator.insights.shares import share_among

_QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99}
_READ = (
    "by_person",
    "replayed",
    "timestamp",
    "due_at",
    "latency_seconds",
    "review_seconds",
    "seconds_looked_at",
    "human_role",
    "risk_level",
)


def latency(found: Population, *, by_group: bool = True) -> Latency:
    """Return the durations of decisions. Replayed cases are records: they have a total, and no times of work here."""
    decided = found.cases.select(_READ).filter("by_person")
    live = decided.filter(~pl.col("replayed"))
    viewed = pl.col("review_seconds") - pl.col("seconds_looked_at")
    due = live.filter(pl.col("due_at").is_not_null())
    late = int((due["timestamp"] > due["due_at"]).sum())
    return Latency(
        total=_quantiles(decided, pl.col("latency_seconds")),
        waiting=_quantiles(live, pl.max_horizontal(viewed, viewed * 0)),
        working=_quantiles(live, pl.col("seconds_looked_at")),
        automatic=_quantiles(found.cases, pl.col("latency_seconds").filter("is_automatic")),
        overdue=share_among(late, due.height),
        by_role=_by(decided, "human_role") if by_group else {},
        by_risk=_by(decided, "risk_level") if by_group else {},
    )


def _quantiles(rows: pl.DataFrame, of: pl.Expr) -> Quantiles:
    return _of_sorted(rows.select(of.drop_nulls().sort().alias("seconds"))["seconds"])


def _of_sorted(seconds: pl.Series) -> Quantiles:
    """Return the quantiles of sorted durations, interpolated linearly between neighbors."""
    values: dict[str, float | None] = dict.fromkeys(_QUANTILES)
    if len(seconds):
        for name, level in _QUANTILES.items():
            place = level * (len(seconds) - 1)
            low, high = seconds[int(place)], seconds[min(int(place) + 1, len(seconds) - 1)]
            values[name] = low + (high - low) * (place - int(place))
    return Quantiles(of=len(seconds), **values)


def _by(rows: pl.DataFrame, name: str) -> dict[str, Quantiles]:
    known = rows.select(name, "latency_seconds").drop_nulls().sort("latency_seconds")
    groups = known.partition_by(name, as_dict=True, maintain_order=True)
    return {key: _of_sorted(part["latency_seconds"]) for (key,), part in sorted(groups.items())}
