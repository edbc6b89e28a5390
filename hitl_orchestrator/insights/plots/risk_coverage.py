"""The risk-coverage curve: how many errors remain if only the surest cases go ahead without a person."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.shown.numbers import confidence_text, cut_off, percent
from hitl_orchestrator.insights.metrics.model import Metrics, RiskCoveragePoint
from hitl_orchestrator.insights.plots.labels import count_of, period_text
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import DASHED, PERCENT_LABEL, Frame, Look, altair, framed, rows

if TYPE_CHECKING:
    import altair as alt

ENOUGH = 20
"""The least number of cases for a curve."""

LEAST_SHOWN = 10
"""The curve begins where so many cases go ahead: of fewer, it says little."""

LEAST_SHARE = 0.02
"""The curve begins where this share of the cases goes ahead."""

MOST_POINTS = 240
_LABELED = (0.95, 0.9, 0.8, 0.7, 0.5)
_HALF = 0.5
_APART = 0.12


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    curve = metrics.risk_coverage
    if curve.why_not is not None or (curve.points and curve.cases >= ENOUGH):
        return curve.why_not
    return f"not enough data: {curve.cases} of {ENOUGH} cases with a confidence that {metrics.judges} looked at"


def says(metrics: Metrics) -> str:
    """Return the finding: the errors among the surest half, compared with those among all cases."""
    points = metrics.risk_coverage.points
    if not points:
        return "Too few cases for a curve"
    half, whole = min(points, key=lambda point: abs(point.coverage - _HALF)), points[-1]
    share = percent(half.coverage)
    if half.highest < whole.lowest:
        return f"The surest {share} of cases have {percent(half.risk)} overturned, all cases {percent(whole.risk)}"
    return (
        f"Confidence does not certainly sort right from wrong: {percent(half.risk)} overturned among the surest "
        f"{share}, {percent(whole.risk)} among all"
    )


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    parts = (
        f"at {confidence_text(point.bound)} or more, {percent(point.coverage)} of cases with {percent(point.risk)} "
        "overturned"
        for point in _labeled(metrics.risk_coverage.points)
    )
    return f"Risk-coverage curve: {'; '.join(parts)}."


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the curve."""
    metrics, look = scene.metrics, scene.look
    curve = metrics.risk_coverage
    parts = [
        f"{count_of(curve.cases, 'case')} with a confidence that {metrics.judges} looked at",
        period_text(metrics.period.first, metrics.period.last),
        f"area under the curve {cut_off(curve.area, 3)}" if curve.area is not None else "",
        "band: 95 % interval",
    ]
    layers = list(_layers(_steady(curve.points, curve.cases), look))
    described = Frame(says(metrics), ", ".join(filter(None, parts)), describe(metrics))
    return framed(layers, look, described, 240 if look.is_narrow else 320)


def _layers(points: Sequence[RiskCoveragePoint], look: Look) -> Iterator["alt.Chart"]:
    alt, theme, size = altair(), look.theme, look.text_size
    top = min(1.0, max(0.05, *(point.highest for point in points)) * 1.05)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, 1], nice=False, padding=0),
        axis=alt.Axis(
            title="share of cases that go ahead, the surest first", labelExpr=PERCENT_LABEL, grid=False, tickCount=5
        ),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, top], nice=False, padding=0),
        axis=alt.Axis(title="overturned among them", labelExpr=PERCENT_LABEL, tickCount=5, domain=False, ticks=False),
    )
    data = [
        {"x": point.coverage, "y": point.risk, "low": point.lowest, "high": point.highest} for point in _thinned(points)
    ]
    band = [{**row, "y": row["low"]} for row in data]
    yield (
        alt.Chart(rows(band))
        .mark_area(color=theme.review, opacity=0.18, interpolate="step-before")
        .encode(x=x, y=y, y2="high:Q")
    )
    whole = points[-1].risk
    yield alt.Chart(rows([{"y": whole}])).mark_rule(color=theme.line, strokeDash=DASHED).encode(y=y)
    end = alt.Chart(rows([{"x": 1.0, "y": whole, "text": f"all cases: {percent(whole)}"}]))
    yield end.mark_text(align="right", dx=-4, dy=-12, color=theme.muted, fontSize=size).encode(x=x, y=y, text="text:N")
    yield (
        alt.Chart(rows(data)).mark_line(color=theme.review, strokeWidth=2.4, interpolate="step-before").encode(x=x, y=y)
    )
    yield from _marks(points, x, y, look)


def _marks(points: Sequence[RiskCoveragePoint], x: Any, y: Any, look: Look) -> Iterator["alt.Chart"]:
    """Yield some bounds of the confidence along the curve."""
    alt, theme = altair(), look.theme
    data = [
        {"x": point.coverage, "y": point.risk, "text": f"≥ {confidence_text(point.bound)}"}
        for point in _labeled(points)
    ]
    chart = alt.Chart(rows(data)).encode(x=x, y=y)
    yield chart.mark_point(filled=True, size=64, color=theme.review, stroke=theme.background, strokeWidth=1, opacity=1)
    yield chart.mark_text(dy=18, align="center", color=theme.text, fontSize=look.text_size).encode(text="text:N")


def _steady(points: Sequence[RiskCoveragePoint], cases: int) -> Sequence[RiskCoveragePoint]:
    return [point for point in points if point.coverage * cases >= max(LEAST_SHOWN, LEAST_SHARE * cases)] or points


def _labeled(points: Sequence[RiskCoveragePoint]) -> list[RiskCoveragePoint]:
    """Return the points at some round bounds, none close to another."""
    found: list[RiskCoveragePoint] = []
    for bound in _LABELED:
        reached = [point for point in points if point.bound >= bound]
        if (
            reached
            and reached[-1].coverage > _APART / 2
            and all(abs(reached[-1].coverage - other.coverage) > _APART for other in found)
        ):
            found.append(reached[-1])
    return found


def _thinned(points: Sequence[RiskCoveragePoint]) -> list[RiskCoveragePoint]:
    """Return at most about `MOST_POINTS` points, the last one among them."""
    step = -(-len(points) // MOST_POINTS)
    return [*points[:-1:step], points[-1]]


PICTURE = Picture("risk_coverage", "Risk-coverage curve", draw, says, describe, why_not)
