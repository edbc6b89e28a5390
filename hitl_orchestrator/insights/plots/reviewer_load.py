"""The load of each reviewer beside how often this person approves the proposals of agents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.plots.labels import count_of, period_text, shortened, text_width
from hitl_orchestrator.insights.plots.scene import Picture, Scene
from hitl_orchestrator.insights.plots.style import Frame, Look, altair, framed, in_pixels, rows
from hitl_orchestrator.insights.reviewer_quality import QualitySignal, ReviewerQuality

if TYPE_CHECKING:
    import altair as alt

MOST_ROWS = 15
_SIGNALS = {
    QualitySignal.FAST: "very fast",
    QualitySignal.APPROVES_GOLD_ERRORS: "approves known errors",
    QualitySignal.ALWAYS_AGREES: "always agrees",
    QualitySignal.APART_FROM_PEERS: "apart from peers",
}
_ROW, _HEAD, _FOOT = 44, 26, 22
_MOST_OF_ALL = 0.5


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    return None if _reviewers(metrics) else "no reviewer decided a case in this period, replayed decisions aside"


def says(metrics: Metrics) -> str:
    """Return the finding: a signal about a reviewer, or else how the load is spread."""
    found = _reviewers(metrics)
    if not found:
        return "No reviewer decided a case"
    total, most = sum(person.cases for person in found), found[0]
    flagged = [person for person in found if person.signals]
    share = percent(most.cases / total)
    spread = (
        f"{metrics.known_as(most.reviewer)} decides {share} of all reviews"
        if most.cases > _MOST_OF_ALL * total
        else f"{count_of(len(found), 'person', 'people')} share the reviews, none has more than {share}"
    )
    if len(found) == 1:
        spread = f"One person, {metrics.known_as(most.reviewer)}, decides all reviews"
    if not flagged:
        return spread
    return f"{spread}; {count_of(len(flagged), 'reviewer')} {'needs' if len(flagged) == 1 else 'need'} a closer look"


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    parts = (
        f"{metrics.known_as(person.reviewer)}: {count_of(person.cases, 'case')}, {_agreement(person)}"
        + (f", signals: {_signals(person)}" if person.signals else "")
        for person in _reviewers(metrics)[:MOST_ROWS]
    )
    return f"Cases of each reviewer, and the share of proposals approved as they were. {'; '.join(parts)}."


def draw(scene: Scene) -> "alt.LayerChart":
    """Return both columns."""
    metrics, look = scene.metrics, scene.look
    found = _reviewers(metrics)
    table = _Table(found[:MOST_ROWS], metrics.known_as, max(person.cases for person in found), look)
    parts = [
        f"{count_of(sum(person.cases for person in found), 'decision')} of {count_of(len(found), 'person', 'people')}",
        period_text(metrics.period.first, metrics.period.last),
        "95 % intervals",
    ]
    subtitle = ", ".join(filter(None, parts))
    if len(found) > MOST_ROWS:
        subtitle += f". {count_of(len(found) - MOST_ROWS, 'reviewer')} with fewer cases left out"
    layers = [*table.heads(), *table.load(), *table.agreement()]
    return framed(layers, look, Frame(says(metrics), subtitle, describe(metrics)), table.height)


def _reviewers(metrics: Metrics) -> list[ReviewerQuality]:
    found = [person for person in metrics.reviewers if person.cases]
    return sorted(found, key=lambda person: (-person.cases, person.reviewer))


def _signals(person: ReviewerQuality) -> str:
    return ", ".join(_SIGNALS[signal] for signal in person.signals)


def _agreement(person: ReviewerQuality) -> str:
    share = person.with_agent.share
    return "no proposal to approve" if share is None else f"{percent(share)} approved"


class _Table(NamedTuple):
    """One row for each reviewer: cases on the left, approved proposals on the right."""

    people: Sequence[ReviewerQuality]
    known_as: Callable[[str], str]
    most: int
    look: Look

    @property
    def height(self) -> int:
        return _HEAD + _ROW * len(self.people) + _FOOT

    @property
    def middle(self) -> float:
        """The left end of the right column."""
        return self.look.inner * 0.54

    def _top(self, index: int) -> float:
        return _HEAD + index * _ROW

    def _share_pixel(self, share: float) -> float:
        return self.middle + share * (self.look.inner - self.middle - 10) + 4

    def heads(self) -> Iterator["alt.Chart"]:
        """Yield the names of the columns, the axis of the right one, and the names of the reviewers."""
        alt, theme, size, (x, y) = altair(), self.look.theme, self.look.text_size, in_pixels(self.look, self.height)
        bottom = self.height - _FOOT
        ticks = [(share, self._share_pixel(share)) for share in (0, 0.5, 1)]
        lines = alt.Chart(rows([{"x": place, "y": _HEAD - 4, "y2": bottom} for _, place in ticks]))
        yield lines.mark_rule(color=theme.grid).encode(x=x, y=y, y2="y2:Q")
        heads = [(0.0, 8, "cases decided", "left"), (self.middle, 8, "approved unchanged", "left")]
        heads += [
            (place, bottom + 11, percent(share), "right" if share == 1 else "left" if share == 0 else "center")
            for share, place in ticks
        ]
        for place, top, text, align in heads:
            yield (
                alt.Chart(rows([{"x": place, "y": top, "text": text}]))
                .mark_text(align=align, baseline="middle", color=theme.muted, fontSize=size)
                .encode(x=x, y=y, text="text:N")
            )

    def load(self) -> Iterator["alt.Chart"]:
        """Yield the names, the signals, and the bars."""
        alt, theme, size, (x, y) = altair(), self.look.theme, self.look.text_size, in_pixels(self.look, self.height)
        room = self.middle - 60
        bars: list[dict[str, Any]] = [
            {
                "x": 0,
                "x2": max(2.0, room * person.cases / self.most),
                "y": self._top(index) + 20,
                "y2": self._top(index) + 34,
                "count": f"{person.cases:,}",
                "name": shortened(self.known_as(person.reviewer), self.middle * 0.6, size),
                "signal": f"! {_signals(person)}" if person.signals else "",
            }
            for index, person in enumerate(self.people)
        ]
        yield alt.Chart(rows(bars)).mark_rect(color=theme.review).encode(x=x, x2="x2:Q", y=y, y2="y2:Q")
        names = [{"x": 0, "y": row["y"] - 9, "text": row["name"]} for row in bars]
        counts = [{"x": row["x2"] + 6, "y": row["y"] + 7, "text": row["count"]} for row in bars]
        signals = [self._signal(row) for row in bars]
        for data, color, weight in (
            (names, theme.text, "bold"),
            (counts, theme.text, "normal"),
            (signals, theme.wrong, "bold"),
        ):
            mark = {"align": "left", "baseline": "middle", "color": color, "fontSize": size, "fontWeight": weight}
            yield alt.Chart(rows(data)).mark_text(**mark).encode(x=x, y=y, text="text:N")

    def _signal(self, row: Mapping[str, Any]) -> dict[str, Any]:
        size = self.look.text_size
        left = text_width(row["name"], size, bold=True) + 10
        return {"x": left, "y": row["y"] - 9, "text": shortened(row["signal"], self.look.inner - left, size)}

    def agreement(self) -> Iterator["alt.Chart"]:
        """Yield the share of approved proposals, with its interval."""
        alt, theme, (x, y) = altair(), self.look.theme, in_pixels(self.look, self.height)
        data = [
            {
                "x": self._share_pixel(person.with_agent.lowest or 0.0),
                "x2": self._share_pixel(person.with_agent.highest or 0.0),
                "share": self._share_pixel(person.with_agent.share),
                "y": self._top(index) + 27,
            }
            for index, person in enumerate(self.people)
            if person.with_agent.share is not None
        ]
        if not data:
            return
        yield alt.Chart(rows(data)).mark_rule(color=theme.text, strokeWidth=1.8).encode(x=x, x2="x2:Q", y=y)
        points = [{"x": row["share"], "y": row["y"]} for row in data]
        yield alt.Chart(rows(points)).mark_point(filled=True, size=64, color=theme.text, opacity=1).encode(x=x, y=y)


PICTURE = Picture("reviewer_load", "Load of the reviewers", draw, says, describe, why_not)
