"""Which task types could go ahead without a person, above which confidence, and which never.

All decided cases of a type are a sample of what its agent does: those that people decided, and the automatic ones
through their spot checks, in strata of equal review probability. Cases that could not be drawn are in the limits as
all right and as all wrong.

Many bounds are looked at without a lie. For `above_bound` they are tested in a fixed sequence, from the highest one
that has enough looks down, each at the full level, and the sequence stops at the first that is not certain: the
probability that any certified bound is wrong stays at most 2.5 % (Wiens, B. L. (2003): A fixed sequence Bonferroni
procedure for testing multiple endpoints. Pharmaceutical Statistics 2, 211-215; Angelopoulos et al. (2021): Learn then
Test). The start depends on the number of looks and not on what they found. For `never` every bound with enough looks
must be certain, an intersection-union test, which needs no correction (Berger, R. L. (1982): Multiparameter hypothesis
testing and acceptance sampling. Technometrics 24, 295-300). The level holds for each task type by itself.

`never` is about what was looked at. So it needs enough looks at the range of confidence in which cases go ahead: at
and above the highest bound that nearly all automatic cases reach, looks that may represent all cases there. Where
nothing goes ahead, the range is all cases with a confidence.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

import polars as pl

from hitl_orchestrator.domain.shown.numbers import (
    bound_percent,
    confidence_text,
    cut_off,
    highest_percent,
    lowest_percent,
    percent,
)
from hitl_orchestrator.insights.escaped_errors import ENOUGH_REVIEWS, EscapedErrors, escaped_errors
from hitl_orchestrator.insights.frame import BANDS
from hitl_orchestrator.insights.metrics.cells import summed
from hitl_orchestrator.insights.metrics.groups import MOST_GROUPS, Tally
from hitl_orchestrator.insights.metrics.model import Autonomy
from hitl_orchestrator.insights.metrics.population import not_enough
from hitl_orchestrator.insights.shares import Share, wilson
from hitl_orchestrator.insights.strata import Stratum

BOUNDS = {"0.95-1.00": 0.95, "0.90-0.95": 0.9, "0.80-0.90": 0.8, "0.70-0.80": 0.7, "0.60-0.70": 0.6, "0.50-0.60": 0.5}
"""The bounds on confidence that are tested, each with its band; after them, every case with a confidence."""

NEARLY_ALL = 0.8
"""The share of the automatic cases that must reach a bound for it to be where the cases of a type go ahead."""

NEVER, ABOVE_BOUND, UNCLEAR, NOT_ENOUGH = "never", "above_bound", "unclear", "not_enough_data"


class Above(NamedTuple):
    """The errors of the cases with a confidence of at least `bound`; `automatic` of these cases went ahead."""

    bound: float
    errors: EscapedErrors
    wrong: int
    automatic: int = 0

    @property
    def limits(self) -> tuple[float, float] | None:
        """The limits for the share of errors of all these cases; None with too few looks."""
        lowest, highest = self.errors.lowest_of_all, self.errors.highest_of_all
        return None if lowest is None or highest is None else (lowest, highest)

    def shown(self) -> Share:
        """Return the errors as a share of the looks, with the limits for all cases."""
        lowest, highest = self.limits or (None, None)
        why_not, share = self.errors.why_not, self.errors.share
        count, of = self.wrong, self.errors.reviews
        return Share(count=count, of=of, share=share, lowest=lowest, highest=highest, why_not=why_not)


def autonomy(cells: pl.DataFrame, tallied: Mapping[str | None, Tally], tolerated: float) -> tuple[Autonomy, ...]:
    """Return the verdict on the largest of these task types, in their order."""
    sums = _sums(cells).partition_by("task_type", as_dict=True)
    largest = islice(tallied.items(), MOST_GROUPS)
    return tuple(_of_type(name, tally, sums.get((name,)), tolerated) for name, tally in largest)


def _sums(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of the strata of each task type and confidence band. Reviews that a rule required are certain."""
    keys = ("task_type", "confidence_band", "stratum")
    known = cells.filter(pl.col("confidence_band") != BANDS[0])
    automatic = summed(known.filter(pl.col("automatic") > 0), *keys).select(
        *keys, pl.col("automatic").alias("cases"), "automatic", "due", "looks", "wrong"
    )
    others = pl.col("cases") - pl.col("automatic")
    reviewed = known.with_columns(stratum=pl.lit(1.0), cases=others).filter(pl.col("cases") > 0)
    required = summed(reviewed, *keys).select(
        *keys,
        "cases",
        (pl.col("cases") * 0).alias("automatic"),
        pl.col("cases").alias("due"),
        looks=pl.col("looked_at") - pl.col("looks"),
        wrong=pl.col("look_overturned") - pl.col("wrong"),
    )
    return pl.concat([automatic, required]).group_by(keys).agg(pl.all().sum())


