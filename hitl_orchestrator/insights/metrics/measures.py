"""All metrics of a frame, computed one after the other."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.deciders import measure_deciders
from hitl_orchestrator.insights.metrics.autonomy import autonomy
from hitl_orchestrator.insights.metrics.cells import cells_of
from hitl_orchestrator.insights.metrics.confidence import MOST_LISTED, calibration, false_confidence, risk_coverage
from hitl_orchestrator.insights.metrics.groups import all_cases, by_dimension, groups, left_out, overturn_map
from hitl_orchestrator.insights.metrics.latency import latency
from hitl_orchestrator.insights.metrics.model import DIMENSIONS, OVERVIEWS, Looks, Mark, Metrics, StakeField, Verdicts
from hitl_orchestrator.insights.metrics.population import case_counts, population, relied_on
from hitl_orchestrator.insights.metrics.rules import error_types, never_fired, rule_uses
from hitl_orchestrator.insights.metrics.trend import all_marks, interval_of, stakes, trend
from hitl_orchestrator.insights.reviewer_quality import measure_reviewers
from hitl_orchestrator.insights.shares import Share, share_among


def all_metrics(
    frame: pl.DataFrame,
    looks: Looks | None,
    *,
    since: datetime | None,
    until: datetime | None,
    active_rules: Mapping[str, Action] | None,
    marks: Sequence[Mark],
    tolerated: float,
    sure: float,
    stake: StakeField | None,
    every: str | None,
    by: str | None,
) -> Metrics:
    """Return the metrics of a prepared frame; see `measure`."""
    _check(since, until, tolerated, sure, by)
    found = population(frame, since, until)
    interval = interval_of(found.period, every)
    cells = cells_of(found, *(("reviewer_id",) if by == "reviewer_id" else ()))
    whole = by is None
    tally, tallied = all_cases(cells), by_dimension(cells, DIMENSIONS if by is None else (by,))
    task_types = tallied.get("task_type") or by_dimension(cells, ("task_type",))["task_type"]
    return Metrics(
        period=found.period,
        cases=case_counts(found, looks, whole=whole),
        **tally.rates(),
        **_decisions_of_people(tally.verdicts),
        automatic_errors=tally.errors,
        by=groups(tallied),
        left_out=left_out(tallied),
        overturn_map=overturn_map(cells, task_types) if whole else (),
        false_confidence=false_confidence(found, sure, MOST_LISTED if whole else 0),
        calibration=calibration(found),
        risk_coverage=risk_coverage(found),
        latency=latency(found, by_group=whole),
        reviewers=measure_reviewers(frame, since=since, until=until) if whole else (),
        deciders=measure_deciders(frame, since=since, until=until) if whole else (),
        names={} if looks is None else looks.names,
        rules=rule_uses(cells, active_rules) if whole else (),
        never_fired=never_fired(found, active_rules) if whole else (),
        error_types=error_types(found) if whole else (),
        autonomy=autonomy(cells, task_types, tolerated),
        stakes=stakes(found, stake, looks),
        every=interval,
        trend=trend(found, interval, sure),
        marks=all_marks(found, marks),
    )


def _decisions_of_people(verdicts: Verdicts) -> dict[str, Share]:
    """Return the share of each decision among the cases that a person decided."""
    counts = {
        "override": verdicts.override,
        "rejection": verdicts.reject,
        "modification": verdicts.modify,
        "approval": verdicts.approve,
    }
    return {name: relied_on(share_among(count, verdicts.people)) for name, count in counts.items()}


def _check(since: datetime | None, until: datetime | None, tolerated: float, sure: float, by: str | None) -> None:
    """Refuse shares out of their range, times without a zone, and unknown dimensions."""
    if not 0 < tolerated < 1 or not 0 <= sure <= 1:
        raise InvalidInput([f"tolerated: {tolerated!r} must lie between 0 and 1, and sure: {sure!r} from 0 to 1"])
    for name, at in (("since", since), ("until", until)):
        if at is not None and at.tzinfo is None:
            raise InvalidInput([f"{name}: {at.isoformat()} has no time zone; give a time such as 2025-01-10T09:15:00Z"])
    if by is not None and by not in OVERVIEWS:
        raise InvalidInput([f"by: {by!r} is not one of {', '.join(OVERVIEWS)}"])
