"""The lowest bound on confidence above which an agent is wrong at most as often as promised.

A promise names `alpha`, the largest tolerated share of wrong outputs among the cases that go ahead, and `delta`, the
probability over the draw of the labels with which a certified bound may break it. Each bound is tested exactly: of m
labels at or above it k are wrong, and where the true share were above alpha, so few would be found with a probability
of at most P(Bin(m, alpha) <= k). The bounds are tested from strict to lenient, each with the level that those before it
have left, and one that fails ends its sequence. So all bounds together keep delta, whatever the shape of the errors
(Learn then Test: Angelopoulos, Bates, Candès, Jordan and Lei, 2021, arXiv 2110.01052; the ancestor of the selective
classifier with a guaranteed risk is Geifman and El-Yaniv, 2017, NeurIPS 30; the sequence with several starts is the
fallback procedure of Wiens and Dmitrienko, 2005, Journal of Biopharmaceutical Statistics 15, 929).

The tested bounds come from past confidences, which carry no labels, and the starts from the number of labels alone:
neither depends on what the labels say.
"""

from collections.abc import Sequence
from math import ceil, log, log1p
from typing import NamedTuple

import numpy as np
from scipy.stats import beta, binom

from hitl_orchestrator.learning.labels import Floats, Labels

MOST_BOUNDS = 1_000
"""The number of bounds that are tested; of more distinct confidences, those at equal steps of coverage."""

START = 0.3
"""The share of past cases at or above the first tested bound, where the labels suffice."""

_LATER_STARTS = ((0.6, 0.1), (0.9, 0.1))
"""Further starts, and their shares of delta: a sequence that ended by chance begins there again."""

_ROOM = 1.15
"""A start has room for this multiple of the labels without which not even a faultless agent could pass."""

_ENOUGH_FOR_SEVERAL = 1.5
"""Several starts need this multiple."""


class Promise(NamedTuple):
    """At most a share `alpha` of what goes ahead is wrong, unless the labels mislead, with probability `delta`."""

    alpha: float = 0.05
    delta: float = 0.05

    @property
    def fewest(self) -> int:
        """The number of labels, all of them right, below which no bound can be certified."""
        return self.fewest_at(self.delta)

    def fewest_at(self, level: float) -> int:
        """Return the number of labels for a test at this level: the least m with (1 - alpha)^m <= level."""
        return ceil(log(level) / log1p(-self.alpha))


USUAL = Promise()
"""At most 5 % wrong, with a confidence of 95 %."""


class Bound(NamedTuple):
    """A tested bound on confidence, which is inclusive.

    `coverage` is the share of past cases at or above it. `labels` and `errors` count the labels there, `level` is that
    of its test, and `upper` the largest share of wrong outputs that this test does not exclude.
    """

    confidence: float
    coverage: float
    labels: int
    errors: int
    level: float
    upper: float
    is_certified: bool


class Certified(NamedTuple):
    """The most lenient certified bound, None if none is, and all bounds that were tested, in their order.

    `needed` is the number of labels that a certificate needs at least; `why_not` says why there is none.
    """

    promise: Promise
    bound: Bound | None
    tested: tuple[Bound, ...]
    labels: int
    needed: int
    why_not: str | None


def certified(labels: Labels, past: Floats, promise: Promise = USUAL) -> Certified:
    """Return the lowest certified bound for one group.

    `labels` must be uniform (see `Labels.uniform`), and independent draws from the cases for which the promise is made.
    `past` are confidences of past cases of the group, looked at or not; they must not have been chosen by what the
    labels say.

    Raises:
        ValueError: the labels have unequal probabilities, or the promise is not within (0, 1).
    """
    if not (0 < promise.alpha < 1 and 0 < promise.delta < 1):
        raise ValueError(f"alpha {promise.alpha} and delta {promise.delta} must be within 0 and 1")
    if len(labels) and np.ptp(labels.probability) > 0:
        raise ValueError("labels of unequal probability enter no promise; take those of `uniform`")
    needed = ceil(_ROOM * promise.fewest)
    if len(labels) < needed or not len(past):
        why = f"not enough data: {len(labels):,} of about {needed:,} labels needed"
        return Certified(promise, None, (), len(labels), needed, why if len(past) else "not enough data: no past case")
    grid = _Grid(labels, past)
    tested = tuple(_tested(grid, promise, _starts(len(labels), promise)))
    best = next((each for each in reversed(tested) if each.is_certified), None)
    return Certified(promise, best, tested, len(labels), needed, None if best else _why_not(tested, promise))


