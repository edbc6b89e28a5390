"""The share of errors among cases that go ahead without a person, estimated from the looks of people at some of them.

Looks exist only for a sample: spot checks, drawn with a known probability, and for a backtest the reviews that the
policy of that time required. Cases of equal review probability are one stratum (see `strata`). Cases with a probability
of 0, or of a stratum in which no look was due, are outside of the estimate.
"""

from collections.abc import Iterable, Sequence
from math import ceil

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.strata import Stratum, effective_looks, extremes, interval, share

ENOUGH_REVIEWS = 30
"""The least number of effective reviews for an estimate."""

MOST_UNSEEN = 0.2
"""The largest share of cases that were never reviewed for which the estimate may represent all cases."""


class EscapedErrors(Value):
    """The share of errors among cases that go ahead, `share`, with its 95 % interval.

    Of all `cases`, `unseen` are of a kind that was never reviewed, and about `unanswered` are represented by reviews
    that were due and not answered. `best` and `worst` are the shares if all unanswered reviews would find their case
    right, or all wrong; `lowest` and `highest` add the sampling error of both. `share` is as if the unanswered reviews
    were like the answered ones. All five are about the cases that are seen, and None where there are too few
    `effective_reviews`. `enough` is true where they may represent all cases; else `why_not` is the reason.
    `lowest_of_all` and `highest_of_all` are limits for all cases, if the unseen ones are all right, or all wrong.
    """

    cases: int
    unseen: int
    unanswered: int
    reviews: int
    effective_reviews: float
    share: float | None
    best: float | None
    worst: float | None
    lowest: float | None
    highest: float | None
    enough: bool
    why_not: str | None
    lowest_of_all: float | None
    highest_of_all: float | None


def escaped_errors(
    strata: Iterable[Stratum], *, of: str = "cases that would be approved", finite: bool = True
) -> EscapedErrors:
    """Return the estimate from the strata of cases. `of` names the cases in the reasons; see `strata` for `finite`."""
    listed = list(strata)
    seen = [stratum for stratum in listed if stratum.is_seen]
    cases = sum(stratum.cases for stratum in listed)
    unseen = cases - sum(stratum.cases for stratum in seen)
    unanswered = round(sum(stratum.cases * (1 - min(1.0, stratum.looks / stratum.due)) for stratum in seen))
    effective = effective_looks(seen)
    few = effective < ENOUGH_REVIEWS
    lowest, highest = (None if few else interval(seen, finite=finite)) or (None, None)
    best, worst = (None if few else extremes(seen)) or (None, None)
    why_not = _why_not(cases, unseen, unanswered, of)
    if why_not is None and few:
        why_not = _too_few(seen, effective)
    part = unseen / cases if cases else 0.0
    return EscapedErrors(
        cases=cases,
        unseen=unseen,
        unanswered=unanswered,
        reviews=sum(stratum.looks for stratum in seen),
        effective_reviews=effective,
        share=None if few else share(seen),
        best=best,
        worst=worst,
        lowest=lowest,
        highest=highest,
        enough=why_not is None,
        why_not=why_not,
        lowest_of_all=None if lowest is None else lowest * (1 - part),
        highest_of_all=None if highest is None else highest * (1 - part) + part,
    )


def _why_not(cases: int, unseen: int, unanswered: int, of: str) -> str | None:
    """Return why the reviews cannot represent all cases, regardless of their number; None where they can."""
    if cases == 0:
        return f"there are no {of}"
    if unseen > MOST_UNSEEN * cases:
        return f"{percent(unseen / cases, bound=MOST_UNSEEN)} of the {of} are of a kind that was never reviewed"
    if unseen + unanswered > MOST_UNSEEN * cases:
        return (
            f"for about {percent(unanswered / cases)} of the {of}, the review that was due is not answered: "
            "it is open, it expired, or the case was canceled"
        )
    return None


def _too_few(seen: Sequence[Stratum], effective: float) -> str:
    """Say how many labels there are, and about how many of the same spread are needed."""
    labels = sum(stratum.looks for stratum in seen)
    needed = ceil(ENOUGH_REVIEWS * labels / effective) if effective else ENOUGH_REVIEWS
    return f"not enough data: {labels} of about {max(needed, labels + 1)} labels needed"
