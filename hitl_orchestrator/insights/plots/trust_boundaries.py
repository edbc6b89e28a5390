"""The map of trust boundaries: each case as a point, risk by confidence, with the bounds of the policy."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.shown.numbers import confidence_text, percent
from hitl_orchestrator.insights.frame import polars
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.plots.keys import Key, KeyItem, key_of
from hitl_orchestrator.insights.plots.labels import count_of, period_text, shortened, text_width
from hitl_orchestrator.insights.plots.scene import AnyBound, Picture, Scene
from hitl_orchestrator.insights.plots.style import DASHED, PAGE, Frame, Look, altair, framed, rows

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

MOST_POINTS, MOST_ON_PHONE = 1_800, 600
MOST_OVERTURNED = 0.4
"""The share of the points that overturned cases may take, all of which are shown if they are no more."""

ROUTES = {
    Action.AUTO_APPROVE: "automatic",
    Action.HUMAN_REVIEW: "review",
    Action.ESCALATE: "escalated",
}
UNSEEN, APPROVED, WRONG_IN_CHECK = "no person looked", "approved", "wrong in a spot check"
SHAPES = {
    UNSEEN: "circle",
    APPROVED: "circle",
    "modified": "triangle-up",
    "overridden": "diamond",
    "rejected": "cross",
    WRONG_IN_CHECK: "square",
}
_VERDICTS = {"approve": APPROVED, "modify": "modified", "override": "overridden", "reject": "rejected"}
_KNUTH, _CYCLE = 2_654_435_761, 2**32
_LANE, _LANE_PHONE, _LANE_FEW, _HEAD, _GAP = 104, 92, 56, 20, 8
_LOWEST_SHOWN = 0.5
_NONE_WIDTH = 0.09
_LOW = 0.2
_FEW, _SOME, _MANY = 40, 250, 900
_SIZES = ((_FEW, 1.8), (_SOME, 1.0), (_MANY, 0.75))


def why_not(metrics: Metrics) -> str | None:
    """Return why there is no picture."""
    return None if metrics.cases.decided else "no case was decided in this period"


def says(metrics: Metrics) -> str:
    """Return the finding: what people did with cases of which the agent was sure."""
    sure = metrics.false_confidence
    bound, share = f"{confidence_text(sure.bound)} confidence or more", sure.overturned
    if not share.of or share.share is None:
        return f"No person has looked at a case of {bound}"
    if share.of == 1:
        return f"People {'overturned' if share.count else 'approved'} the only case that they saw at {bound}"
    cases = f"the {count_of(share.of, 'case')} that they saw at {bound}"
    if not share.count:
        return f"People overturned none of {cases}"
    return f"Sure and wrong: {metrics.judges} overturned {share.count:,} of {cases} ({percent(share.share)})"


def describe(metrics: Metrics) -> str:
    """Return the picture in words."""
    automated = percent(metrics.automation.share or 0.0)
    return (
        f"A map of {count_of(metrics.cases.decided, 'case')}, one lane for each risk, confidence from left to right. "
        f"{automated} were decided automatically; of {metrics.overturn.of:,} that {metrics.judges} decided, "
        f"{metrics.overturn.count:,} were overturned."
    )


def draw(scene: Scene) -> "alt.LayerChart":
    """Return the map."""
    metrics, look = scene.metrics, scene.look
    assert scene.frame is not None  # noqa: S101 - see `needs_frame`
    cases = _cases(scene.frame, metrics)
    shown = _sample(cases, MOST_ON_PHONE if look.is_narrow else MOST_POINTS)
    subtitle = f"{count_of(cases.height, 'decided case')}, {period_text(metrics.period.first, metrics.period.last)}"
    if shown.height < cases.height:
        drawn = int(shown["wrong"].sum())
        whole = "all" if drawn == int(cases["wrong"].sum()) else "a sample of the"
        subtitle += (
            f". Drawn: {whole} overturned cases ({drawn:,}) and an even sample of the others; "
            f"{cases.height - shown.height:,} are left out"
        )
    key = _key(shown, look)
    plane = _Plane.of(cases, scene.bounds, look, key.height)
    layers = [*plane.lanes(cases, look), *plane.bounds(scene.bounds, look), *_points(shown, plane, look), *key.layers]
    return framed(layers, look, Frame(says(metrics), subtitle, describe(metrics)), plane.height)


def _cases(frame: "pl.DataFrame", metrics: Metrics) -> "pl.DataFrame":
    """Return the decided cases of the period, with the verdict of a person on each."""
    pl = polars("a picture")
    period, at, decision = metrics.period, pl.col("timestamp"), pl.col("human_decision").cast(pl.String)
    checked, wrong = pl.col("check_overturned").is_not_null(), pl.lit(WRONG_IN_CHECK)
    verdict = pl.when(checked).then(pl.when("check_overturned").then(wrong).otherwise(pl.lit(APPROVED)))
    for name, shown in _VERDICTS.items():
        verdict = pl.when(pl.col("by_person") & (decision == name)).then(pl.lit(shown)).otherwise(verdict)
    since = pl.lit(value=True) if period.since is None else at >= period.since
    until = pl.lit(value=True) if period.until is None else at < period.until
    return (
        frame.lazy()
        .filter(pl.col("kind") == "case", pl.col("is_decided"), since, until)
        .select(
            "finished_seq",
            risk=pl.col("risk_level").cast(pl.String).cast(pl.Enum([risk.value for risk in RiskLevel])),
            confidence=pl.col("confidence_score").fill_nan(None),
            route=pl.col("routing_decision").cast(pl.String).cast(pl.Enum([action.value for action in Action])),
            verdict=verdict.fill_null(UNSEEN).cast(pl.Enum(list(SHAPES))),
        )
        .with_columns(wrong=~pl.col("verdict").is_in([UNSEEN, APPROVED]))
        .collect()
    )


def _sample(cases: "pl.DataFrame", most: int) -> "pl.DataFrame":
    """Return at most so many cases in order of risk and confidence: overturned ones first, and a sample of the rest."""
    pl = polars("a picture")
    if cases.height > most:
        wrong, others = cases.filter("wrong"), cases.filter(~pl.col("wrong"))
        kept = _some(wrong, int(most * MOST_OVERTURNED) if others.height else most)
        cases = pl.concat([_some(others, most - kept.height), kept])
    return cases.sort("risk", "confidence", "finished_seq")


def _some(cases: "pl.DataFrame", most: int) -> "pl.DataFrame":
    """Return at most so many cases, spread evenly over their order by Knuth's multiplicative hash."""
    pl = polars("a picture")
    if cases.height <= most:
        return cases
    scattered = cases.with_columns(place=pl.col("finished_seq") % _CYCLE * _KNUTH % _CYCLE)
    return scattered.bottom_k(most, by=["place", "finished_seq"]).drop("place")