def _of_type(task_type: str | None, tally: Tally, sums: pl.DataFrame | None, tolerated: float) -> Autonomy:
    steps = [] if sums is None else list(_above_each(sums))
    untested = _untested(steps, tally, tolerated)
    verdict, step = judged([step for step in steps if step.limits is not None], tolerated, untested)
    bound = step.bound if step is not None and verdict == ABOVE_BOUND else None
    coverage = step.errors.cases / tally.sums["cases"] if step is not None and bound is not None else None
    return Autonomy(
        task_type=task_type,
        verdict=verdict,
        cases=tally.sums["cases"],
        automatic=tally.automation,
        overturn=tally.overturn,
        bound=bound,
        coverage=coverage,
        errors_above=None if step is None else step.shown(),
        sentence=_sentence(verdict, _Tested(step, steps, untested), coverage, tolerated),
    )


def _above_each(sums: pl.DataFrame) -> Iterable[Above]:
    """Yield the errors at and above each bound, the highest first."""
    kept: dict[float, Counter[str]] = {}
    by_band: dict[str, list[tuple[float, dict[str, int]]]] = {}
    for row in sums.drop("task_type").iter_rows(named=True):
        probability = row.pop("stratum")
        by_band.setdefault(row.pop("confidence_band"), []).append((probability, row))
    for band, bound in [*BOUNDS.items(), ("<0.50", 0.0)]:
        for probability, counts in by_band.get(band, []):
            kept.setdefault(probability, Counter()).update(counts)
        strata = [
            Stratum(probability, counts["cases"], counts["due"], counts["looks"], counts["wrong"])
            for probability, counts in kept.items()
        ]
        # The cases are a sample of what the agent does: that all of some were reviewed is no certainty about the next.
        errors = escaped_errors(strata, of="cases above the bound", finite=False)
        automatic = sum(counts["automatic"] for counts in kept.values())
        yield Above(bound, errors, sum(each.wrong for each in strata if each.is_seen), automatic)


def _untested(steps: list[Above], tally: Tally, tolerated: float) -> str | None:
    """Return why the looks do not say that what goes ahead is wrong too often; None where they may."""
    automatic, own = tally.sums["automatic"], tally.errors
    reached = (step for step in steps if step.automatic >= NEARLY_ALL * automatic)
    ahead = next(reached, None) if automatic else next(reversed(steps), None)
    if ahead is None:
        return "cases go ahead without a confidence"
    if automatic and own.enough and (own.lowest or 0.0) <= tolerated:
        return "the spot checks of its automatic cases do not say so"
    if ahead.limits is not None and ahead.errors.enough:
        return None
    where = f"at {confidence_text(ahead.bound)} or more" if ahead.bound else "at any confidence"
    looks = f"{cut_off(ahead.errors.effective_reviews, 0)} of {ENOUGH_REVIEWS}"
    why = f"there are too few looks ({looks})" if ahead.limits is None else str(ahead.errors.why_not)
    return f"where its cases go ahead, {where}, {why}"


def judged(known: list[Above], tolerated: float, untested: str | None = None) -> tuple[str, Above | None]:
    """Return the verdict, and the bound that it rests on. `untested` is why it cannot be `never`."""
    if not known:
        return NOT_ENOUGH, None
    if all(step.limits is not None and step.limits[0] > tolerated for step in known):
        return (NEVER if untested is None else UNCLEAR), known[0]
    certified, tested = None, None
    for step in known:
        # Below this number of looks not even a faultless agent would pass.
        if tested is None and wilson(0.0, step.errors.effective_reviews)[1] >= tolerated:
            continue
        tested = step
        if step.limits is None or step.limits[1] >= tolerated:
            break
        certified = step
    return (UNCLEAR, tested or known[-1]) if certified is None else (ABOVE_BOUND, certified)


class _Tested(NamedTuple):
    """The bound that a verdict rests on, all bounds, and why the looks do not say `never`."""

    step: Above | None
    steps: list[Above]
    untested: str | None


def _sentence(verdict: str, tested: _Tested, coverage: float | None, tolerated: float) -> str:
    step, steps, untested = tested
    if step is None or step.limits is None:
        most = max((each.errors.effective_reviews for each in steps), default=0.0)
        return f"{not_enough(min(most, ENOUGH_REVIEWS - 1))} effective looks at cases with a confidence"
    lowest = lowest_percent(step.limits[0], 1, bound=tolerated)
    highest = highest_percent(step.limits[1], 1, bound=tolerated)
    looks = f"{step.wrong:,} of {step.errors.reviews:,} looks"
    where = f"At a confidence of {confidence_text(step.bound)} or more" if step.bound else "At any confidence"
    allowed = f"{bound_percent(tolerated)} are tolerated"
    if verdict == NEVER:
        few = any(each.errors.cases and each.limits is None for each in steps if each.bound > step.bound)
        above = "; at higher ones there are too few looks to tell" if few else ""
        return f"{where}, at least {lowest} are wrong ({looks}), and {allowed}; no lower bound is better{above}"
    if verdict == ABOVE_BOUND:
        part = "" if coverage is None else f"; these are {percent(coverage)} of the cases"
        return f"{where}, at most {highest} are wrong ({looks}), and {allowed}{part}"
    unseen = step.errors.unseen / step.errors.cases
    why = f"; {percent(unseen)} of these cases cannot be drawn for a spot check, and may all be wrong" if unseen else ""
    if step.limits[0] > tolerated and untested:
        why = f"{why}; {untested}"
    return f"{where}, {lowest} to {highest} are wrong ({looks}), and {allowed}{why}"
