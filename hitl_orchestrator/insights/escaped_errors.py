"""How many of the cases that a policy lets go ahead are wrong, as far as the reviews of the past can tell. Pure.

Reviews exist only where somebody asked for them, so each counts for all the cases that it stands for: it is weighted by
one over the probability with which a case like it was looked at (Horvitz, D. G. and Thompson, D. J. (1952): A
generalization of sampling without replacement from a finite universe. Journal of the American Statistical Association
47, 663-685), and divided by the sum of the weights (Hájek's ratio). The interval is Wilson's (see `care`) for as many
reviews as the weights are worth, (Σw)²/Σw² (Kish, L. (1965): Survey Sampling). Where nobody could have looked there is
nothing to weigh: such cases are outside of what can be estimated. So are those where somebody was to look and did not:
if all had been answered, the weights would add up to the number of cases, give or take what the draw makes of it.
"""

from collections.abc import Iterable, Mapping
from math import sqrt

from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.reviewer_quality import wilson

ENOUGH_REVIEWS = 30
"""With fewer effective reviews nothing is said."""

MOST_UNSEEN = 0.2
"""With a larger share of cases that nobody could have looked at nothing is said of all."""

MOST_BY_CHANCE = 3.0
"""By so many standard deviations the draw alone may leave the weights below the number of cases."""

SUMS = ("cases", "unseen", "reviews", "weights", "weights_squared", "weights_wrong", "spread")
"""What is added up over cases: their number, how many nobody could look at, their reviews, the sums of the weights, of
the squares of these, and of the weights of the reviews that found the agent wrong, and (1 - p) / p over the cases with
the chance p of a look: the variance of the sum of the weights."""

_OF_ROUNDING = 1e-6


class EscapedErrors(Value):
    """The share of errors among the cases that would go ahead, `share`, with its 95 % interval.

    Of all `cases` that would go ahead, `unseen` had no chance of being looked at, and about so many as `unanswered`
    says stand for looks that nobody took. `share` is about the others; where it is None there are too few
    `effective_reviews`. `enough` says whether it may stand for all; `why_not` says why not. `lowest_of_all` and
    `highest_of_all` hold for all cases whatever those two are like: all right, or all wrong.
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
    """Return for about how many cases nobody answered who was to look, from the `SUMS` over cases of one kind."""
    missing = sums["cases"] - sums["unseen"] - sums["weights"]
    by_chance = MOST_BY_CHANCE * sqrt(sums["spread"])
    return missing if missing > by_chance + _OF_ROUNDING else 0.0


def escape_of(sums: Mapping[str, float], kinds: Iterable[Mapping[str, float]] = ()) -> EscapedErrors:
    """Estimate from the `SUMS` over the cases that would go ahead, and over each kind of them.

    Where the answers of one kind are missing, those of another do not make up for them.
    """
    cases, unseen, reviews = (int(sums[name]) for name in SUMS[:3])
    weights, squared, wrong = (float(sums[name]) for name in SUMS[3:6])
    effective = weights * weights / squared if squared else 0.0
    missing = min(cases - unseen, round(max(unanswered(sums), sum(map(unanswered, kinds)))))
    known = effective >= ENOUGH_REVIEWS
    share = wrong / weights if known else None
    lowest, highest = wilson(share, effective) if share is not None else (None, None)
    unknown = (unseen + missing) / cases if cases else 0.0
    why_not = _why_not(cases, unseen, missing)
    if why_not is None and not known:
        why_not = f"the reviews are worth {effective:.0f}, and {ENOUGH_REVIEWS} are the least"
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
    """Say why the reviews cannot stand for all cases, however many there are; None where they can."""
    if cases == 0:
        return "no case would go ahead"
    if unseen > MOST_UNSEEN * cases:
        return (
            f"{unseen / cases:.0%} of the cases that would go ahead are of a kind that nobody was ever asked about: "
            "reviews exist only where a policy asked for them, and say nothing of the rest"
        )
    if unseen + missing > MOST_UNSEEN * cases:
        return (
            f"nobody answered for about {missing / cases:.0%} of the cases that would go ahead, though somebody was to "
            "look: they waited in vain, or were taken back"
        )
    return None
