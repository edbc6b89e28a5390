"""Where a trend leads if it goes on: a straight line through the shares of past intervals, with its interval.

Weighted least squares on the shares with the variances p(1-p)/n (the simplest case of Cox, D. R. (1970): Analysis of
Binary Data), scaled by the mean squared residual where that is larger. A line is only drawn where its slope is
certain, and never further ahead than half of the time that it was fitted on.
"""

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent, percent_interval
from hitl_orchestrator.insights.metrics.model import INTERVALS_IN_WORDS, Metrics, Moment
from hitl_orchestrator.insights.report.phrases import number
from hitl_orchestrator.insights.shares import Share

ENOUGH_MOMENTS, ENOUGH_CASES = 6, 10
"""The intervals of time that a line needs, and the cases that each of them needs."""

_CERTAIN = 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131
"""The two-sided 95 % quantiles of Student's t for 5 to 15 degrees of freedom; beyond these 2.13 is on the safe side."""
_FEWEST = 5


class Line(NamedTuple):
    """A line through shares over the numbers of their intervals, with what its interval at a point needs."""

    middle: float
    level: float
    slope: float
    weight: float
    spread: float
    scale: float
    t: float

    @property
    def is_certain(self) -> bool:
        """Whether the 95 % interval of the slope excludes 0."""
        return abs(self.slope) > self.t * self.scale / sqrt(self.spread)

    def at(self, place: float) -> tuple[float, float, float]:
        """Return the share at a place and the ends of its 95 % interval, within 0 and 1."""
        value = self.level + self.slope * (place - self.middle)
        reach = self.t * self.scale * sqrt(1 / self.weight + (place - self.middle) ** 2 / self.spread)
        low, middle, high = (min(1.0, max(0.0, each)) for each in (value - reach, value, value + reach))
        return middle, low, high


def line_through(points: Sequence[tuple[int, Share]]) -> Line | None:
    """Return the line through shares at places; None where they are too few."""
    known = [(place, each.share, each.of) for place, each in points if each.share is not None]
    known = [point for point in known if point[2] >= ENOUGH_CASES]
    if len(known) < ENOUGH_MOMENTS:
        return None
    # Half a case is added on both sides: a share of 0 or 1 would have no variance.
    variances = [((s * of + 0.5) / (of + 1)) * (1 - (s * of + 0.5) / (of + 1)) / of for _, s, of in known]
    weights = [1 / each for each in variances]
    total = sum(weights)
    middle = sum(w * place for w, (place, _, _) in zip(weights, known, strict=True)) / total
    level = sum(w * share for w, (_, share, _) in zip(weights, known, strict=True)) / total
    spread = sum(w * (place - middle) ** 2 for w, (place, _, _) in zip(weights, known, strict=True))
    slope = sum(w * (place - middle) * share for w, (place, share, _) in zip(weights, known, strict=True)) / spread
    residuals = sum(
        w * (share - level - slope * (place - middle)) ** 2 for w, (place, share, _) in zip(weights, known, strict=True)
    )
    freedom = len(known) - 2
    t = _CERTAIN[min(max(freedom - _FEWEST, 0), len(_CERTAIN) - 1)] if freedom >= _FEWEST else 2.776
    return Line(middle, level, slope, total, spread, max(1.0, sqrt(residuals / freedom)), t)


def forecasts(metrics: Metrics) -> tuple[str, ...]:
    """Return a sentence for each share with a certain trend: where it leads, and the word that it would change."""
    return tuple(sentence for watched in _WATCHED for sentence in _forecast(metrics, watched))


class _Watched(NamedTuple):
    """A share over time, and the bound beyond which a word of the report changes; None: it has none."""

    title: str
    share: Callable[[Moment], Share]
    bound: Callable[[Metrics], float | None]
    word: str


_WATCHED = (
    _Watched("Automation", lambda moment: moment.automation, lambda metrics: None, ""),
    _Watched("The overturned share of reviews", lambda moment: moment.overturn, lambda metrics: None, ""),
    _Watched(
        "The overturned share of confident cases",
        lambda moment: moment.false_confidence,
        lambda metrics: 1 - metrics.false_confidence.bound,
        "health becomes 'watch'",
    ),
)


def _forecast(metrics: Metrics, watched: _Watched) -> Iterator[str]:
    # The last interval of time may not be over.
    moments = metrics.trend[:-1]
    line = line_through([(place, watched.share(moment)) for place, moment in enumerate(moments)])
    if line is None or not line.is_certain:
        return
    last, ahead = len(moments) - 1, max(1, len(moments) // 2)
    now, (then, low, high) = line.at(last)[0], line.at(last + ahead)
    verb = "rises" if line.slope > 0 else "falls"
    unit = INTERVALS_IN_WORDS[metrics.every]
    steps = number(ahead, unit)
    sentence = (
        f"{watched.title} {verb}: from {percent(now)} now to {percent(then)} {percent_interval(low, high)} in {steps}"
    )
    sentence = f"{sentence}, if the trend of {number(len(moments), unit)} goes on"
    bound = watched.bound(metrics)
    crossing = None if bound is None else _crossing(line, last, ahead, bound)
    yield f"{sentence}; {watched.word} in about {number(crossing, unit)}." if crossing else f"{sentence}."


def _crossing(line: Line, last: int, ahead: int, bound: float) -> int | None:
    """Return in how many intervals of time the lower end of the interval passes a bound; None: not in those ahead."""
    if line.at(last)[1] > bound:
        return None
    return next((step for step in range(1, ahead + 1) if line.at(last + step)[1] > bound), None)
