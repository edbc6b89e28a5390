"""The reliability diagram: the share that {metrics.judges} approved, by the confidence of the agent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.shown.numbers import confidence_text, cut_off, percent
from hitl_orchestrator.insights.metrics.model import CalibrationBin, Metrics
from hitl_orchestrator.insights.plots.keys import KeyItem, key_of
from hitl_orchestrator.insights.plots.labels import period_text
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import DASHED, PERCENT_LABEL, Frame, Look, altair, framed, rows

if TYPE_CHECKING:
    import altair as alt

ENOUGH = 10
"""The least number of cases for a diagram."""

ENOUGH_IN_BIN = 5
"""A bin with fewer cases has a hollow point and takes no part in the finding."""

_BARS = (0.28, 0.06)
"""The lower and the upper end of the histogram below the diagram, relative to its height."""

_WIDE_SPAN, _CROWDED, _AXIS = 0.7, 0.45, 40


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    calibration = metrics.calibration
    if calibration.why_not is not None or (calibration.cases >= ENOUGH and _drawn(metrics)):
        return calibration.why_not
    return f"not enough data: {calibration.cases} of {ENOUGH} cases with a confidence that {metrics.judges} looked at"


def says(metrics: Metrics) -> str:
    """Return the finding: where confidence and approval are certainly apart, if anywhere."""
    bins = [found for found in _drawn(metrics) if found.approved.of >= ENOUGH_IN_BIN]
    over = max(bins, key=lambda found: found.mean_confidence - (found.approved.highest or 0.0), default=None)
    under = max(bins, key=lambda found: (found.approved.lowest or 0.0) - found.mean_confidence, default=None)
    if over is not None and over.mean_confidence > (over.approved.highest or 0.0):
        return (
            f"Over-confident: at {_about(over)}, {metrics.judges} approved only {percent(over.approved.share or 0.0)}"
        )
    if under is not None and under.mean_confidence < (under.approved.lowest or 0.0):
        return f"Under-confident: at {_about(under)}, {metrics.judges} approved {percent(under.approved.share or 0.0)}"
    if not bins:
        return "Too few cases to say how well confidence predicts approval"
    return f"No certain gap between the agent's confidence and what {metrics.judges} approved"


def _about(found: CalibrationBin) -> str:
    return f"a confidence of about {confidence_text(round(found.mean_confidence, 2))}"


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    parts = (
        f"{confidence_text(found.low)} to {confidence_text(found.high)}: {percent(found.approved.share or 0.0)} "
        f"approved of {found.approved.of:,}"
        for found in _drawn(metrics)
    )
    return f"Reliability diagram, the share that people approved by confidence. {'; '.join(parts)}."


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the diagram."""
    metrics, look = scene.metrics, scene.look
    found, calibration = _drawn(metrics), metrics.calibration
    theme, few = look.theme, any(part.approved.of < ENOUGH_IN_BIN for part in found)
    items = [
        KeyItem("approved, with its 95 % interval", theme.text),
        KeyItem("gap beyond chance", theme.wrong, "square", 90),
        KeyItem("as sure as people: well calibrated", theme.line, "stroke", 150, hollow=True),
        *([KeyItem(f"fewer than {ENOUGH_IN_BIN} cases", theme.text, hollow=True)] if few else []),
    ]
    key = key_of([items], look, _AXIS)
    left = min(part.low for part in found)
    lowest = min(left, *(part.approved.lowest or 0.0 for part in found))
    plane = _Plane(min(0.9, left), int(lowest * 10) / 10, key.height, 300 if look.is_narrow else 400)
    numbers = [
        f"expected calibration error {cut_off(calibration.ece, 3)}" if calibration.ece is not None else "",
        f"Brier score {cut_off(calibration.brier, 3)}" if calibration.brier is not None else "",
    ]
    subtitle = ", ".join(
        filter(
            None,
            [
                calibration.represents,
                period_text(metrics.period.first, metrics.period.last),
                *numbers,
            ],
        )
    )
    layers = [*plane.ground(found, look), *plane.bars(found, look), *plane.points(found, look), *key.layers]
    return framed(layers, look, Frame(says(metrics), subtitle, describe(metrics)), plane.height + plane.start)


def _drawn(metrics: Metrics) -> list[CalibrationBin]:
    return [part for part in metrics.calibration.bins if part.approved.share is not None]


def _ticks(low: float) -> list[float]:
    return [value / 10 for value in range(11) if value / 10 >= low and (1 - low < _WIDE_SPAN or value % 2 == 0)]


