"""The confidence of the agent in its proposal."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.phrases import format_value, join, join_some, runs_of

FIRST_CONFIDENCE = 2
"""The first step with a confidence. Step 0 is a task without a proposal, step 1 a proposal without a confidence."""

WITHOUT_PROPOSAL = 0b01
"""The mask of the step without a proposal."""

WITHOUT_CONFIDENCE = 0b11
"""The mask of the steps without a confidence."""

_NEAR = 0.01
_MISSING_PHRASES = {
    0b00: [],
    0b01: ["without a proposal"],
    0b10: ["with a proposal but no confidence"],
    0b11: ["without a confidence"],
}
_ALL_PHRASES = {0b00: "with a confidence", 0b01: "without a proposal or with a confidence", 0b10: "with a proposal"}


@dataclass(frozen=True, slots=True)
class ConfidenceBound:
    """There is a confidence, and it is at least a bound, or below it where not `reached`."""

    bound: float
    reached: bool

    def holds(self, facts: Facts) -> bool:
        return facts.confidence is not None and (facts.confidence >= self.bound) is self.reached

    def describe(self, facts: Facts) -> str:
        """Return such as `the confidence is not below 0.6`."""
        if facts.confidence is None:
            return "there is no confidence"
        relations = ("at least", "below") if self.reached else ("below", "not below")
        return f"the confidence is {relations[not self.holds(facts)]} {self.bound}"


@dataclass(frozen=True)
class ConfidenceAxis(base.Axis):
    """No proposal, a proposal without a confidence, then one step for each interval between two bounds."""

    bounds: tuple[float, ...]
    name: str = "confidence"
    missing: int = WITHOUT_CONFIDENCE
    phrase_order: int = 1
    source: str = "confidence_score"

    @property
    def size(self) -> int:
        return len(self.bounds) + FIRST_CONFIDENCE

    def locate(self, facts: Facts) -> int:
        if not facts.has_proposal or facts.confidence is None:
            return int(facts.has_proposal)
        return 1 + bisect_right(self.bounds, facts.confidence)

    def place(self, facts: Facts, step: int) -> Facts:
        confidence = self.bounds[step - FIRST_CONFIDENCE] if step >= FIRST_CONFIDENCE else None
        return replace(facts, has_proposal=step > 0, confidence=confidence)

    def beside(self, facts: Facts, step: int, neighbor: int) -> Facts:
        placed = self.place(facts, step)
        if neighbor < step or step + 1 == self.size:
            return placed
        low = self.bounds[step - FIRST_CONFIDENCE]
        return replace(placed, confidence=base.close_to(self.end_of(step), low, -_NEAR))

    def problem(self, facts: Facts) -> str | None:
        confidence = facts.confidence
        number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
        if confidence is None or (number and 0 <= confidence <= 1):
            return None
        return f"facts: confidence: {confidence!r} is not a number in [0, 1]"

    def reads(self, conditions: Conditions) -> bool:
        return conditions.min_confidence is not None or conditions.max_confidence is not None

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return the intervals within the bounds, and all other steps, those without a confidence among them."""
        lowest, highest = reading[0].min_confidence, reading[0].max_confidence
        holds = base.mask_of(
            step
            for step, bound in enumerate(self.bounds, start=FIRST_CONFIDENCE)
            if (lowest is None or bound >= lowest) and (highest is None or bound < highest)
        )
        return base.Steps(holds, (1 << self.size) - 1 & ~holds)

    def end_of(self, step: int) -> float:
        """Return where the interval of a step ends; the last one ends just above 1."""
        return self.bounds[step - 1] if step - 1 < len(self.bounds) else nextafter(1.0, inf)

    def describe(self, mask: int) -> str:
        """Return such as `with a confidence of 0.75 to below 0.8`."""
        missing, intervals = mask & WITHOUT_CONFIDENCE, list(base.steps_of(mask & ~WITHOUT_CONFIDENCE))
        if len(intervals) == len(self.bounds):
            return _ALL_PHRASES[missing]
        phrases = _MISSING_PHRASES[missing]
        if intervals:
            runs = (
                _interval(self.bounds[first - FIRST_CONFIDENCE], self.end_of(last))
                for first, last in runs_of(intervals)
            )
            phrases = [*phrases, f"with {'one' if phrases else 'a confidence'} {join_some(runs, 'or')}"]
        return join(phrases, "or")

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `at a confidence of 0.8 or above`."""
        return self.describe(mask).replace("with a confidence", "at a confidence", 1)

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        if step < FIRST_CONFIDENCE:
            return base.MISSING, -step, 0
        here = self.locate(facts)
        if here < FIRST_CONFIDENCE or facts.confidence is None:
            return base.SAME_KIND, step, 0
        interval = self.bounds[step - FIRST_CONFIDENCE], self.end_of(step)
        return base.SAME_KIND, base.gap(facts.confidence, *interval), abs(step - here)

    def ordered(self, step: int) -> range:
        return range(FIRST_CONFIDENCE, self.size) if step >= FIRST_CONFIDENCE else range(step, step + 1)


def _interval(low: float, end: float) -> str:
    if end > 1:
        return f"of {format_value(low)}" if low == 1 else f"of {format_value(low)} or above"
    return f"of {format_value(low)} to below {format_value(end)}" if low > 0 else f"below {format_value(end)}"


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    if reading[0].min_confidence is not None:
        yield ConfidenceBound(reading[0].min_confidence, reached=True)
    if reading[0].max_confidence is not None:
        yield ConfidenceBound(reading[0].max_confidence, reached=False)


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    yield ConfidenceAxis(bounds_of(readings))


def bounds_of(readings: Sequence[base.Reading]) -> tuple[float, ...]:
    """Return the bounds that conditions name, and 0, in order."""
    named = (bound for conditions, _ in readings for bound in (conditions.min_confidence, conditions.max_confidence))
    return tuple(sorted({0.0, *(bound for bound in named if bound is not None)}))


CONFIDENCE = base.Kind(_conditions, _axes)
