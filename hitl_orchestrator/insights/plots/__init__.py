"""Pictures of the metrics in one house style, as Altair charts, SVG and PNG.

In a notebook: `picture("reliability", hitl.insights.metrics())`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.plots import (
    heatmap,
    reliability,
    reviewer_load,
    risk_coverage,
    trend,
    trust_boundaries,
    waiting_times,
)
from hitl_orchestrator.insights.plots.files import to_png, to_svg
from hitl_orchestrator.insights.plots.scene import AnyBound, Bound, Picture, Scene
from hitl_orchestrator.insights.plots.style import ThemeName, look_of, unchecked

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

__all__ = ["PICTURES", "Bound", "Drawn", "Picture", "draw", "picture", "picture_text", "to_png", "to_svg"]

PICTURES: Mapping[str, Picture] = {
    found.name: found
    for found in (
        trust_boundaries.PICTURE,
        reliability.PICTURE,
        risk_coverage.PICTURE,
        heatmap.PICTURE,
        trend.PICTURE,
        waiting_times.PICTURE,
        reviewer_load.PICTURE,
    )
}
"""All pictures by their names, in the order of a report."""


class Drawn(NamedTuple):
    """A picture that a notebook shows as SVG, without a network."""

    chart: "alt.LayerChart"
    alt_text: str

    def _repr_svg_(self) -> str:
        return to_svg(self.chart)

    def save(self, path: str | Path) -> None:
        """Write the picture to a file that ends in `.svg` or `.png`.

        Raises:
            InvalidInput: it ends differently, or the extra `plots` is not installed.
        """
        target = Path(path)
        if target.suffix == ".svg":
            target.write_text(to_svg(self.chart), encoding="utf-8")
        elif target.suffix == ".png":
            target.write_bytes(to_png(self.chart))
        else:
            raise InvalidInput([f"{str(path)!r} is neither SVG nor PNG; end it with .svg or .png"])


def draw(
    name: str,
    metrics: Metrics,
    frame: "pl.DataFrame | None" = None,
    *,
    bounds: Sequence[AnyBound] = (),
    theme: ThemeName = "light",
    width: int | None = None,
) -> "alt.LayerChart | None":
    """Return a picture as a chart of `width` pixels, 720 by default; None without enough data (see `picture_text`).

    `frame` is the prepared frame that the metrics were measured on; the map of trust boundaries needs it. `bounds` are
    the bounds of the policy, which this map shows.

    Raises:
        InvalidInput: there is no such picture or theme, the width is out of bounds, or the extra is not installed.
    """
    found, look = _find(name), look_of(theme, width)
    if found.why_not(metrics) is not None:
        return None
    if found.needs_frame and frame is None:
        raise InvalidInput([f"the picture {name!r} shows each case: give the frame too"])
    with unchecked():
        return found.draw(Scene(metrics, frame, bounds, look))


def picture(
    name: str,
    metrics: Metrics,
    frame: "pl.DataFrame | None" = None,
    *,
    bounds: Sequence[AnyBound] = (),
    theme: ThemeName = "light",
    width: int | None = None,
) -> Drawn:
    """Return a picture that a notebook shows; see `draw`.

    Raises:
        InvalidInput: as for `draw`, and where there is not enough data.
    """
    chart = draw(name, metrics, frame, bounds=bounds, theme=theme, width=width)
    if chart is None:
        raise InvalidInput([f"{name}: {picture_text(name, metrics)}"])
    return Drawn(chart, PICTURES[name].alt(metrics))


def picture_text(name: str, metrics: Metrics) -> str:
    """Return the finding of a picture, or why there is none.

    Raises:
        InvalidInput: there is no such picture.
    """
    found = _find(name)
    return found.why_not(metrics) or found.says(metrics)


def _find(name: str) -> Picture:
    if name not in PICTURES:
        raise InvalidInput([f"there is no picture {name!r}; choose from {', '.join(PICTURES)}"])
    return PICTURES[name]