class _Plane(NamedTuple):
    """The axes, of confidence from `left` and of approval from `low` to 1, below a key of `start` pixels."""

    left: float
    low: float
    start: int
    height: int

    @property
    def span(self) -> float:
        return 1 - self.low

    def x(self) -> Any:
        alt = altair()
        axis = alt.Axis(
            title="confidence of the agent", values=_ticks(self.left), format=".1f", grid=False, domain=False
        )
        return alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[self.left, 1], nice=False, zero=False, padding=0))

    def y(self) -> Any:
        alt = altair()
        floor, per_pixel = self.low - _BARS[0] * self.span, (1 + _BARS[0]) * self.span / self.height
        axis = alt.Axis(
            title=None,
            values=_ticks(self.low),
            labelExpr=PERCENT_LABEL,
            domain=False,
            ticks=False,
            minExtent=_AXIS,
            maxExtent=_AXIS,
        )
        domain = [floor, 1.02 + self.start * per_pixel]
        return alt.Y("y:Q", axis=axis, scale=alt.Scale(domain=domain, nice=False, zero=False, padding=0))

    def ground(self, found: list[CalibrationBin], look: Look) -> Iterator["alt.Chart"]:
        """Yield the line on which confidence equals approval, and the names of its two sides."""
        alt, theme = altair(), look.theme
        line = [{"x": self.left, "y": self.left, "x2": 1.0, "y2": 1.0}]
        yield (
            alt.Chart(rows(line))
            .mark_rule(color=theme.line, strokeDash=DASHED, strokeWidth=1.5)
            .encode(x=self.x(), x2="x2:Q", y=self.y(), y2="y2:Q")
        )
        sides = [("over-confident", 1.0, self.low + 0.05 * self.span, "right")]
        if not any(self._is_in_corner(part) for part in found):
            sides.append(("under-confident", self.left + 0.02 * (1 - self.left), 0.98, "left"))
        for text, x, y, align in sides:
            yield (
                alt.Chart(rows([{"x": x, "y": y, "text": text}]))
                .mark_text(align=align, baseline="top", color=theme.muted, fontSize=look.text_size, fontStyle="italic")
                .encode(x=self.x(), y=self.y(), text="text:N")
            )

    def _is_in_corner(self, part: CalibrationBin) -> bool:
        corner = self.left + _CROWDED * (1 - self.left)
        return part.mean_confidence < corner and (part.approved.highest or 0.0) > 1 - 0.1 * self.span

    def bars(self, found: list[CalibrationBin], look: Look) -> Iterator["alt.Chart"]:
        """Yield the histogram: the number of cases of each bin."""
        alt, theme = altair(), look.theme
        floor, tall = self.low - _BARS[0] * self.span, (_BARS[0] - _BARS[1]) * self.span * 0.72
        most = max(part.approved.of for part in found)
        data = [
            {
                "x": part.low + 0.004,
                "x2": part.high - 0.004,
                "y": floor,
                "y2": floor + tall * part.approved.of / most,
                "middle": (part.low + part.high) / 2,
                "count": f"{part.approved.of:,}",
            }
            for part in found
        ]
        yield alt.Chart(rows(data)).mark_rect(color=theme.line).encode(x=self.x(), x2="x2:Q", y=self.y(), y2="y2:Q")
        heads = [{"x": row["middle"], "y": row["y2"], "count": row["count"]} for row in data]
        yield (
            alt.Chart(rows(heads))
            .mark_text(dy=-7, color=theme.muted, fontSize=look.text_size)
            .encode(x=self.x(), y=self.y(), text="count:N")
        )

    def points(self, found: list[CalibrationBin], look: Look) -> Iterator["alt.Chart"]:
        """Yield the gaps, the intervals, and the points."""
        alt, theme = altair(), look.theme
        data: list[dict[str, Any]] = [
            {
                "x": part.mean_confidence,
                "y": part.approved.share,
                "gap": part.mean_confidence,
                "lowest": part.approved.lowest,
                "highest": part.approved.highest,
                "enough": part.approved.of >= ENOUGH_IN_BIN,
            }
            for part in found
        ]
        apart = [row for row in data if row["enough"] and not row["lowest"] <= row["x"] <= row["highest"]]
        if apart:
            yield (
                alt.Chart(rows(apart))
                .mark_rule(color=theme.wrong, strokeWidth=7, opacity=0.7)
                .encode(x=self.x(), y=self.y(), y2="gap:Q")
            )
        yield (
            alt.Chart(rows([{**row, "y": row["lowest"]} for row in data]))
            .mark_rule(color=theme.text, strokeWidth=1.6)
            .encode(x=self.x(), y=self.y(), y2="highest:Q")
        )
        for enough in (True, False):
            chosen = [row for row in data if row["enough"] is enough]
            if chosen:
                fill = theme.text if enough else theme.background
                yield (
                    alt.Chart(rows(chosen))
                    .mark_point(filled=True, fill=fill, stroke=theme.text, strokeWidth=1.5, size=70, opacity=1)
                    .encode(x=self.x(), y=self.y())
                )


PICTURE = Picture("reliability", "Reliability diagram", draw, says, describe, why_not)
