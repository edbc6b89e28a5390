"""The steps of a field for the values of one type: booleans, texts, numbers.

Each part numbers its own steps from 0; the axis puts the parts one after the other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any, Protocol

from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.declarations import MAX_NUMBER, FieldType
from hitl_orchestrator.policies.language.lists import Listed, by_list
from hitl_orchestrator.policies.language.phrases import format_value, join_some, runs_of


class Part(Protocol):
    """The steps of the values of one type. `any_value` is the phrase for all of them, `samples` has one for each."""

    @property
    def kind(self) -> FieldType: ...
    @property
    def any_value(self) -> str: ...
    @property
    def samples(self) -> Sequence[Any]: ...

    @property
    def other(self) -> int | None:
        """The step of all values that no policy names, if there is one."""

    def locate(self, value: Any) -> int:
        """Return the step of a value of the type."""

    def describe(self, mask: int) -> list[str]:
        """Return a phrase for each run of these steps."""


@dataclass(frozen=True)
class Booleans:
    """False, true."""

    kind: FieldType = FieldType.BOOLEAN
    any_value: str = "true or false"
    samples: Sequence[Any] = (False, True)
    other: int | None = None

    def locate(self, value: Any) -> int:
        return int(value)

    def describe(self, mask: int) -> list[str]:
        return [format_value(self.samples[step]) for step in base.steps_of(mask)]


@dataclass(frozen=True)
class Texts:
    """Each named text, and all other texts. Those of a long list are described by its name."""

    texts: tuple[str, ...]
    lists: tuple[Listed, ...] = ()
    kind: FieldType = FieldType.TEXT
    any_value: str = "a text"

    @cached_property
    def samples(self) -> Sequence[str]:
        return (*self.texts, base.another_word(self.texts))

    @property
    def other(self) -> int:
        return len(self.texts)

    @cached_property
    def _steps(self) -> dict[str, int]:
        return {text: step for step, text in enumerate(self.texts)}

    def locate(self, value: Any) -> int:
        return self._steps.get(value, self.other)

    def describe(self, mask: int) -> list[str]:
        named = [text for step, text in enumerate(self.texts) if mask >> step & 1]
        if not mask >> self.other & 1:
            phrases, left = by_list(named, self.lists)
            return [*(f"one of {phrase}" for phrase in phrases), *left]
        phrases, left = by_list((text for step, text in enumerate(self.texts) if not mask >> step & 1), self.lists)
        others = [*phrases, *left]
        return [f"a text other than {join_some(others, 'or')}" if others else "a text"]


@dataclass(frozen=True)
class Numbers:
    """Each named number, those below the first, between each two, and above the last: odd steps are the named ones."""

    numbers: tuple[float, ...]
    kind: FieldType = FieldType.NUMBER
    any_value: str = "a number"
    other: int | None = None

    @cached_property
    def samples(self) -> Sequence[float]:
        if not self.numbers:
            return (0,)
        samples: list[float] = [_beyond(self.numbers[0], -1)]
        for number, following in zip(self.numbers, (*self.numbers[1:], None), strict=True):
            samples += [number, _beyond(number, 1) if following is None else _between(number, following)]
        return samples

    def locate(self, value: Any) -> int:
        return bisect_left(self.numbers, value) + bisect_right(self.numbers, value)

    def interval(self, step: int) -> tuple[float, float]:
        """Return the ends of a step."""
        named = (-inf, *self.numbers, inf)
        low = named[(step + 1) // 2]
        return low, low if step % 2 else named[step // 2 + 1]

    def describe(self, mask: int) -> list[str]:
        return [self._run(first, last) for first, last in runs_of(base.steps_of(mask))]

    def _run(self, first: int, last: int) -> str:
        numbers, final = self.numbers, 2 * len(self.numbers)
        if first == last and first % 2:
            return format_value(numbers[first // 2])
        if (first, last) == (0, final):
            return "a number"
        phrases = []
        if first > 0:
            phrases.append(f"{'at least' if first % 2 else 'above'} {format_value(numbers[(first - 1) // 2])}")
        if last < final:
            phrases.append(f"{'at most' if last % 2 else 'below'} {format_value(numbers[last // 2])}")
        return " and ".join(phrases)


def _beyond(number: float, sign: int) -> float:
    far = number + sign * max(1, abs(number))
    # Nothing above MAX_NUMBER counts as a number; where nothing lies beyond, no facts are on this step.
    return far if abs(far) <= MAX_NUMBER or abs(number) >= MAX_NUMBER else sign * MAX_NUMBER


def _between(low: float, high: float) -> float:
    whole = int(low // 1) + 1
    return whole if whole < high else low + (high - low) / 2