class _Grid:
    """The bounds from strict to lenient, with the coverage, labels and errors at or above each."""

    def __init__(self, labels: Labels, past: Floats) -> None:
        bounds, counts = np.unique(past, return_counts=True)
        bounds, coverage = bounds[::-1], counts[::-1].cumsum() / len(past)
        if len(bounds) > MOST_BOUNDS:
            kept = np.unique(np.searchsorted(coverage, np.linspace(0, 1, MOST_BOUNDS + 1)[1:] - 1e-12))
            bounds, coverage = bounds[kept], coverage[kept]
        self.bounds, self.coverage = bounds, coverage
        self.labels = _at_least(labels.confidence, bounds)
        self.errors = _at_least(labels.confidence[labels.wrong], bounds)

    def start_at(self, coverage: float) -> int:
        """Return the place of the strictest bound with this coverage; the last one if none has it."""
        return min(int(np.searchsorted(self.coverage, coverage - 1e-12)), len(self.bounds) - 1)


def _at_least(values: Floats, bounds: Floats) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return how many values are at or above each bound."""
    return len(values) - np.searchsorted(np.sort(values), bounds, side="left")


def _starts(labels: int, promise: Promise) -> Sequence[tuple[float, float]]:
    """Return the coverage of each start with its share of delta. They depend on the number of labels alone."""
    first = 1 - sum(share for _, share in _LATER_STARTS)
    if START * labels >= _ENOUGH_FOR_SEVERAL * promise.fewest_at(first * promise.delta):
        return ((START, first), *_LATER_STARTS)
    return ((min(1.0, max(START, _ROOM * promise.fewest / labels)), 1.0),)


def _tested(grid: _Grid, promise: Promise, starts: Sequence[tuple[float, float]]) -> list[Bound]:
    shares: dict[int, float] = {}
    for coverage, share in starts:
        place = grid.start_at(coverage)
        shares[place] = shares.get(place, 0.0) + share * promise.delta
    tested, left = list[Bound](), 0.0
    for place in range(min(shares), len(grid.bounds)):
        level = min(promise.delta, left + shares.get(place, 0.0))
        if not level:
            continue
        number, errors = int(grid.labels[place]), int(grid.errors[place])
        passes = bool(binom.cdf(errors, number, promise.alpha) <= level) if number else False
        where = float(grid.bounds[place]), float(grid.coverage[place])
        tested.append(Bound(*where, number, errors, level, upper_limit(errors, number, level), passes))
        left = level if passes else 0.0
    return tested


def upper_limit(errors: int, number: int, level: float) -> float:
    """Return the exact upper limit of a share at one-sided confidence 1 - level.

    Clopper, C. J. and Pearson, E. S. (1934): The use of confidence or fiducial limits illustrated in the case of the
    binomial. Biometrika 26, 404-413: the quantile 1 - level of Beta(errors + 1, number - errors).
    """
    return 1.0 if errors >= number else float(beta.ppf(1 - level, errors + 1, number - errors))


def _why_not(tested: Sequence[Bound], promise: Promise) -> str:
    first = tested[0]
    return (
        f"at the first tested bound, a confidence of {first.confidence:g}, {first.errors:,} of {first.labels:,} labels "
        f"are wrong; that excludes no more than {first.upper:.1%} of errors, and {promise.alpha:.1%} are promised"
    )
