"""The heatmap of overturned cases, task type by band of the confidence."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import HeatCell, Metrics
from hitl_orchestrator.insights.plots.labels import count_of, period_text, quoted, short_labels, widest
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import Frame, Look, altair, framed, in_pixels, mixed, rows, text_on

if TYPE_CHECKING:
    import altair as alt

ENOUGH_IN_CELL = 10
"""A cell with fewer decisions of people shows its numbers without a color, and takes no part in the finding."""

MOST_ROWS = 20
_NONE = "none"
_ROOM = 60
"""The least width of a cell, in pixels, for `7 of 12`; in a narrower one it is `12`."""

_HEAD, _ROW, _GUTTER, _LABEL, _LABEL_PHONE = 34, 40, 2, 190, 92


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    return None if _cells(metrics) else "people decided no case in this period"


def says(metrics: Metrics) -> str:
    """Return the finding: the cell that is certainly overturned most, or at least more than all reviews together."""
    enough = [cell for cell in _cells(metrics) if cell.overturn.of >= ENOUGH_IN_CELL]
    if not enough:
        return f"No task type has {ENOUGH_IN_CELL} decisions of {metrics.judges} in one band of the confidence yet"
    worst = max(enough, key=lambda cell: (cell.overturn.lowest or 0.0, cell.overturn.of))
    if not worst.overturn.count:
        return "Nothing was overturned where enough was decided to tell"
    where = (
        "without a confidence" if worst.confidence_band == _NONE else f"at {_band(worst.confidence_band)} confidence"
    )
    found = f"{percent(worst.overturn.share or 0.0)} of {worst.overturn.of:,} reviews {where}"
    lowest, others = worst.overturn.lowest or 0.0, [cell for cell in _cells(metrics) if cell is not worst]
    if others and all(lowest > (cell.overturn.highest or 0.0) for cell in others):
        return f"{_type(worst.task_type)} is overturned most: {found}"
    if lowest > (metrics.overturn.highest or 1.0):
        than = f"than all reviews ({percent(metrics.overturn.share or 0.0)})"
        return f"{_type(worst.task_type)} is overturned more {than}: {found}"
    return "Nowhere is certainly more overturned than in all reviews together"


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    cells = sorted(_cells(metrics), key=lambda cell: -(cell.overturn.lowest or 0.0))[:5]
    parts = (
        f"{_type(cell.task_type)}, {_band(cell.confidence_band)}: {cell.overturn.count:,} of {cell.overturn.of:,}"
        for cell in cells
    )
    return f"Heatmap of overturned cases by task type and confidence. Highest: {'; '.join(parts)}."


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the heatmap."""
    metrics, look = scene.metrics, scene.look
    cells = _cells(metrics)
    types = _by_overturned(cells)
    shown, more = types[:MOST_ROWS], len(types) - MOST_ROWS
    grid = _Grid.of(cells, shown, look)
    reviews = sum(cell.overturn.of for cell in cells)
    period = period_text(metrics.period.first, metrics.period.last)
    subtitle = f"{count_of(reviews, 'decision')} of {metrics.judges}, {period}. "
    below = "how many of how many" if grid.is_wide else "the number of decisions"
    subtitle += f"Each cell: share overturned, below it {below}; "
    subtitle += f"without a color where fewer than {ENOUGH_IN_CELL}"
    if more > 0:
        subtitle += f". {count_of(more, 'task type')} with fewer overturned cases left out"
    layers = [*grid.heads(look), *grid.cells([cell for cell in cells if cell.task_type in shown], look)]
    return framed(layers, look, Frame(says(metrics), subtitle, describe(metrics)), grid.height)


def _cells(metrics: Metrics) -> list[HeatCell]:
    return [cell for cell in metrics.overturn_map if cell.overturn.of]


def _type(name: str | None) -> str:
    text = quoted(name)
    return text[:1].upper() + text[1:]


def _band(band: str) -> str:
    return band.replace("<", "below ").replace("-", " to ")


def _by_overturned(cells: Sequence[HeatCell]) -> list[str | None]:
    """Return the task types, that with the most overturned cases first."""
    counts: dict[str | None, tuple[int, int]] = {}
    for cell in cells:
        count, of = counts.get(cell.task_type, (0, 0))
        counts[cell.task_type] = count + cell.overturn.count, of + cell.overturn.of
    return sorted(counts, key=lambda name: (-counts[name][0], -counts[name][1], name or ""))


