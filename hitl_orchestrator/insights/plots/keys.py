"""The key of a picture: symbols with their meanings, in lines above the plot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from hitl_orchestrator.insights.plots.labels import text_width
from hitl_orchestrator.insights.plots.style import Look, altair, rows

if TYPE_CHECKING:
    import altair as alt

LINE = 20
_SYMBOL, _GAP = 14, 16


class KeyItem(NamedTuple):
    """One symbol and its meaning. A hollow symbol has an outline only."""

    label: str
    color: str
    shape: str = "circle"
    size: float = 62
    hollow: bool = False


class Key(NamedTuple):
    """A key that has been laid out: its layers, and the height that it needs."""

    layers: list["alt.Chart"]
    height: int


def key_of(groups: Sequence[Sequence[KeyItem]], look: Look, axis: int = 0) -> Key:
    """Return the key of groups of items in as few lines as the width allows; the plot begins after an `axis` of pixels.

    A group begins a new line if it does not fit into the rest of the line before it.
    """
    alt, size = altair(), look.text_size
    left, room = float(-axis), look.inner - axis
    x, y, layers = left, LINE // 2, []
    for group in filter(None, groups):
        wide = [_SYMBOL + text_width(item.label, size) + _GAP for item in group]
        if x > left and x + sum(wide) - _GAP > room:
            x, y = left, y + LINE
        for item, width in zip(group, wide, strict=True):
            if x > left and x + width - _GAP > room:
                x, y = left, y + LINE
            base = alt.Chart(rows([{"label": item.label}])).encode(y=alt.value(y))
            outline = {"stroke": item.color, "strokeWidth": 1.5, "fill": "transparent"} if item.hollow else {}
            layers += [
                base.mark_point(
                    filled=not item.hollow, shape=item.shape, size=item.size, color=item.color, opacity=1, **outline
                ).encode(x=alt.value(x + 5)),
                base.mark_text(align="left", baseline="middle", fontSize=size, color=look.theme.text).encode(
                    x=alt.value(x + _SYMBOL), text="label:N"
                ),
            ]
            x += width
        x += 8
    return Key(layers, y + LINE // 2 + 8 if layers else 0)
