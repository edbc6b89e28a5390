"""Shares with their intervals."""

from collections.abc import Iterable
from math import hypot, sqrt
from statistics import NormalDist

from hitl_orchestrator.domain.value import Value

_BOTH_TAILS = NormalDist().inv_cdf(0.975)


class Share(Value):
    """A proportion with its 95 % Wilson interval. All three are None when the denominator is zero.

    `why_not` says why the share must not be relied on, such as too few cases; None where it may be.
    """

    count: int
    of: int
    share: float | None
    lowest: float | None
    highest: float | None
    why_not: str | None = None


def share_of(answers: Iterable[bool]) -> Share:
    """Return the share of true answers, with its Wilson interval."""
    listed = list(answers)
    return share_among(sum(listed), len(listed))


def share_among(count: int, of: int) -> Share:
    """Return the share of `count` in `of` cases, with its Wilson interval.

    Wilson, E. B. (1927): Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22 (158), 209-212: for k of n, p = k/n, and z of the normal distribution,
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    """
    if of == 0:
        return Share(count=0, of=0, share=None, lowest=None, highest=None)
    lowest, highest = wilson(count / of, of)
    return Share(count=count, of=of, share=count / of, lowest=lowest, highest=highest)


def wilson(share: float, of: float) -> tuple[float, float]:
    """Return the Wilson interval (see `share_among`) for a share of `of` cases, which need not be a whole number."""
    z = _BOTH_TAILS
    middle = share + z * z / (2 * of)
    reach = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    # Rounding may move the ends slightly beyond 0 and 1.
    lowest, highest = max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
    return min(lowest, share), max(highest, share)


class Difference(Value):
    """The difference of two shares with its 95 % interval. All three are None if one of the shares is unknown."""

    difference: float | None
    lowest: float | None
    highest: float | None


def difference_of(first: Share, second: Share) -> Difference:
    """Return the first share less the second one, of independent cases, with Newcombe's hybrid score interval.

    Newcombe, R. G. (1998): Interval estimation for the difference between independent proportions: comparison of eleven
    methods. Statistics in Medicine 17 (8), 873-890, method 10: for shares p and q with Wilson intervals (l, u) and
    (m, v), p - q - √((p - l)² + (v - q)²) and p - q + √((u - p)² + (q - m)²).
    """
    p, low, high = first.share, first.lowest, first.highest
    q, other_low, other_high = second.share, second.lowest, second.highest
    if p is None or low is None or high is None or q is None or other_low is None or other_high is None:
        return Difference(difference=None, lowest=None, highest=None)
    below, above = hypot(p - low, other_high - q), hypot(high - p, q - other_low)
    return Difference(difference=p - q, lowest=max(-1.0, p - q - below), highest=min(1.0, p - q + above))
