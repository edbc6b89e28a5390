"""The picture of the costs of a case, beside bare LangGraph: one SVG that follows the color scheme of its reader."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Row
from hitl_orchestrator.insights.plots.files import to_svg
from hitl_orchestrator.insights.plots.style import THEMES, Frame, altair, framed, look_of, rows

BAR, BETWEEN = ": x bare ", 24
FRAME = Frame(
    "What a case with oversight costs, as a multiple of the bare graph",
    "Left of the line: less than five trivial nodes of bare LangGraph. N, F and default are its settings; the thin "
    "bars are CPU time, the marks the aims.",
    "Bars of the table, for the paths and databases, beside a line at one.",
)


def write(path: Path, found: Sequence[Row]) -> None:
    """Write the picture of the rows that compare a case with bare LangGraph, if there are any."""
    # A ratio with a lower bound is one of speeds, of which more is better.
    costs = [row for row in found if BAR in row.what and not (row.aim is not None and row.aim.is_least)]
    shown = [_values(row) for row in costs if row.unit == "x" and row.value and row.cpu]
    if shown:
        path.write_text(f"{adaptive(to_svg(_chart(shown)))}\n", "utf-8")


def _values(row: Row) -> dict[str, Any]:
    aim = None if row.aim is None else row.aim.bound
    end = max(each for each in (row.value, row.cpu, aim, 1.0) if each is not None)
    return {"what": row.what.replace(BAR, " / "), "wall": row.value, "cpu": row.cpu, "aim": aim, "end": end}


def _chart(values: list[dict[str, Any]]) -> Any:
    alt, look = altair(), look_of("light", None)
    theme, data, order = look.theme, rows(values), [each["what"] for each in values]
    y = alt.Y("what:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False))
    base = alt.Chart(data).encode(y=y)
    wall = alt.X("wall:Q", title="times the bare graph", scale=alt.Scale(zero=True))
    color = alt.condition("datum.wall <= 1", alt.value(theme.auto), alt.value(theme.review))
    layers = [
        base.mark_bar(height=12).encode(x=wall, color=color),
        base.mark_bar(height=3, color=theme.text).encode(x="cpu:Q"),
        base.mark_text(align="left", dx=6, color=theme.text, fontSize=look.text_size).encode(
            x="end:Q", text=alt.Text("wall:Q", format=".2f")
        ),
        base.transform_filter("datum.aim != null")
        .mark_tick(thickness=3, height=20, color=theme.wrong, opacity=1)
        .encode(x="aim:Q"),
        alt.Chart(rows([{"one": 1}])).mark_rule(color=theme.text, strokeDash=[4, 3]).encode(x="one:Q"),
    ]
    return framed(layers, look, FRAME, BETWEEN * len(values))


def adaptive(svg: str) -> str:
    """Return a picture of the light theme with the colors of the dark one for readers who prefer it."""
    light, dark = (theme._asdict() for theme in (THEMES["light"], THEMES["dark"]))
    pairs = {light[name]: dark[name] for name in light if isinstance(light[name], str)}
    rules = "".join(
        f'[{kind}="{old}"]{{{kind}:{new}}}' for old, new in pairs.items() for kind in ("fill", "stroke") if old in svg
    )
    end = svg.index(">") + 1
    return f"{svg[:end]}<style>@media (prefers-color-scheme: dark){{{rules}}}</style>{svg[end:]}"
