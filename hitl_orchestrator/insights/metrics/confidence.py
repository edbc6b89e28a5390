"""What confidence is worth: the sure and wrong, calibration, and risk against coverage.

All three are over cases with a confidence that a person looked at, each weighted by the inverse of its review
probability: the reviewed cases by 1, the answered spot checks for the automatic cases that they were drawn from.
"""

import polars as pl

from hitl_orchestrator.insights.frame import rows_of
from hitl_orchestrator.insights.metrics.model import (
    Calibration,
    CalibrationBin,
    FalseConfidence,
    RiskCoverage,
    RiskCoveragePoint,
    SureAndWrong,
    judges_of,
)
from hitl_orchestrator.insights.metrics.population import DIGITS, Population, not_enough, relied_on, with_look
from hitl_orchestrator.insights.shares import Share, share_among, wilson

MOST_LISTED = 50
"""The number of sure and wrong cases that are listed."""

BINS = 10
MOST_POINTS = 100


def false_confidence(found: Population, sure: float, most: int = MOST_LISTED) -> FalseConfidence:
    """Return the cases with a confidence of at least `sure` that were overturned; at most `most`, the surest first."""
    looked = found.cases.filter(pl.col("looked_at") & (pl.col("confidence_score") >= sure))
    wrong = looked.filter("look_overturned")
    surest = wrong.sort("confidence_score", "timestamp", "case_id", descending=[True, True, False]).head(most)
    return FalseConfidence(
        bound=sure,
        overturned=relied_on(share_among(wrong.height, looked.height)),
        cases=tuple(
            SureAndWrong(
                case_id=row["case_id"],
                task_id=row["task_id"],
                task_type=row["task_type"],
                domain=row["domain"],
                risk_level=row["risk_level"],
                confidence=row["confidence_score"],
                decision=row["look_decision"],
                reviewer_id=row["look_reviewer"],
                reason_code=row["look_reason"],
                at=row["timestamp"],
                is_spot_check=not row["by_person"],
            )
            for row in rows_of(with_look(found, surest))
        ),
        left_out=wrong.height - surest.height,
    )


def _looked_at(found: Population) -> pl.DataFrame:
    looked = found.cases.select(
        "looked_at",
        "by_person",
        "by_truth",
        confidence="confidence_score",
        weight="look_weight",
        wrong=pl.col("look_overturned").cast(pl.Float64),
    )
    return looked.filter(pl.col("looked_at") & pl.col("confidence").is_not_null())


def calibration(found: Population) -> Calibration:
    """Return how well confidence predicts approval."""
    looked = _looked_at(found)
    bound = pl.col("confidence")
    # Compared with each bound, and not computed: 0.3 * 10 may lie on either side of 3.
    number = pl.sum_horizontal((bound >= step / BINS).cast(pl.Int32) for step in range(1, BINS))
    weight, right = pl.col("weight"), 1 - pl.col("wrong")
    sums = (
        looked.with_columns(bin=number)
        .group_by("bin")
        .agg(
            cases=pl.len(),
            approved=right.sum().round().cast(pl.Int64),
            weight=weight.sum(),
            squared=(weight**2).sum(),
            confidence=(weight * bound).sum(),
            right=(weight * right).sum(),
            brier=(weight * (bound - right) ** 2).sum(),
        )
        .sort("bin")
    )
    total = float(sums["weight"].sum())
    bins = tuple(_bin(*row) for row in sums.drop("brier").iter_rows())
    return Calibration(
        cases=looked.height,
        bins=bins,
        ece=_over(total, sums, (pl.col("confidence") - pl.col("right")).abs()),
        brier=_over(total, sums, pl.col("brier")),
        mean_confidence=_over(total, sums, pl.col("confidence")),
        approved=_over(total, sums, pl.col("right")),
        represents=_represents(found, looked),
        why_not=not_enough(looked.height),
    )


