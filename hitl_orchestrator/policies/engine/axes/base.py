"""The interfaces of conditions and axes, and bit masks of steps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.model import Policy

Reading = tuple[Conditions, Policy]
"""Conditions of a rule, or conditions nested in them, and the policy whose types and time zone they refer to."""

Distance = tuple[int, float, int]
"""Class of the change, distance in the unit of the fact, distance in steps; compared in this order."""

SAME_KIND, OTHER_KIND, MISSING = range(3)
"""The classes of a change: to a value of the same kind, of another kind, or to a missing value."""


FIELDS = 4
"""The `phrase_order` of fields, which one clause of a sentence names together: `where amount is above 100`."""


class Condition(Protocol):
    """A condition that can be evaluated."""

    def holds(self, facts: Facts) -> bool | None:
        """Return whether the condition holds for normalized facts; None where that is unknown."""

    def describe(self, facts: Facts) -> str:
        """State the condition where it holds, its negation where it fails, and else the missing fact."""


class Steps(NamedTuple):
    """The steps of one axis on which conditions certainly hold, and those on which they certainly fail, as masks."""

    holds: int
    fails: int


class Axis(Protocol):
    """One fact, cut into the steps that policies can distinguish.

    `name` is the fact as policies name it, such as `metadata.amount`, and `source` its column in a data frame.
    `phrase_order` is its position in a sentence.
    """

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def phrase_order(self) -> int: ...

    @property
    def size(self) -> int:
        """The number of steps."""

    @property
    def missing(self) -> int:
        """The mask of the steps without a usable value. Examples avoid them where they can."""
        return 0

    @property
    def other(self) -> int | None:
        """The step of all words that no policy names, if there is one."""
        return None

    def locate(self, facts: Facts) -> int:
        """Return the step of these facts."""

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts moved to this step, all other facts unchanged."""

    def beside(self, facts: Facts, step: int, neighbor: int) -> Facts:
        """Return the facts moved to this step, close to a neighboring one among those that have an order."""
        return self.place(facts, step)

    def problem(self, facts: Facts) -> str | None:
        """Return why this fact cannot be evaluated; None where it can."""
        return None

    def reads(self, conditions: Conditions) -> bool:
        """Return whether the conditions, without those nested in them, read this fact."""

    def steps(self, reading: Reading) -> Steps:
        """Return where conditions that read this fact hold and fail."""

    def describe(self, mask: int) -> str:
        """Describe some steps, such as `high risk` or `with a confidence below 0.6`."""

    def suppose(self, here: int, mask: int) -> str:
        """Describe the same steps as a change from the step `here`, such as `if the risk were high`."""
        return self.describe(mask)

    def distance(self, facts: Facts, step: int) -> Distance | None:
        """Return how far the step is from these facts; None where no change to it is suggested."""

    def ordered(self, step: int) -> range:
        """Return the steps among which this one has a numeric order; only itself where there is no order."""
        return range(step, step + 1)

    def column(self, pl: Any) -> Any:
        """Return a polars expression of the step; None where rows are distinguished by the value itself."""
        return None


class Kind(NamedTuple):
    """A kind of fact that rules can read: its conditions in evaluation order, and the axes that distinguish them."""

    conditions: Callable[[Reading], Iterable[Condition]]
    axes: Callable[[Sequence[Reading]], Iterable[Axis]]


def steps_of(mask: int) -> Iterator[int]:
    """Yield the steps of a bit mask, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def mask_of(steps: Iterable[int]) -> int:
    """Return the bit mask of some steps."""
    mask = 0
    for step in steps:
        mask |= 1 << step
    return mask


def another_word(words: Sequence[str]) -> str:
    """Return a word that is not in the list."""
    other = "other"
    while other in words:
        other += "_"
    return other


_MOST_DIGITS = 6


def close_to(bound: float, other: float | None, distance: float) -> float:
    """Return a short decimal at this signed distance from a bound; halfway to `other` where that is nearer."""
    half = distance if other is None or abs(other - bound) > abs(distance) else (other - bound) / 2
    plain = round(bound + half, _MOST_DIGITS)
    plain = plain if (plain - bound) * distance > 0 else bound + half
    return int(plain) if isinstance(bound, int) and plain == int(plain) else plain


def gap(value: float, low: float, high: float) -> float:
    """Return how far a value is from an interval; 0 inside it."""
    return max(low - value, value - high, 0)


def bounds_reached(pl: Any, values: Any, bounds: Sequence[float]) -> Any:
    """Return a polars expression of how many bounds each value reaches; null where the value is null."""
    sides = [(values >= bound).cast(pl.UInt32) for bound in bounds]
    reached = pl.sum_horizontal(sides) if sides else pl.lit(0, pl.UInt32)
    return pl.when(values.is_null()).then(None).otherwise(reached)
