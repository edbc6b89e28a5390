"""Automation and overturned reviews over time, with the changes of policies and agents."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import INTERVALS_IN_WORDS, Mark, Metrics, Moment
from hitl_orchestrator.insights.plots.labels import count_of, day_text, period_text, shortened, text_width
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import (
    DASHED,
    DOTTED,
    PERCENT_LABEL,
    SOLID,
    Frame,
    Look,
    altair,
    framed,
    rows,
)
from hitl_orchestrator.insights.shares import Share, share_among

if TYPE_CHECKING:
    import altair as alt

ENOUGH = 10
"""The least number of decided cases for a trend."""

ENOUGH_IN_POINT = 5
"""A share of fewer cases is no point of a line."""

MOST_MOMENTS, LEAST_MOMENTS, CASES_OF_MOMENT = 40, 4, 25
"""The points of a line, and the average number of cases of each, for which intervals are put together."""

WHOLE_WEEKS_FROM = 42
"""The days from which on a trend by day is shown by week."""

MOST_MARKS, MARK_LINES = 8, 4
_LINE, _BARS, _FLOOR = 15, 0.2, -0.26
_WEEK, _MONTH = timedelta(days=7), timedelta(days=28)
_LENGTHS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "1w": _WEEK, "1mo": _MONTH}
"""The lengths of intervals; that of a month is that of the shortest one."""

_RIGHT, _RIGHT_PHONE, _AXIS = 116, 96, 44
_LEAST_APART, _MANY, _BESIDE, _DISTINCT = 0.14, 24, 14, 5


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    moments = [moment for moment in metrics.trend if moment.cases]
    cases = sum(moment.cases for moment in moments)
    if cases < ENOUGH:
        return f"not enough data: {cases} of {ENOUGH} decided cases"
    points = [moment for moment in _pooled(metrics).moments if moment.cases >= ENOUGH_IN_POINT]
    if len(points) > 1:
        return None
    return f"not enough data: {len(points)} of 2 intervals have {ENOUGH_IN_POINT} decided cases or more"


def says(metrics: Metrics) -> str:
    """Return the finding: how both shares differ between the two halves of the period."""
    moved = [
        (name, *_halves(shares))
        for name, shares in (
            ("automation", [moment.automation for moment in metrics.trend]),
            ("overturned reviews", [moment.overturn for moment in metrics.trend]),
        )
    ]
    certain = [found for name, before, after in moved if (found := _moved(name, before, after)) is not None]
    steady = [name for name, before, after in moved if _moved(name, before, after) is None and before.of and after.of]
    if not certain and not steady:
        return "Too few decisions for a trend"
    if not certain:
        return f"No certain change in {' or '.join(steady)}"
    sentence = " and ".join(certain) + (f", {steady[0]} did not certainly change" if steady else "")
    return sentence[:1].upper() + sentence[1:]


def _halves(shares: Sequence[Share]) -> tuple[Share, Share]:
    """Return the shares over the first and the second half of the moments."""
    middle = len(shares) // 2
    return _sum(shares[:middle]), _sum(shares[middle:])


def _moved(name: str, before: Share, after: Share) -> str | None:
    """Return such as `automation rose from 30 % to 45 %`; None where that may be chance."""
    if before.lowest is None or before.highest is None or after.lowest is None or after.highest is None:
        return None
    verb = "rose" if after.lowest > before.highest else "fell" if after.highest < before.lowest else None
    shares = f"from {percent(before.share or 0.0)} to {percent(after.share or 0.0)}"
    return f"{name} {verb} {shares}" if verb else None


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    changes = "; ".join(f"{_changed(same)} on {day_text(same[0].at)}" for same in _by_day(metrics.marks)[-MOST_MARKS:])
    return (
        f"Two lines over time: the share of automatic decisions, and the share of decisions of people that overturned "
        f"the agent. Changes: {changes or 'none'}."
    )


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the lines."""
    metrics, look = scene.metrics, scene.look
    plane = _Plane.of(metrics, look)
    subtitle = (
        f"{count_of(metrics.cases.decided, 'decided case')}, by {plane.every}, "
        f"{period_text(metrics.period.first, metrics.period.last)}. "
        "Bands: 95 % intervals; the title compares the halves of the period"
    )
    if any(
        0 < share.of < ENOUGH_IN_POINT for moment in plane.moments for share in (moment.automation, moment.overturn)
    ):
        subtitle += f". Points of fewer than {ENOUGH_IN_POINT} cases are left out"
    layers = [*plane.marks(metrics.marks), *plane.bars(), *plane.lines(metrics)]
    return framed(layers, look, Frame(says(metrics), subtitle, describe(metrics)), plane.height)