class _Grid(NamedTuple):
    """The places of the task types and the bands, in pixels."""

    rows: dict[str | None, int]
    labels: list[str]
    bands: list[str]
    left: float
    wide: float
    look: Look

    @classmethod
    def of(cls, cells: Sequence[HeatCell], types: Sequence[str | None], look: Look) -> "_Grid":
        bands = sorted({cell.confidence_band for cell in cells}, key=_band_order)
        labels = short_labels(types, _LABEL_PHONE if look.is_narrow else _LABEL, look.text_size)
        left = widest([*labels, "to" if look.is_narrow else "confidence from"], look.text_size) + 10
        return cls(
            {name: row for row, name in enumerate(types)}, labels, bands, left, (look.inner - left) / len(bands), look
        )

    @property
    def height(self) -> int:
        return _HEAD + _ROW * len(self.rows)

    @property
    def is_wide(self) -> bool:
        """Whether there is room for `7 of 12`."""
        return self.wide > _ROOM

    def heads(self, look: Look) -> Iterator["alt.Chart"]:
        """Yield the names of the rows and of the columns."""
        alt, size, (x, y) = altair(), look.text_size, in_pixels(look, self.height)
        names = [
            {"x": self.left - 8, "y": _HEAD + (row + 0.5) * _ROW, "text": label}
            for row, label in enumerate(self.labels)
        ]
        yield (
            alt.Chart(rows(names))
            .mark_text(align="right", baseline="middle", color=look.theme.text, fontSize=size)
            .encode(x=x, y=y, text="text:N")
        )
        for line, end in enumerate(("confidence from", "to")):
            left = {"x": self.left - 8, "y": 10 + 14 * line, "text": end if self.is_wide else end.split()[-1]}
            mark = {"baseline": "middle", "color": look.theme.muted, "fontSize": size}
            yield alt.Chart(rows([left])).mark_text(align="right", **mark).encode(x=x, y=y, text="text:N")
            bands = [
                {"x": self.left + (column + 0.5) * self.wide, "y": 10 + 14 * line, "text": _head(band, look)[line]}
                for column, band in enumerate(self.bands)
            ]
            yield alt.Chart(rows(bands)).mark_text(**mark).encode(x=x, y=y, text="text:N")

    def cells(self, cells: Sequence[HeatCell], look: Look) -> Iterator["alt.Chart"]:
        """Yield the cells with their numbers."""
        alt, theme, (x, y) = altair(), look.theme, in_pixels(look, self.height)
        data = [self._cell(cell) for cell in cells]
        fill = alt.Fill("fill:N", scale=None)
        yield alt.Chart(rows(data)).mark_rect(stroke=theme.grid).encode(x=x, x2="x2:Q", y=y, y2="y2:Q", fill=fill)
        color = alt.Color("color:N", scale=None)
        for name, dy, size in (
            ("share", -7, look.text_size + (0 if look.is_narrow else 1)),
            ("count", 9, 10 if look.is_narrow else 11),
        ):
            middle = [
                {
                    "x": (row["x"] + row["x2"]) / 2,
                    "y": (row["y"] + row["y2"]) / 2,
                    "text": row[name],
                    "color": row["color"],
                }
                for row in data
            ]
            yield (
                alt.Chart(rows(middle))
                .mark_text(baseline="middle", dy=dy, fontSize=size, fontWeight="bold" if name == "share" else "normal")
                .encode(x=x, y=y, text="text:N", color=color)
            )

    def _cell(self, cell: HeatCell) -> dict[str, Any]:
        theme, share = self.look.theme, cell.overturn
        left = self.left + self.bands.index(cell.confidence_band) * self.wide
        top = _HEAD + self.rows[cell.task_type] * _ROW
        enough = share.of >= ENOUGH_IN_CELL
        fill = mixed(theme.heat, share.share or 0.0) if enough else theme.background
        return {
            "x": left + _GUTTER / 2,
            "x2": left + self.wide - _GUTTER / 2,
            "y": top + _GUTTER / 2,
            "y2": top + _ROW - _GUTTER / 2,
            "fill": fill,
            "color": text_on(fill) if enough else theme.muted,
            "share": percent(share.share or 0.0),
            "count": f"{share.count:,} of {share.of:,}" if self.is_wide else f"{share.of:,}",
        }


def _band_order(band: str) -> tuple[bool, str]:
    return band != _NONE, band.replace("<", "") if not band.startswith("<") else ""


def _head(band: str, look: Look) -> tuple[str, str]:
    """Return the lower and the upper end of a band."""
    if band == _NONE:
        return "no", "conf." if look.is_narrow else "confidence"
    low, _, high = band.partition("-")
    return (low, high) if high else ("0.00", low.removeprefix("<"))


PICTURE = Picture("overturn_heatmap", "Overturned cases by type and confidence", draw, says, describe, why_not)