def _over(total: float, sums: pl.DataFrame, of: pl.Expr) -> float | None:
    return round(float(sums.select(of.sum()).item()) / total, DIGITS) if total else None


def _bin(  # noqa: PLR0917
    number: int, cases: int, approved: int, weight: float, squared: float, confidence: float, right: float
) -> CalibrationBin:
    share = min(1.0, round(right / weight, DIGITS))
    lowest, highest = wilson(share, round(weight * weight / squared, DIGITS))
    return CalibrationBin(
        low=number / BINS,
        high=(number + 1) / BINS,
        mean_confidence=min(1.0, round(confidence / weight, DIGITS)),
        approved=Share(
            count=approved, of=cases, share=share, lowest=lowest, highest=highest, why_not=not_enough(cases)
        ),
        weight=round(weight, DIGITS),
    )


def _represents(found: Population, looked: pl.DataFrame) -> str:
    """Return whom the looks describe."""
    is_known = pl.col("is_automatic") & pl.col("confidence_score").is_not_null()
    is_unseen = is_known & ~(pl.col("review_probability").fill_null(0.0) > 0)
    automatic, unseen = found.cases.select(is_known.sum(), unseen=is_unseen.sum()).row(0)
    reviewed = int(looked["by_person"].sum())
    checked = looked.height - reviewed
    who = judges_of(int(looked["by_truth"].sum()), reviewed)
    people = f"{reviewed:,} {'case' if reviewed == 1 else 'cases'} that {who} decided"
    if not automatic:
        return people
    if not checked:
        return f"{people}, and none of the {automatic:,} automatic cases: no spot check of them is answered"
    covered = f"{people}, and {automatic - unseen:,} automatic cases through {checked:,} answered spot checks"
    return f"{covered}; {unseen:,} automatic cases cannot be drawn for one" if unseen else covered


def risk_coverage(found: Population) -> RiskCoverage:
    """Return the risk-coverage curve, thinned to at most `MOST_POINTS`, and the area under all of its steps."""
    looked = _looked_at(found)
    weight = pl.col("weight")
    steps = (
        looked.group_by("confidence")
        .agg(weight=weight.sum(), squared=(weight**2).sum(), wrong=(weight * pl.col("wrong")).sum())
        .sort("confidence", descending=True)
        .select("confidence", weight, *(pl.col(name).cum_sum().alias(f"all_{name}") for name in _SUMMED))
    )
    # The last sum, and not the sum of the weights, which may be rounded otherwise.
    total = float(steps["all_weight"][-1]) if steps.height else 0.0
    area = None
    if total:
        area = float(steps.select((weight * pl.col("all_wrong") / pl.col("all_weight")).sum()).item()) / total
        area = round(area, DIGITS)
    return RiskCoverage(
        cases=looked.height,
        points=tuple(_point(total, *row) for row in _thinned(steps).drop("weight").iter_rows()),
        area=area,
        why_not=not_enough(looked.height),
    )


_SUMMED = ("weight", "squared", "wrong")


def _thinned(steps: pl.DataFrame) -> pl.DataFrame:
    """Return about `MOST_POINTS` steps, evenly in coverage, the first and the last among them."""
    if steps.height <= MOST_POINTS:
        return steps
    total = steps["all_weight"][-1]
    part = (pl.col("all_weight") / total * (MOST_POINTS - 1)).floor()
    return steps.filter((part != part.shift(1)).fill_null(value=True) | (pl.int_range(pl.len()) == pl.len() - 1))


def _point(total: float, bound: float, weight: float, squared: float, wrong: float) -> RiskCoveragePoint:
    risk = min(1.0, round(wrong / weight, DIGITS))
    lowest, highest = wilson(risk, round(weight * weight / squared, DIGITS))
    return RiskCoveragePoint(
        bound=bound, coverage=min(1.0, round(weight / total, DIGITS)), risk=risk, lowest=lowest, highest=highest
    )