class _Pooled(NamedTuple):
    """Moments of enough cases each, the name of their interval, and its length."""

    moments: tuple[Moment, ...]
    every: str
    step: timedelta


def _pooled(metrics: Metrics) -> _Pooled:
    """Return the moments that have cases; where these are few, intervals put together."""
    moments = [moment for moment in metrics.trend if moment.cases]
    name, step = INTERVALS_IN_WORDS[metrics.every], _LENGTHS[metrics.every]
    start, intervals = moments[0].start, (moments[-1].start - moments[0].start) // step + 1
    cases = sum(moment.cases for moment in moments)
    needed = max(ceil(intervals / MOST_MOMENTS), ceil(CASES_OF_MOMENT * intervals / cases))
    together = max(1, min(needed, intervals // LEAST_MOMENTS))
    if name == "day" and intervals >= WHOLE_WEEKS_FROM:
        # Weekends differ from other days.
        together = ceil(together / 7) * 7
    if together == 1 or step == _MONTH:
        return _Pooled(tuple(moments), name, step)
    groups = groupby(moments, key=lambda moment: (moment.start - start) // (step * together))
    pooled = tuple(_pool(start + number * together * step, list(found)) for number, found in groups)
    return _Pooled(pooled, "week" if step * together == _WEEK else f"{together} {name}s", step * together)


def _pool(start: datetime, moments: Sequence[Moment]) -> Moment:
    return Moment(
        start=start,
        cases=sum(moment.cases for moment in moments),
        automation=_sum(moment.automation for moment in moments),
        overturn=_sum(moment.overturn for moment in moments),
        false_confidence=_sum(moment.false_confidence for moment in moments),
        median_latency=None,
    )


def _sum(shares: Iterable[Share]) -> Share:
    listed = list(shares)
    return share_among(sum(share.count for share in listed), sum(share.of for share in listed))


def _by_day(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Return the marks in order, those of one kind and one day together."""
    ordered = sorted(marks, key=lambda mark: (mark.at.date(), mark.kind, mark.at))
    return [list(same) for _, same in groupby(ordered, key=lambda mark: (mark.at.date(), mark.kind))]


def _changed(marks: Sequence[Mark]) -> str:
    """Return changes of one kind in words: `new policy refunds_v3`, `3 agents: version 2025-02`."""
    first, agents = marks[0], {mark.of for mark in marks if mark.of is not None}
    if len(marks) == 1:
        return first.text
    if len(agents) > 1:
        same = len({mark.label for mark in marks}) == 1
        return f"{len(agents)} agents: {f'version {first.label}' if same else 'new versions'}"
    return f"{first.text} and {len(marks) - 1} more"


class _Plane(NamedTuple):
    """The time from `start` to `end`, and the pixels: `head` for the marks above the plot, `height` in all."""

    moments: tuple[Moment, ...]
    every: str
    step: timedelta
    look: Look
    head: int
    height: int

    @classmethod
    def of(cls, metrics: Metrics, look: Look) -> "_Plane":
        plane = cls(*_pooled(metrics), look, 0, 0)
        lines = max((label.row + 1 for label in plane._labels(metrics.marks)), default=0)
        head = _LINE * lines + 8 if lines else 4
        return plane._replace(head=head, height=head + (260 if look.is_narrow else 320))

    @property
    def start(self) -> datetime:
        return self.moments[0].start

    @property
    def end(self) -> datetime:
        return self.moments[-1].start + self.step

    @property
    def wide(self) -> float:
        """The width of the time in pixels; the rest is for the names of the lines."""
        return self.look.inner - _AXIS - (_RIGHT_PHONE if self.look.is_narrow else _RIGHT)

    def pixel(self, at: datetime) -> float:
        return (at - self.start) / (self.end - self.start) * self.wide

    def x(self) -> Any:
        alt = altair()
        most = 3 if self.look.is_narrow else 6
        chosen = self.moments[:: -(-len(self.moments) // most)]
        labels = {_text(moment.start): moment.start for moment in chosen}
        past = self.end + (self.end - self.start) * ((self.look.inner - _AXIS) / self.wide - 1)
        axis = alt.Axis(
            title=None,
            values=list(labels),
            format="%H:%M, %-d %b" if self.step < timedelta(days=1) else "%-d %b",
            grid=False,
            labelBound=False,
            labelFlush=False,
            domain=False,
        )
        scale = alt.Scale(type="utc", domain=[_text(self.start), _text(past)], nice=False, padding=0)
        return alt.X("at:T", axis=axis, scale=scale)

    def y(self) -> Any:
        alt = altair()
        per_pixel = (1 - _FLOOR) / (self.height - self.head)
        axis = alt.Axis(
            title=None, values=[0, 0.25, 0.5, 0.75, 1], labelExpr=PERCENT_LABEL, domain=False, ticks=False,
            minExtent=_AXIS - 6, maxExtent=_AXIS - 6,
        )  # fmt: skip
        scale = alt.Scale(domain=[_FLOOR, 1 + self.head * per_pixel], nice=False, zero=False, padding=0)
        return alt.Y("y:Q", axis=axis, scale=scale)

    def _middle(self, moment: Moment) -> str:
        return _text(moment.start + self.step / 2)

    def lines(self, metrics: Metrics) -> Iterator["alt.Chart"]:
        """Yield both lines with their bands, their points and, at the right end, their names."""
        alt, theme = altair(), self.look.theme
        automation = [(moment, moment.automation) for moment in self.moments]
        overturned = [(moment, moment.overturn) for moment in self.moments]
        kinds = [
            ("automatic", automation, metrics.automation, theme.auto, SOLID, "circle"),
            ("overturned", overturned, metrics.overturn, theme.wrong, DASHED, "diamond"),
        ]
        ends: list[tuple[float, str, str, str]] = []
        for name, shares, whole, color, dash, shape in kinds:
            data = [
                {"at": self._middle(moment), "y": share.share, "low": share.lowest, "high": share.highest}
                for moment, share in shares
                if share.share is not None and share.of >= ENOUGH_IN_POINT
            ]
            if not data:
                continue
            band = alt.Chart(rows([{**row, "y": row["low"]} for row in data]))
            yield band.mark_area(color=color, opacity=0.16).encode(x=self.x(), y=self.y(), y2="high:Q")
            chart = alt.Chart(rows(data)).encode(x=self.x(), y=self.y())
            yield chart.mark_line(color=color, strokeWidth=2.2, strokeDash=dash)
            size = 46 if len(data) <= _MANY else 22
            yield chart.mark_point(filled=True, shape=shape, size=size, color=color, opacity=1)
            ends.append((float(data[-1]["y"] or 0.0), f"{name} {percent(whole.share or 0.0)}", color, shape))
        yield from self._names(ends)

    def _names(self, ends: list[tuple[float, str, str, str]]) -> Iterator["alt.Chart"]:
        """Yield the symbol and the name of each line with the share over the whole period, none upon another."""
        alt, size, color = altair(), self.look.text_size, self.look.theme.text
        before = -1.0
        for share, text, of_line, shape in sorted(ends):
            before = max(share, before + _LEAST_APART)
            for line, part in enumerate((text, "in all")):
                chart = alt.Chart(rows([{"at": _text(self.end), "y": before, "text": part}])).encode(
                    x=self.x(), y=self.y()
                )
                mark = {"fontSize": size, "fontWeight": "normal" if line else "bold", "dy": line * (size + 2)}
                yield chart.mark_text(align="left", dx=14, color=color, **mark).encode(text="text:N")
                if not line:
                    yield chart.mark_point(filled=True, shape=shape, size=46, color=of_line, opacity=1, xOffset=7)

    def bars(self) -> Iterator["alt.Chart"]:
        """Yield the number of cases below the lines."""
        alt, theme = altair(), self.look.theme
        most = max(moment.cases for moment in self.moments)
        data = [
            {
                "at": _text(moment.start + 0.1 * self.step),
                "end": _text(moment.start + 0.9 * self.step),
                "y": _FLOOR,
                "top": _FLOOR + _BARS * moment.cases / most,
            }
            for moment in self.moments
        ]
        yield (
            alt.Chart(rows(data))
            .mark_rect(color=theme.line, opacity=0.75)
            .encode(x=self.x(), x2="end:T", y=self.y(), y2="top:Q")
        )
        text = [f"cases per {self.every},", f"at most {most:,}"]
        for line, part in enumerate(text):
            row = {"at": _text(self.end), "y": _FLOOR + 0.11 - 0.055 * line, "text": part}
            yield (
                alt.Chart(rows([row]))
                .mark_text(align="left", dx=4, color=theme.muted, fontSize=self.look.text_size)
                .encode(x=self.x(), y=self.y(), text="text:N")
            )

    def _together(self, marks: Sequence[Mark], beside: float) -> list[list[Mark]]:
        """Return the marks that lie within the plot, those of one kind closer than `beside` pixels together."""
        found: list[list[Mark]] = []
        for mark in sorted(marks, key=lambda mark: (mark.kind, mark.at, mark.label)):
            if not self.start <= mark.at <= self.end:
                continue
            before = found[-1][0] if found else None
            if before and before.kind == mark.kind and self.pixel(mark.at) - self.pixel(before.at) < beside:
                found[-1].append(mark)
            else:
                found.append([mark])
        return sorted(found, key=lambda same: (same[0].at, same[0].kind))[-MOST_MARKS:]

    def _apart(self, marks: Sequence[Mark]) -> list[Mark]:
        """Return the marks whose lines do not merge into one."""
        found: list[Mark] = []
        for mark in marks:
            if not found or self.pixel(mark.at) - self.pixel(found[-1].at) >= _DISTINCT:
                found.append(mark)
        return found

    def _labels(self, marks: Sequence[Mark]) -> list["_Label"]:
        """Return the names of the changes in rows, none upon another: as many changes in one as that needs."""
        beside, size = float(_BESIDE), self.look.text_size
        while True:
            ends: list[float] = []
            labels: list[_Label] = []
            for same in self._together(marks, beside):
                text = shortened(_changed(same), self.look.inner * 0.45, size)
                pixel, wide = self.pixel(same[0].at), text_width(text, size)
                left = min(pixel, self.look.inner - _AXIS - wide)
                row = next((row for row, end in enumerate(ends) if end < left), len(ends))
                ends[row : row + 1] = [left + wide + 8]
                labels.append(_Label(same, text, row, left - pixel + 4))
            if len(ends) <= MARK_LINES or beside > self.wide:
                return labels
            beside *= 2

    def marks(self, marks: Sequence[Mark]) -> Iterator["alt.Chart"]:
        """Yield a line for each change, with its name above the plot, in rows so that the names do not overlap."""
        alt, theme, size = altair(), self.look.theme, self.look.text_size
        labels = self._labels(marks)
        for label in labels:
            dash = DOTTED if label.marks[0].kind != "policy" else SOLID
            for top, some in ((8, label.marks[:1]), (_LINE, self._apart(label.marks)[1:])):
                chart = alt.Chart(rows([{"at": _text(mark.at)} for mark in some])).encode(x=self.x())
                yield chart.mark_rule(color=theme.text, strokeDash=dash, strokeWidth=1.2).encode(
                    y=alt.value(_LINE * label.row + top), y2=alt.value(self.height)
                )
        for label in labels:
            row = {"at": _text(label.marks[0].at), "text": label.text}
            chart = alt.Chart(rows([row])).encode(
                x=self.x(), y=alt.value(_LINE * label.row + 6), text=alt.Text("text:N")
            )
            # The line of another change may pass behind a name.
            ground = {"color": theme.background, "stroke": theme.background, "strokeWidth": 4}
            for style in (ground, {"color": theme.text}):
                yield chart.mark_text(align="left", baseline="middle", dx=label.dx, fontSize=size, **style)


class _Label(NamedTuple):
    """The name of changes of one kind: its row above the plot, and its place beside the line of the first of them."""

    marks: list[Mark]
    text: str
    row: int
    dx: float


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


PICTURE = Picture("trend", "Automation and overturned reviews over time", draw, says, describe, why_not)
