"""The cases that the metrics cover, with the columns that all of them read."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from hitl_orchestrator.domain.audit import RECORDED_TRUTH
from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision, HumanDecision, QualityCheckKind
from hitl_orchestrator.insights.escaped_errors import ENOUGH_REVIEWS
from hitl_orchestrator.insights.frame import rows_of
from hitl_orchestrator.insights.metrics.model import CaseCounts, Looks, Period
from hitl_orchestrator.insights.shares import Share
from hitl_orchestrator.insights.strata import stratum_of

VERDICT_NAMES = tuple(decision.value for decision in HumanDecision if decision.final is not None)
"""The final decisions of people."""

STAKE = "stake"
DIGITS = 12
"""The decimals of sums of numbers: they are added in any order, which rounds the last digits differently."""

_READ = (
    "case_id",
    "task_id",
    "task_type",
    "domain",
    "risk_level",
    "rule_id",
    "routing_decision",
    "agent_id",
    "model_version",
    "human_role",
    "reviewer_id",
    "human_decision",
    "reason_code",
    "signals",
    "confidence_score",
    "confidence_band",
    "decision_source",
    "escalations",
    "label_changed",
    "replayed",
    "redacted",
    "timestamp",
    "due_at",
    "latency_seconds",
    "review_seconds",
    "seconds_looked_at",
    "review_probability",
    "by_person",
    "overturned",
    "is_drawn",
    "check_overturned",
    "looked_at",
    "look_overturned",
    "look_weight",
)


@dataclass(frozen=True)
class Population:
    """`cases` are the decided cases of the period, `frame` all rows, and `within` the rows of the period."""

    cases: pl.DataFrame
    frame: pl.DataFrame
    within: pl.DataFrame
    period: Period
    has_stake: bool


def population(frame: pl.DataFrame, since: datetime | None, until: datetime | None) -> Population:
    """Return the cases to measure: decided between `since`, included, and `until`, excluded."""
    within = frame
    if since is not None:
        within = within.filter(pl.col("timestamp") >= since)
    if until is not None:
        within = within.filter(pl.col("timestamp") < until)
    automatic = (pl.col("decision_source") == DecisionSource.AGENT.value).fill_null(value=False)
    up = (pl.col("routing_decision") == Action.ESCALATE.value) | (pl.col("escalations") > 0)
    by_person, decision = pl.col("by_person"), pl.col("human_decision")
    # A record that was decided at the very time of its task, or by itself, states no duration.
    timeless = pl.col("replayed").fill_null(value=False) & (automatic | (pl.col("latency_seconds") <= 0))
    read = [name for name in (*_READ, STAKE) if name in frame.columns]
    cases = (
        within.filter((pl.col("kind") == "case") & pl.col("is_decided"))
        .select(read)
        .with_columns(
            is_automatic=automatic,
            is_escalated=~automatic & up.fill_null(value=False),
            timeout=(pl.col("decision_source") == DecisionSource.TIMEOUT.value).fill_null(value=False),
            label_changed=by_person
            & (decision == HumanDecision.MODIFY.value)
            & pl.col("label_changed").fill_null(value=False),
            **{name: by_person & (decision == name).fill_null(value=False) for name in VERDICT_NAMES},
            confidence_score=pl.col("confidence_score").fill_nan(None),
            latency_seconds=pl.when(~timeless).then("latency_seconds"),
            by_truth=by_person
            & (pl.col("replayed") & (pl.col("reviewer_id") == RECORDED_TRUTH)).fill_null(value=False),
            stratum=stratum_of(pl, pl.col("review_probability")),
            replayed=pl.col("replayed").fill_null(value=False),
            redacted=pl.col("redacted").fill_null(value=False),
        )
    )
    ends = next(rows_of(cases.select(first=pl.col("timestamp").min(), last=pl.col("timestamp").max())))
    period = Period.model_validate({"since": since, "until": until, **ends})
    return Population(cases, frame, within, period, STAKE in frame.columns)


def case_counts(found: Population, looks: Looks | None, *, whole: bool = True) -> CaseCounts:
    """Return the number of cases covered and left out; those of `named` and `shown` only for `whole` metrics."""
    cases = found.cases
    endings = list(found.within.group_by("kind", "final_decision").len().iter_rows())
    ended = {final: number for kind, final, number in endings if kind == "case"}
    unanswered = found.frame.select((pl.col("is_drawn") & pl.col("check_overturned").is_null()).sum()).item()
    return CaseCounts(
        decided=cases.height,
        canceled=ended.get(FinalDecision.CANCELED.value, 0),
        superseded=ended.get(FinalDecision.SUPERSEDED.value, 0),
        open=looks.open if looks else 0,
        overdue=looks.overdue if looks else 0,
        unanswered_checks=looks.unanswered_checks if looks else unanswered,
        quality_checks=sum(number for kind, _, number in endings if kind == "quality_check"),
        changes=sum(number for kind, _, number in endings if kind == "change"),
        replayed=int(cases["replayed"].sum()),
        by_truth=int(cases["by_truth"].sum()),
        redacted=int(cases["redacted"].sum()),
        unreadable=looks.unreadable if looks else 0,
        open_checks=looks.open_checks if looks else 0,
        named=_by_people(cases, pl.col("reviewer_id").is_not_null() & ~pl.col("by_truth")) if whole else 0,
        shown=_by_people(cases, ~pl.col("replayed").fill_null(value=False)) if whole else 0,
    )


def _by_people(cases: pl.DataFrame, which: pl.Expr) -> int:
    number: int = cases.select((pl.col("by_person") & which).sum()).item()
    return number


def with_look(found: Population, cases: pl.DataFrame) -> pl.DataFrame:
    """Add the decision, person and reason of the look at each case: its own review, or else its spot check."""
    checks = found.frame.filter(
        (pl.col("quality_check") == QualityCheckKind.SPOT_CHECK.value)
        & pl.col("human_decision").is_in(list(VERDICT_NAMES))
    ).select(
        pl.col("quality_check_of").alias("case_id"),
        pl.col("human_decision").alias("check_decision"),
        pl.col("reviewer_id").alias("check_reviewer"),
        pl.col("reason_code").alias("check_reason"),
    )
    joined = cases.join(checks.unique("case_id", keep="last", maintain_order=True), on="case_id", how="left")
    own = pl.col("by_person")
    return joined.with_columns(
        look_decision=pl.when(own).then("human_decision").otherwise("check_decision"),
        look_reviewer=pl.when(own).then("reviewer_id").otherwise("check_reviewer"),
        look_reason=pl.when(own).then("reason_code").otherwise("check_reason"),
    )


def not_enough(number: float) -> str | None:
    """Return that so many looks are too few; None if they are enough."""
    return None if number >= ENOUGH_REVIEWS else f"not enough data: {int(number)} of {ENOUGH_REVIEWS}"


def relied_on(share: Share) -> Share:
    """Return a share that says so where its cases are too few."""
    return (
        share
        if share.of == 0 or share.of >= ENOUGH_REVIEWS
        else share.model_copy(update={"why_not": not_enough(share.of)})
    )
