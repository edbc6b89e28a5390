"""How long reviews take: median, 90 % and 99 % quantile, in all, by role and by risk."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import TYPE_CHECKING, NamedTuple

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.insights.metrics.model import Metrics, Quantiles
from hitl_orchestrator.insights.plots.keys import KeyItem, key_of
from hitl_orchestrator.insights.plots.labels import (
    DAY,
    HOUR,
    MINUTE,
    count_of,
    period_text,
    shortened,
    text_width,
)
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import Frame, Look, altair, framed, in_pixels, rows

if TYPE_CHECKING:
    import altair as alt

MOST_ROLES = 8
ENOUGH_FOR_90, ENOUGH_FOR_99 = 10, 100
"""The least numbers of durations for these quantiles to differ from the longest."""

_ROW, _FOOT, _SHORTEST = 46, 24, 0.5
_TICKS = (1, 10, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY)
_TICK_APART = 44


class _Row(NamedTuple):
    label: str
    quantiles: Quantiles
    strong: bool = False


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    if metrics.latency.total.median is not None:
        return None
    return "no record states a duration" if metrics.verdicts.people else "people decided no case in this period"


def says(metrics: Metrics) -> str:
    """Return the finding: how long the middle and the slowest tenth of the reviews take."""
    total = metrics.latency.total
    if total.median is None:
        return "No review was decided"
    if len(_known(total)) == 1 or total.p90 is None:
        return f"Half of the decisions of people come within {duration_text(total.median)}"
    return (
        f"Half of the decisions of people come within {duration_text(total.median)}, one in ten takes more than "
        f"{duration_text(total.p90)}"
    )


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    parts = (f"{row.label}: {_numbers(row.quantiles)} ({row.quantiles.of:,})" for row in _rows(metrics))
    return f"Median, 90 % and 99 % quantile of durations. {'; '.join(parts)}."


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the ranges."""
    metrics, look = scene.metrics, scene.look
    found, theme = _rows(metrics), look.theme
    most = max(row.quantiles.of for row in found)
    key = key_of(
        [
            [
                KeyItem("half within", theme.review),
                *([KeyItem("90 % within", theme.review, "square", 62)] if most >= ENOUGH_FOR_90 else []),
                *([KeyItem("99 % within", theme.review, "diamond", 62, hollow=True)] if most >= ENOUGH_FOR_99 else []),
            ]
        ],
        look,
    )
    overdue = metrics.latency.overdue
    parts = [
        count_of(metrics.latency.total.of, "decision") + f" of {metrics.judges}",
        period_text(metrics.period.first, metrics.period.last),
        f"{overdue.count:,} of {overdue.of:,} with a deadline overdue" if overdue.of else "",
    ]
    plane = _Plane.of(found, look, key.height)
    layers = [*plane.grid(), *plane.names(), *plane.ranges(), *key.layers]
    described = Frame(says(metrics), ", ".join(filter(None, parts)), describe(metrics))
    return framed(layers, look, described, plane.height)


def _rows(metrics: Metrics) -> list[_Row]:
    latency = metrics.latency
    roles = sorted(latency.by_role.items(), key=lambda item: (-item[1].of, item[0]))
    found = [
        _Row("all, from the task to the decision", latency.total, strong=True),
        _Row("waiting, until a person opens it", latency.waiting),
        _Row("working, from there to the decision", latency.working),
        *(_Row(f"{risk.value} risk", latency.by_risk[risk]) for risk in reversed(RiskLevel) if risk in latency.by_risk),
        *(_Row(f"role {name}", quantiles) for name, quantiles in roles[:MOST_ROLES]),
    ]
    return [row for row in found if row.quantiles.median is not None]


def _numbers(quantiles: Quantiles) -> str:
    return " · ".join(duration_text(value) for value in _known(quantiles))


def _known(quantiles: Quantiles) -> list[float]:
    """Return the median, then the quantiles for which there are enough durations."""
    values = [quantiles.median]
    values += [quantiles.p90] if quantiles.of >= ENOUGH_FOR_90 else []
    values += [quantiles.p99] if quantiles.of >= ENOUGH_FOR_99 else []
    return [value for value in values if value is not None]


