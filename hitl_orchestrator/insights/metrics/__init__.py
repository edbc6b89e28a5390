"""Metrics of oversight: pure functions over the outcomes of cases."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.insights.metrics.model import Looks, Mark, Metrics, StakeField

if TYPE_CHECKING:
    import polars as pl

__all__ = ["measure"]


def measure(
    frame: "pl.DataFrame",
    looks: Looks | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    active_rules: Mapping[str, Action] | None = None,
    marks: Sequence[Mark] = (),
    tolerated: float = 0.05,
    sure: float = 0.8,
    stake: StakeField | None = None,
    every: str | None = None,
    by: str | None = None,
) -> Metrics:
    """Return the metrics of the cases decided from `since`, included, to `until`, excluded.

    `frame` is a frame of all outcomes as `insights.frame.prepared` returns it; a spot check counts for its case,
    whenever it was answered. `looks` adds what outcomes do not say. `active_rules` are the rules of the active policy
    with their actions, in order. `tolerated` is the share of errors that autonomy may have, and `sure` the confidence
    from which an agent is sure. `stake` names the amount in the column `stake`. `every` is the interval of the trend:
    `1h`, `1d`, `1w` or `1mo`; by default it suits the period.

    With `by`, one of `DIMENSIONS`, they are an overview: the groups are those of this dimension, and the overturn map,
    the list of sure and wrong cases, latencies by group, reviewers, rules and error types are left out.

    Raises:
        InvalidInput: `tolerated`, `sure`, `every` or `by` is invalid, or a time has no zone.
    """
    from hitl_orchestrator.insights.metrics.measures import all_metrics  # noqa: PLC0415

    return all_metrics(
        frame,
        looks,
        since=since,
        until=until,
        active_rules=active_rules,
        marks=marks,
        tolerated=tolerated,
        sure=sure,
        stake=stake,
        every=every,
        by=by,
    )
