"""What follows from the columns of finished cases."""

from typing import TYPE_CHECKING, Any, TypeVar, cast

from hitl_orchestrator.domain.enums import (
    DECISION_SPECS,
    OWN_QUESTIONS,
    DecisionSource,
    FinalDecision,
    QualityCheckKind,
)
from hitl_orchestrator.insights.frame.columns import BANDS, polars, schema

if TYPE_CHECKING:
    import polars as pl

    AnyFrame = TypeVar("AnyFrame", pl.DataFrame, pl.LazyFrame)

_BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_FINAL = [decision.value for decision, spec in DECISION_SPECS.items() if spec.final is not None]
_AGREEING = [decision.value for decision, spec in DECISION_SPECS.items() if spec.approves_proposal]
_WITHDRAWN = [FinalDecision.CANCELED.value, FinalDecision.SUPERSEDED.value]


def prepared(frame: "AnyFrame") -> "AnyFrame":
    """Return the frame with the columns `DERIVED`. Columns of `FRAME` that it lacks are added, empty.

    `kind` is `case`, `quality_check` or `change` (a question that the system asked itself). `is_decided` is whether the
    case ended by a decision, `by_person` whether a person took it; then `overturned` is whether it was anything but the
    approval of the proposal as it was, else null. `is_drawn` is an automatic case that was drawn for a spot check, and
    `check_overturned` the answer of that check, null without one. `looked_at` is a case whose verdict by a person is
    known, in either way, and `look_overturned` that verdict. `look_weight` is the number of similar cases for which it
    stands: the inverse of its review probability.

    The checks must be in the same frame: filter by time afterwards.
    """
    pl = polars()
    if isinstance(frame, pl.LazyFrame):
        return cast("AnyFrame", prepared(frame.collect()).lazy())
    missing = [pl.lit(None, kind).alias(name) for name, kind in schema().items() if name not in frame.columns]
    rows: Any = frame.with_columns(missing).with_columns(_own_columns(pl))
    checks = _spot_checks(pl, rows)
    # Not a join of the frames, which would copy all columns.
    verdict = pl.col("case_id").replace_strict(
        checks["quality_check_of"], checks["overturned"], default=None, return_dtype=pl.Boolean
    )
    rows = rows.with_columns(check_overturned=pl.when("is_drawn").then(verdict))
    checked, chance = pl.col("check_overturned").is_not_null(), pl.col("review_probability")
    return rows.with_columns(  # type: ignore[no-any-return]
        looked_at=pl.col("by_person") | checked,
        look_overturned=pl.when("by_person").then(pl.col("overturned")).otherwise(pl.col("check_overturned")),
        look_weight=pl.when((pl.col("by_person") & (pl.col("kind") == "case") & (chance > 0)) | checked)
        .then(1 / chance)
        .when("by_person")
        .then(1.0),
    )


def _own_columns(pl: Any) -> "list[pl.Expr]":
    """Return the derived columns that follow from the row alone."""
    asked_itself = pl.col("task_type").is_in(OWN_QUESTIONS).fill_null(value=False)
    kind = pl.when(asked_itself).then(pl.lit("change")).when(pl.col("quality_check").is_not_null())
    decision = pl.col("human_decision")
    source = pl.col("decision_source")
    automatic = (source == DecisionSource.AGENT.value) & pl.col("quality_check").is_null()
    by_person = ((source == DecisionSource.HUMAN.value) & decision.is_in(_FINAL)).fill_null(value=False)
    return [
        kind.then(pl.lit("quality_check")).otherwise(pl.lit("case")).alias("kind"),
        (~pl.col("final_decision").is_in(_WITHDRAWN)).fill_null(value=False).alias("is_decided"),
        by_person.alias("by_person"),
        pl.when(by_person).then(~decision.is_in(_AGREEING)).alias("overturned"),
        _band(pl).alias("confidence_band"),
        (pl.col("drawn") & automatic).fill_null(value=False).alias("is_drawn"),
    ]


def _band(pl: Any) -> "pl.Expr":
    confidence = pl.col("confidence_score")
    band = pl.when(confidence.is_null() | confidence.is_nan()).then(pl.lit(BANDS[0]))
    for bound, name in zip(_BOUNDS, BANDS[1:], strict=False):
        band = band.when(confidence < bound).then(pl.lit(name))
    return band.otherwise(pl.lit(BANDS[-1]))  # type: ignore[no-any-return]


def _spot_checks(pl: Any, rows: "pl.DataFrame") -> "pl.DataFrame":
    """Return the verdict of each answered spot check, under the id of the case that it checks; the last one counts."""
    is_check = pl.col("quality_check") == QualityCheckKind.SPOT_CHECK.value
    answered = pl.col("by_person") & is_check & pl.col("quality_check_of").is_not_null()
    checks = rows.select("quality_check_of", "overturned", answered=answered).filter("answered")
    return checks.unique("quality_check_of", keep="last", maintain_order=True)
