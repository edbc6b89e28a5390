"""Shares of a population from looks at a sample of it: strata of equal review probability.

In each stratum every case was equally likely to be looked at, so the looks are a simple random sample of it, whatever
the probabilities of other strata. Its interval is Wilson's (see `shares`) with the correction for a finite population:
n looks at N cases count as n (N - 1) / (N - n). Where every case was looked at, the share is exact. (Cochran, W. G.
(1977): Sampling Techniques, 3rd edition, chapters 2, 3 and 5.)

The strata are combined by MOVER (Zou, G. Y. and Donner, A. (2008): Construction of confidence limits about effect
measures: a general approach. Statistics in Medicine 27 (10), 1693-1702): for stratum weights W, shares p and limits l
and u, the lower limit is ΣWp - √Σ(W (p - l))², and the upper one ΣWp + √Σ(W (u - p))².

Looks that were due and not answered may have found anything, so the range comes first: the lower limit supposes that
all of them would have found the case right, and the upper one that all would have found it wrong. Each has the sampling
error of all looks that were due. (Manski, C. F. (2003): Partial Identification of Probability Distributions.)
"""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.insights.shares import wilson

if TYPE_CHECKING:
    import polars as pl

_NEARLY_CERTAIN = 0.99

MOST_BY_CHANCE = 3.0
"""The standard deviations by which the number of looks may fall below its expectation by chance."""


class Stratum(NamedTuple):
    """Cases with one review probability. Of the looks that were `due`, `looks` were answered, and found `wrong`."""

    probability: float
    cases: int
    due: int
    looks: int
    wrong: int

    @property
    def is_seen(self) -> bool:
        """Whether the stratum says anything about its cases."""
        return self.probability > 0 and self.due > 0


def stratum_of(pl: Any, probability: "pl.Expr") -> "pl.Expr":
    """Return the stratum of a review probability: two significant digits, so that there are never very many.

    A probability of 1 has a stratum of its own, in which the looks are no sample.
    """
    near = pl.min_horizontal(probability.round_sig_figs(2), _NEARLY_CERTAIN)
    return pl.when((probability > 0) & (probability < 1)).then(near).otherwise(probability.fill_null(0.0))  # type: ignore[no-any-return]


def merge(strata: Iterable[Stratum]) -> list[Stratum]:
    """Return one stratum for each probability."""
    sums: dict[float, list[int]] = {}
    for probability, *counts in strata:
        sums[probability] = [sum(pair) for pair in zip(sums.get(probability, (0, 0, 0, 0)), counts, strict=True)]
    return [Stratum(probability, *counts) for probability, counts in sorted(sums.items())]


def due_by_chance(probability: float, cases: int, looks: int) -> int:
    """Return how many looks were due where only the answered ones are known; more than chance explains is a lack."""
    lack = cases * probability - looks
    tolerance = MOST_BY_CHANCE * sqrt(cases * probability * (1 - probability))
    return looks + (round(lack) if lack > tolerance else 0)


def share(strata: Sequence[Stratum]) -> float | None:
    """Return the share of wrong cases in the strata with answered looks, as if the other looks were like these."""
    answered = [stratum for stratum in strata if stratum.is_seen and stratum.looks]
    cases = sum(stratum.cases for stratum in answered)
    return sum(stratum.cases * stratum.wrong / stratum.looks for stratum in answered) / cases if cases else None


def extremes(strata: Sequence[Stratum]) -> tuple[float, float] | None:
    """Return the share of wrong cases if all unanswered looks would find theirs right, and if all would find it wrong.

    None without looks that were due. Both are estimates from the looks, see `interval` for their sampling error.
    """
    seen = [stratum for stratum in strata if stratum.is_seen]
    cases = sum(stratum.cases for stratum in seen)
    if not cases:
        return None
    best = sum(each.cases * each.wrong / each.due for each in seen) / cases
    lack = sum(each.cases * max(0, each.due - each.looks) / each.due for each in seen) / cases
    return best, best + lack


def effective_looks(strata: Sequence[Stratum]) -> float:
    """Return the size of a simple random sample with the same variance (Kish, L. (1965): Survey Sampling)."""
    answered = [stratum for stratum in strata if stratum.is_seen and stratum.looks]
    squares = sum(stratum.cases**2 / stratum.looks for stratum in answered)
    # Rounding must not decide whether there are enough looks.
    return round(sum(stratum.cases for stratum in answered) ** 2 / squares, 9) if squares else 0.0


def interval(strata: Sequence[Stratum], *, finite: bool = True) -> tuple[float, float] | None:
    """Return the 95 % interval for the share of wrong cases in the strata that are seen; None without one.

    It describes these cases. If they are not `finite` but a sample of all that the process will produce, looks at all
    of them are a sample too.
    """
    seen = [stratum for stratum in strata if stratum.is_seen]
    cases = sum(stratum.cases for stratum in seen)
    if not cases:
        return None
    lowest, below = 0.0, 0.0
    highest, above = 0.0, 0.0
    for stratum in seen:
        weight, unanswered = stratum.cases / cases, max(0, stratum.due - stratum.looks)
        right, wrong = stratum.wrong, stratum.wrong + unanswered
        lowest += weight * right / stratum.due
        highest += weight * wrong / stratum.due
        below += (weight * (right / stratum.due - _limits(stratum, right, finite=finite)[0])) ** 2
        above += (weight * (_limits(stratum, wrong, finite=finite)[1] - wrong / stratum.due)) ** 2
    return max(0.0, lowest - sqrt(below)), min(1.0, highest + sqrt(above))


def _limits(stratum: Stratum, wrong: int, *, finite: bool) -> tuple[float, float]:
    """Return the Wilson interval if `wrong` of the looks that were due found an error."""
    due, cases = stratum.due, max(stratum.cases, stratum.due)
    found = wrong / due
    if not finite:
        return wilson(found, due)
    if due == cases:
        return found, found
    lowest, highest = wilson(found, due * (cases - 1) / (cases - due))
    # The cases that were looked at are known.
    return max(lowest, wrong / cases), min(highest, 1 - (due - wrong) / cases)