class _Plane(NamedTuple):
    """The lanes, the riskiest on top, in pixels from above; `low` is the confidence at the left end.

    Cases without a confidence stand in a strip on the left of it, from `left` to `strip`.
    """

    low: float
    left: float
    strip: float
    lane: int
    start: int

    @classmethod
    def of(cls, cases: "pl.DataFrame", bounds: Sequence[AnyBound], look: Look, start: int) -> "_Plane":
        scores = cases["confidence"].drop_nulls()
        shown = [bound.confidence for bound in bounds if bound.confidence is not None]
        shown += [cast("float", scores.min())] if len(scores) else []
        low = min([_LOWEST_SHOWN, *(int(value * 10) / 10 for value in shown)]) if shown else 0.0
        wide = (1 - low) * _NONE_WIDTH
        left = low - 1.35 * wide if len(scores) < cases.height else low
        lane = _LANE_FEW if cases.height < _FEW else _LANE_PHONE if look.is_narrow else _LANE
        return cls(low, left, low - 0.35 * wide, lane, start)

    @property
    def height(self) -> int:
        return self.start + len(RiskLevel) * (self.lane + _HEAD + _GAP) - _GAP

    def top(self, risk: str) -> float:
        """Return the upper edge of the points of a risk."""
        place = len(RiskLevel) - 1 - list(RiskLevel).index(RiskLevel(risk))
        return self.start + place * (self.lane + _HEAD + _GAP) + _HEAD

    def placed(self, cases: "pl.DataFrame") -> Iterator[dict[str, Any]]:
        """Yield each case with its place. Neighbors in confidence are far apart in height, so points rarely overlap."""
        ranks: dict[tuple[str, bool], int] = {}
        for row in cases.iter_rows(named=True):
            missing = row["confidence"] is None
            rank = ranks[row["risk"], missing] = ranks.get((row["risk"], missing), 0) + 1
            x = self.left + (self.strip - self.left) * (0.1 + 0.8 * _spread(rank, 3)) if missing else row["confidence"]
            y = self.top(row["risk"]) + 6 + (self.lane - 12) * _spread(rank, 2)
            yield {
                "x": round(x, 4),
                "y": round(y, 1),
                "route": ROUTES[Action(row["route"])],
                "verdict": row["verdict"],
            }

    def x(self) -> Any:
        alt = altair()
        ticks = [value / 10 for value in range(11) if value >= self.low * 10 and (self.low > _LOW or value % 2 == 0)]
        axis = alt.Axis(
            title="confidence of the agent", values=ticks, format=".1f", grid=False, domain=False, ticks=False
        )
        return alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[self.left, 1], nice=False, zero=False, padding=0))

    def y(self) -> Any:
        alt = altair()
        return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[self.height, 0], nice=False, zero=False))

    def lanes(self, cases: "pl.DataFrame", look: Look) -> Iterator["alt.Chart"]:
        """Yield the lanes with their headings."""
        alt, theme, size = altair(), look.theme, look.text_size
        pl = polars("a picture")
        places, heads = [], []
        for risk in RiskLevel:
            top, mine = self.top(risk), cases.filter(pl.col("risk") == risk.value)
            edges = [(self.low, 1.0)] + ([(self.left, self.strip)] if self.left < self.low else [])
            places += [{"x": start, "x2": end, "y": top, "y2": top + self.lane} for start, end in edges]
            heads.append({"x": self.left, "y": top - 7, "risk": f"{risk.value} risk", "about": _about(mine)})
        data = rows(places)
        yield alt.Chart(data).mark_rect(color=theme.panel).encode(x=self.x(), x2="x2:Q", y=self.y(), y2="y2:Q")
        text = alt.Chart(rows(heads)).encode(x=self.x(), y=self.y())
        bold = max(text_width(f"{risk.value} risk", size + 1, bold=True) for risk in RiskLevel) + 16
        yield text.mark_text(align="left", fontSize=size + 1, fontWeight="bold", color=theme.text).encode(text="risk:N")
        yield text.mark_text(align="left", fontSize=size, color=theme.muted, dx=bold).encode(text="about:N")
        if self.left < self.low:
            note = {"x": (self.left + self.strip) / 2, "y": self.height + 13, "text": "none"}
            yield (
                alt.Chart(rows([note]))
                .mark_text(fontSize=size, color=theme.muted, baseline="middle")
                .encode(x=self.x(), y=self.y(), text="text:N")
            )

    def bounds(self, bounds: Sequence[AnyBound], look: Look) -> Iterator["alt.Chart"]:
        """Yield the part of each lane in which the policy approves automatically, with its bound."""
        alt, theme = altair(), look.theme
        found = []
        for bound in bounds:
            if bound.confidence is None:
                continue
            top, start = self.top(bound.risk), max(bound.confidence, self.low)
            label = f"{'' if look.is_narrow else 'automatic '}from {confidence_text(bound.confidence)}"
            if bound.label and not look.is_narrow:
                label += f" {shortened(bound.label, 150, look.text_size)}"
            found.append({"x": start, "x2": 1.0, "y": top, "y2": top + self.lane, "head": top - 7, "text": label})
        if not found:
            return
        chart = alt.Chart(rows(found))
        yield chart.mark_rect(color=theme.tint).encode(x=self.x(), x2="x2:Q", y=self.y(), y2="y2:Q")
        yield chart.mark_rule(color=theme.text, strokeDash=DASHED, strokeWidth=1.4).encode(
            x=self.x(), y=self.y(), y2="y2:Q"
        )
        yield (
            alt.Chart(rows([{**row, "x": 1.0, "y": row["head"]} for row in found]))
            .mark_text(align="right", fontSize=look.text_size, color=theme.text)
            .encode(x=self.x(), y=self.y(), text="text:N")
        )


