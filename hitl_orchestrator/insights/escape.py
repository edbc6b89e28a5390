"""How many of the cases that a policy lets go ahead are wrong, as far as the reviews of the past can tell. Pure.

Reviews exist only where somebody asked for them, so each counts for all the cases that it stands for: it is weighted by
one over the probability with which a case like it was looked at (Horvitz, D. G. and Thompson, D. J. (1952): A
generalization of sampling without replacement from a finite universe. Journal of the American Statistical Association
47, 663-685), and divided by the sum of the weights (Hájek's ratio). The interval is Wilson's (see `care`) for as many
reviews as the weights are worth, (Σw)²/Σw² (Kish, L. (1965): Survey Sampling). Where nobody could have looked there is
nothing to weigh: such cases are outside of what can be estimated.
"""

from collections.abc import Mapping

from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.care import wilson

ENOUGH_REVIEWS = 30
"""With fewer effective reviews nothing is said."""

MOST_UNSEEN = 0.2
"""With a larger share of cases that nobody could have looked at nothing is said of all."""

SUMS = ("cases", "unseen", "reviews", "weights", "weights_squared", "weights_wrong")


class Escape(Value):
    """The share of errors among the cases that would go ahead, `share`, with its 95 % interval.

    Of all `cases` that would go ahead, `unseen` had no chance of being looked at. `share` is about the others; where it
    is None there are too few `effective_reviews`. `enough` says whether it may stand for all; `why_not` says why not.
    `lowest_of_all` and `highest_of_all` hold for all cases whatever the unseen are like: all right, or all wrong.
    """

    cases: int
    unseen: int
    reviews: int
    effective_reviews: float
    share: float | None
    lowest: float | None
    highest: float | None
    enough: bool
    why_not: str | None
    lowest_of_all: float | None
    highest_of_all: float | None


def escape_of(sums: Mapping[str, float]) -> Escape:
    """Estimate from the `SUMS` over the cases that would go ahead.

    These are their number, how many nobody could look at, their reviews, and the sums of the weights, of the squares of
    these, and of the weights of the reviews that found the agent wrong.
    """
    cases, unseen, reviews = (int(sums[name]) for name in SUMS[:3])
    weights, squared, wrong = (float(sums[name]) for name in SUMS[3:])
    effective = weights * weights / squared if squared else 0.0
    unseen_share = unseen / cases if cases else 0.0
    known = effective >= ENOUGH_REVIEWS
    share = wrong / weights if known else None
    lowest, highest = wilson(share, effective) if share is not None else (None, None)
    why_not = None
    if cases == 0:
        why_not = "no case would go ahead"
    elif unseen_share > MOST_UNSEEN:
        why_not = (
            f"{unseen_share:.0%} of the cases that would go ahead are of a kind that nobody was ever asked about: "
            "reviews exist only where a policy asked for them, and say nothing of the rest"
        )
    elif not known:
        why_not = f"the reviews are worth {effective:.0f}, and {ENOUGH_REVIEWS} are the least"
    seen = 1 - unseen_share
    return Escape(
        cases=cases,
        unseen=unseen,
        reviews=reviews,
        effective_reviews=effective,
        share=share,
        lowest=lowest,
        highest=highest,
        enough=why_not is None,
        why_not=why_not,
        lowest_of_all=None if lowest is None else lowest * seen,
        highest_of_all=None if highest is None else highest * seen + unseen_share,
    )
