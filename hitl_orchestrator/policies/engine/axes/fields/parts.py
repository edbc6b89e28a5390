"""The steps of a field for the values of one type: booleans and numbers (texts and lists are in `texts`).

Each part numbers its own steps from 0; the axis puts the parts one after the other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any, Protocol

from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.declarations import MAX_NUMBER, Declaration, FieldType
from hitl_orchestrator.policies.language.phrases import format_value, runs_of


class Part(Protocol):
    """The steps of the values of one type. `any_value` is the phrase for all of them, `samples` has one for each."""

    @property
    def kind(self) -> FieldType: ...
    @property
    def any_value(self) -> str: ...
    @property
    def samples(self) -> Sequence[Any]: ...

    @property
    def is_bounded(self) -> bool:
        """Whether some values of the type have no step."""

    @property
    def other(self) -> int | None:
        """The step of all values that no policy names, if there is one."""

    def locate(self, value: Any) -> int | None:
        """Return the step of a value of the type; None where it is outside what every policy declares."""

    def describe(self, mask: int) -> list[str]:
        """Return a phrase for each run of these steps."""


@dataclass(frozen=True)
class Booleans:
    """False, true."""

    kind: FieldType = FieldType.BOOLEAN
    any_value: str = "true or false"
    samples: Sequence[Any] = (False, True)
    is_bounded: bool = False
    other: int | None = None

    def locate(self, value: Any) -> int:
        return int(value)

    def describe(self, mask: int) -> list[str]:
        return [format_value(self.samples[step]) for step in base.steps_of(mask)]


@dataclass(frozen=True)
class Numbers:
    """Each bound, the numbers below the first, between each two, and above the last, as far as they are declared.

    A bound is a number that a rule names, or that a policy declares as the end of a field's range or as one of its
    values. `places` has the place of each step among all bounds and intervals: odd places are bounds.
    """

    bounds: tuple[float, ...]
    declared: tuple[Declaration, ...] = ()
    unit: str | None = None
    kind: FieldType = FieldType.NUMBER
    any_value: str = "a number"
    other: int | None = None

    @cached_property
    def _everywhere(self) -> Sequence[float]:
        """A number at each place."""
        if not self.bounds:
            return (0,)
        samples: list[float] = [_beyond(self.bounds[0], -1)]
        for bound, following in zip(self.bounds, (*self.bounds[1:], None), strict=True):
            samples += [bound, _beyond(bound, 1) if following is None else _between(bound, following)]
        return samples

    @property
    def is_bounded(self) -> bool:
        return bool(self.declared) and all(each.is_bounded for each in self.declared)

    @cached_property
    def places(self) -> Sequence[int]:
        """The place of each step."""
        if not self.is_bounded:
            return range(len(self._everywhere))
        samples = enumerate(self._everywhere)
        return [place for place, sample in samples if any(each.fits(sample) for each in self.declared)]

    @cached_property
    def samples(self) -> Sequence[float]:
        return [self._everywhere[place] for place in self.places]

    @cached_property
    def _steps(self) -> dict[int, int]:
        return {place: step for step, place in enumerate(self.places)}

    def locate(self, value: Any) -> int | None:
        return self._steps.get(bisect_left(self.bounds, value) + bisect_right(self.bounds, value))

    def interval(self, step: int) -> tuple[float, float]:
        """Return the ends of a step."""
        named, place = (-inf, *self.bounds, inf), self.places[step]
        low = named[(place + 1) // 2]
        return low, low if place % 2 else named[place // 2 + 1]

    def describe(self, mask: int) -> list[str]:
        return [phrase for first, last in runs_of(base.steps_of(mask)) for phrase in self._run(first, last)]

    def _run(self, first: int, last: int) -> Iterator[str]:
        """Yield a phrase for consecutive steps. The ends of what is declared need not be named."""
        low, high, final = self.places[first], self.places[last], len(self.places) - 1
        if all(place % 2 for place in self.places):
            yield from (written_number(self.bounds[place // 2], self.unit) for place in self.places[first : last + 1])
        elif first == last and low % 2:
            yield written_number(self.bounds[low // 2], self.unit)
        elif (first, last) == (0, final):
            yield "a number"
        else:
            phrases = []
            if first > 0:
                number = written_number(self.bounds[(low - 1) // 2], self.unit)
                phrases.append(f"{'at least' if low % 2 else 'above'} {number}")
            if last < final:
                number = written_number(self.bounds[high // 2], self.unit)
                phrases.append(f"{'at most' if high % 2 else 'below'} {number}")
            yield " and ".join(phrases)


def written_number(value: float, unit: str | None) -> str:
    """Return a number as a sentence shows it: as in the policy, or with its unit, such as `10,000 EUR`."""
    if unit is None:
        return format_value(value)
    return f"{value:,} {unit}" if isinstance(value, int) else f"{float(value):,} {unit}".replace(".0 ", " ")


def _beyond(number: float, sign: int) -> float:
    far = number + sign * max(1, abs(number))
    # Nothing above MAX_NUMBER counts as a number; where nothing lies beyond, no facts are on this step.
    return far if abs(far) <= MAX_NUMBER or abs(number) >= MAX_NUMBER else sign * MAX_NUMBER


def _between(low: float, high: float) -> float:
    whole = int(low // 1) + 1
    return whole if whole < high else low + (high - low) / 2
