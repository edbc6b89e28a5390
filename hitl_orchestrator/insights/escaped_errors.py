"""The share of errors among the cases that a policy approves, estimated from past reviews.

Reviews exist only for a sample of the cases, so each is weighted by the inverse of the probability with which a similar
case was reviewed (Horvitz, D. G. and Thompson, D. J. (1952): A generalization of sampling without replacement from a
finite universe. Journal of the American Statistical Association 47, 663-685), and the sum is divided by the sum of the
weights (Hájek's ratio). The interval is Wilson's (see `shares`) for the effective sample size (Σw)²/Σw²
(Kish, L. (1965): Survey Sampling). Cases with a review probability of 0 are outside of the estimate. So are cases whose
review was never answered: if all had been answered, the weights would add up to the number of cases, within the
variance of the sample.
"""

from collections.abc import Iterable, Mapping
from math import sqrt

from hitl_orchestrator.domain.shown.numbers import cut_off, percent
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.shares import wilson

ENOUGH_REVIEWS = 30
"""The least number of effective reviews for an estimate."""

MOST_UNSEEN = 0.2
"""The largest share of cases that were never reviewed for which the estimate may represent all cases."""

MOST_BY_CHANCE = 3.0
"""The standard deviations by which the weights may fall below the number of cases by chance."""

SUMS = ("cases", "unseen", "reviews", "weights", "weights_squared", "weights_wrong", "spread")
"""The sums over cases: their number, the number with a review probability of 0, the reviews, the weights, the squared
weights, the weights of reviews that found an error, and (1 - p) / p for the review probability p, the variance of the
sum of the weights."""

_OF_ROUNDING = 1e-6


class EscapedErrors(Value):
    """The share of errors among the cases that would be approved, `share`, with its 95 % interval.

    Of all `cases`, `unseen` had a review probability of 0, and about `unanswered` represent reviews that were never
    answered. `share` is about the others; it is None where there are too few `effective_reviews`. `enough` is true
    where it may represent all cases; else `why_not` is the reason. `lowest_of_all` and `highest_of_all` are bounds for
    all cases: they assume that the cases without a review are all right, or all wrong.
    """

    cases: int
    unseen: int
    unanswered: int
    reviews: int
    effective_reviews: float
    share: float | None
    lowest: float | None
    highest: float | None
    enough: bool
    why_not: str | None
    lowest_of_all: float | None
    highest_of_all: float | None


def unanswered(sums: Mapping[str, float]) -> float:
    """Return about how many cases had a review that was never answered, from the `SUMS` over cases of one kind."""
    missing = sums["cases"] - sums["unseen"] - sums["weights"]
    tolerance = MOST_BY_CHANCE * sqrt(sums["spread"])
    return missing if missing > tolerance + _OF_ROUNDING else 0.0


def escaped_errors(sums: Mapping[str, float], kinds: Iterable[Mapping[str, float]] = ()) -> EscapedErrors:
    """Return the estimate from the `SUMS` over the approved cases, and over each kind of them.

    Missing reviews of one kind are not offset by reviews of another kind.
    """
    cases, unseen, reviews = (int(sums[name]) for name in SUMS[:3])
    weights, squared, wrong = (float(sums[name]) for name in SUMS[3:6])
    effective = weights * weights / squared if squared else 0.0
    missing = min(cases - unseen, round(max(unanswered(sums), sum(map(unanswered, kinds)))))
    enough = effective >= ENOUGH_REVIEWS
    share = wrong / weights if enough else None
    lowest, highest = wilson(share, effective) if share is not None else (None, None)
    unknown = (unseen + missing) / cases if cases else 0.0
    why_not = _why_not(cases, unseen, missing)
    if why_not is None and not enough:
        why_not = (
            f"the effective number of reviews is {cut_off(effective, 0)}, and at least {ENOUGH_REVIEWS} are needed"
        )
    return EscapedErrors(
        cases=cases,
        unseen=unseen,
        unanswered=missing,
        reviews=reviews,
        effective_reviews=effective,
        share=share,
        lowest=lowest,
        highest=highest,
        enough=why_not is None,
        why_not=why_not,
        lowest_of_all=None if lowest is None else lowest * (1 - unknown),
        highest_of_all=None if highest is None else highest * (1 - unknown) + unknown,
    )


def _why_not(cases: int, unseen: int, missing: int) -> str | None:
    """Return why the reviews cannot represent all cases, regardless of their number; None where they can."""
    if cases == 0:
        return "no case would be approved automatically"
    if unseen > MOST_UNSEEN * cases:
        return (
            f"{percent(unseen / cases)} of the cases that would be approved are of a kind that was never reviewed: "
            "there are reviews only where a policy required them"
        )
    if unseen + missing > MOST_UNSEEN * cases:
        return (
            f"for about {percent(missing / cases)} of the cases that would be approved, the required review was never "
            "answered: it expired, or the case was canceled"
        )
    return None