class _Plane(NamedTuple):
    """The rows, and the seconds at both ends of the logarithmic axis."""

    rows: Sequence[_Row]
    low: float
    high: float
    start: int
    look: Look

    @classmethod
    def of(cls, found: Sequence[_Row], look: Look, start: int) -> "_Plane":
        every = [max(value, _SHORTEST) for row in found for value in _known(row.quantiles)]
        return cls(found, min(every) / 1.5, max(every) * 1.5, start, look)

    @property
    def height(self) -> int:
        return self.start + _ROW * len(self.rows) + _FOOT

    def pixel(self, seconds: float) -> float:
        share = (log10(max(seconds, self.low)) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return 4 + share * (self.look.inner - 8)

    def grid(self) -> Iterator["alt.Chart"]:
        """Yield the durations of the axis, as far apart as their names need."""
        alt, theme, (x, y) = altair(), self.look.theme, in_pixels(self.look, self.height)
        ticks: list[tuple[float, str]] = []
        for seconds in _TICKS:
            place = self.pixel(seconds)
            if self.low <= seconds <= self.high and (not ticks or place - ticks[-1][0] >= _TICK_APART):
                ticks.append((place, duration_text(seconds)))
        if not ticks:
            return
        bottom = self.height - _FOOT
        lines = alt.Chart(rows([{"x": place, "y": self.start, "y2": bottom} for place, _ in ticks]))
        yield lines.mark_rule(color=theme.grid).encode(x=x, y=y, y2="y2:Q")
        names = alt.Chart(rows([{"x": place, "y": bottom + 12, "text": text} for place, text in ticks]))
        yield names.mark_text(color=theme.muted, fontSize=self.look.text_size, baseline="middle").encode(
            x=x, y=y, text="text:N"
        )

    def names(self) -> Iterator["alt.Chart"]:
        """Yield the name and the numbers of each row."""
        alt, theme, size, (x, y) = altair(), self.look.theme, self.look.text_size, in_pixels(self.look, self.height)
        for strong in (True, False):
            texts = [
                (row, _numbers(row.quantiles), self.start + index * _ROW + 8)
                for index, row in enumerate(self.rows)
                if row.strong is strong
            ]
            room = [self.look.inner - text_width(numbers, size) * 1.1 - 16 for _, numbers, _ in texts]
            labels = [
                {"x": 0, "y": top, "text": shortened(f"{row.label} ({row.quantiles.of:,})", wide, size)}
                for (row, _, top), wide in zip(texts, room, strict=True)
            ]
            numbers = [{"x": self.look.inner, "y": top, "text": text} for _, text, top in texts]
            for data, align, color in ((labels, "left", theme.text), (numbers, "right", theme.muted)):
                mark = {"align": align, "baseline": "middle", "color": color, "fontSize": size}
                yield (
                    alt.Chart(rows(data))
                    .mark_text(**mark, fontWeight="bold" if strong else "normal")
                    .encode(x=x, y=y, text="text:N")
                )

    def ranges(self) -> Iterator["alt.Chart"]:
        """Yield the range of each row: from the median to the 90 % quantile, and on to the 99 % quantile."""
        alt, theme, (x, y) = altair(), self.look.theme, in_pixels(self.look, self.height)
        places = [
            (self.start + index * _ROW + 26, [self.pixel(value) for value in _known(row.quantiles)])
            for index, row in enumerate(self.rows)
        ]
        for part, thick in enumerate((6, 2)):
            lines = [
                {"x": found[part], "x2": found[part + 1], "y": top} for top, found in places if len(found) > part + 1
            ]
            if lines:
                mark = alt.Chart(rows(lines)).mark_rule(color=theme.review, strokeWidth=thick, opacity=0.75)
                yield mark.encode(x=x, x2="x2:Q", y=y)
        for part, (shape, fill) in enumerate(
            (("circle", theme.review), ("square", theme.review), ("diamond", theme.background))
        ):
            points = [{"x": found[part], "y": top} for top, found in places if len(found) > part]
            if points:
                yield (
                    alt.Chart(rows(points))
                    .mark_point(
                        filled=True, shape=shape, size=72, fill=fill, stroke=theme.review, strokeWidth=1.5, opacity=1
                    )
                    .encode(x=x, y=y)
                )


PICTURE = Picture("waiting_times", "Waiting times", draw, says, describe, why_not)