def _about(cases: "pl.DataFrame") -> str:
    """Return the number of cases of a lane, and the share of automatic ones."""
    if not cases.height:
        return "no case"
    automatic = int((cases["route"] == Action.AUTO_APPROVE.value).sum())
    return f"{count_of(cases.height, 'case')}, {percent(automatic / cases.height)} automatic"


def _key(cases: "pl.DataFrame", look: Look) -> Key:
    """Return the key of the routes and of the verdicts that occur."""
    verdict, routes = set(cases["verdict"]), set(cases["route"])
    colors = _colors(look)
    return key_of(
        [
            [KeyItem(ROUTES[route], colors[route], "square", 80) for route in Action if route.value in routes],
            [
                KeyItem(name, look.theme.muted, shape, 18 if name == UNSEEN else 62, hollow=name == APPROVED)
                for name, shape in SHAPES.items()
                if name in verdict
            ],
        ],
        look,
    )


def _colors(look: Look) -> dict[Action, str]:
    return dict(zip(Action, (look.theme.auto, look.theme.review, look.theme.escalate), strict=True))


def _points(cases: "pl.DataFrame", plane: _Plane, look: Look) -> Iterator["alt.Chart"]:
    """Yield the points: first those that no person looked at, last those that were overturned."""
    alt, theme, points = altair(), look.theme, list(plane.placed(cases))
    colors = [_colors(look)[route] for route in ROUTES]
    color = alt.Color("route:N", scale=alt.Scale(domain=list(ROUTES.values()), range=colors), legend=None)
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None)
    factor = next((factor for most, factor in _SIZES if len(points) * PAGE < most * look.width), 0.55)
    overturned = [point for point in points if point["verdict"] not in {UNSEEN, APPROVED}]
    layers = (
        ([point for point in points if point["verdict"] == UNSEEN], 18, {"filled": True, "opacity": 0.85}),
        (
            [point for point in points if point["verdict"] == APPROVED],
            40,
            {"filled": False, "strokeWidth": 1.3, "opacity": 1},
        ),
        (overturned, 72, {"filled": True, "opacity": 1, "stroke": theme.background, "strokeWidth": 0.7}),
    )
    for chosen, size, mark in layers:
        if chosen:
            yield (
                alt.Chart(rows(chosen))
                .mark_point(size=size * factor + 4, **mark)
                .encode(x=plane.x(), y=plane.y(), color=color, shape=shape)
            )


def _spread(rank: int, base: int) -> float:
    """Return the van der Corput sequence: numbers from 0 to 1, each far from those before it."""
    value, step = 0.0, 1.0
    while rank:
        rank, digit = divmod(rank, base)
        step /= base
        value += digit * step
    return value


PICTURE = Picture("trust_boundaries", "Map of trust boundaries", draw, says, describe, why_not, needs_frame=True)
