"""A field of the metadata of a task, of the type that the policy declares for it."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.metadata_vectorized import MetadataSteps, metadata_column
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions, FieldType
from hitl_orchestrator.policies.language.model import MAX_NUMBER, type_of
from hitl_orchestrator.policies.language.phrases import format_value, join, join_some, runs_of

_OPERATORS: dict[str, tuple[Callable[[Any, Any], bool], str, str]] = {
    "eq": (eq, "is", "is not"),
    "ne": (ne, "is not", "is"),
    "lt": (lt, "is below", "is not below"),
    "le": (le, "is at most", "is above"),
    "gt": (gt, "is above", "is at most"),
    "ge": (ge, "is at least", "is below"),
}
_MISSING_OR_OTHER_TYPE = 0b11


@dataclass(frozen=True, slots=True)
class Compared:
    """A field compares with a value of its declared type."""

    name: str
    kind: FieldType
    operator: str
    value: Any

    def holds(self, facts: Facts) -> bool | None:
        value = facts.metadata.get(self.name)
        return _OPERATORS[self.operator][0](value, self.value) if type_of(value) is self.kind else None

    def describe(self, facts: Facts) -> str:
        """Return such as `amount is above 10000`, or `amount is missing`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.name, self.kind, facts)
        return f"{self.name} {_OPERATORS[self.operator][1 if holds else 2]} {_written(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    """A field is one of several values of its declared type."""

    name: str
    kind: FieldType
    values: tuple[Any, ...]

    def holds(self, facts: Facts) -> bool | None:
        value = facts.metadata.get(self.name)
        return value in self.values if type_of(value) is self.kind else None

    def describe(self, facts: Facts) -> str:
        """Return such as `country is not DE or AT`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.name, self.kind, facts)
        return f"{self.name} is {'' if holds else 'not '}{join(map(_written, self.values), 'or')}"


@dataclass(frozen=True, slots=True)
class Exists:
    """A field is present, or is not; null counts as missing."""

    name: str
    wanted: bool

    def holds(self, facts: Facts) -> bool:
        return (facts.metadata.get(self.name) is not None) is self.wanted

    def describe(self, facts: Facts) -> str:
        """Return such as `amount is missing`."""
        return f"{self.name} is {'present' if self.wanted is self.holds(facts) else 'missing'}"


def _unknown(name: str, kind: FieldType, facts: Facts) -> str:
    if facts.metadata.get(name) is None:
        return f"{name} is missing"
    return f"{name} is not a {kind}, as the policy declares it"


def _written(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class MetadataAxis(base.Axis):
    """Missing, of a type that no condition reads, false, true, each named text, other texts, numbers.

    Numbers take a step for each named number, one below the first, and one between each two and above the last.
    """

    field: str
    booleans: bool
    texts: tuple[str, ...] | None
    numbers: tuple[float, ...] | None
    missing: int = _MISSING_OR_OTHER_TYPE
    phrase_order: int = 4
    source: str = "metadata"

    @property
    def name(self) -> str:
        return f"metadata.{self.field}"

    @property
    def size(self) -> int:
        return len(self.samples)

    @cached_property
    def samples(self) -> tuple[Any, ...]:
        """One value for each step; None where the field is missing."""
        samples: list[Any] = [None, {}]
        samples += [False, True] if self.booleans else []
        samples += [] if self.texts is None else [*self.texts, base.another_word(self.texts)]
        return (*samples, *(() if self.numbers is None else _around(self.numbers)))

    @property
    def first_text(self) -> int:
        """The step of the first named text."""
        return 4 if self.booleans else 2

    @property
    def first_number(self) -> int:
        """The step of all numbers below the first named one."""
        return self.first_text + (0 if self.texts is None else len(self.texts) + 1)

    @property
    def other(self) -> int | None:
        return None if self.texts is None else self.first_number - 1

    @cached_property
    def _text_steps(self) -> dict[str, int]:
        return {text: step for step, text in enumerate(self.texts or (), start=self.first_text)}

    def locate(self, facts: Facts) -> int:
        value = facts.metadata.get(self.field)
        kind = type_of(value)
        if value is None:
            return 0
        if kind is FieldType.BOOLEAN and self.booleans:
            return 2 + int(value)
        if kind is FieldType.TEXT and self.texts is not None:
            return self._text_steps.get(value, self.first_number - 1)
        if kind is FieldType.NUMBER and self.numbers is not None:
            return self.first_number + bisect_left(self.numbers, value) + bisect_right(self.numbers, value)
        return 1

    def place(self, facts: Facts, step: int) -> Facts:
        others = {name: value for name, value in facts.metadata.items() if name != self.field}
        return replace(facts, metadata=others if step == 0 else others | {self.field: self.samples[step]})

    def reads(self, conditions: Conditions) -> bool:
        return self.field in conditions.metadata

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return where the comparison holds and fails: neither where the value is missing or of another type."""
        conditions, policy = reading
        verdicts = list(_verdicts(self.samples, conditions.metadata[self.field], policy.metadata[self.field]))
        holds, fails = (
            base.mask_of(step for step, verdict in enumerate(verdicts) if verdict is wanted) for wanted in (True, False)
        )
        return base.Steps(holds, fails)

    def describe(self, mask: int) -> str:
        """Return such as `amount is missing or above 100`."""
        every = (1 << self.size) - 1 & ~_MISSING_OR_OTHER_TYPE
        if mask == every | 0b10:
            return f"{self.field} is present"
        phrases = []
        if mask & _MISSING_OR_OTHER_TYPE:
            phrases.append(["missing", "of another type", "missing or of another type"][(mask & 0b11) - 1])
        if mask & every == every:
            return f"{self.field} is {join([*phrases, self._any_value()], 'or')}"
        phrases += [format_value(self.samples[step]) for step in base.steps_of(mask & every) if step < self.first_text]
        if self.texts is not None:
            phrases += _texts(self.texts, mask >> self.first_text)
        if self.numbers is not None:
            phrases += [_numbers(self.numbers, *run) for run in runs_of(base.steps_of(mask >> self.first_number))]
        return f"{self.field} is {join_some(phrases, 'or')}"

    def _any_value(self) -> str:
        kinds = {"true or false": self.booleans, "a text": self.texts is not None, "a number": self.numbers is not None}
        return join((kind for kind, read in kinds.items() if read), "or")

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `if amount were above 100`, or `if requested by ann`."""
        phrase = self.describe(mask)
        if self.field != REQUESTED_BY:
            return f"if {phrase.replace(' is ', ' were ', 1)}"
        user = phrase.removeprefix(f"{REQUESTED_BY} is ")
        named = user.removeprefix("a text other than ")
        if named != user:
            user = "another user" if named == self.samples[here] else f"a user other than {named}"
        return f"if requested by {'no named user' if user == 'missing' else user}"

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        here = self.locate(facts)
        if step == 1:
            return None
        if step == 0:
            return base.MISSING, 0, 0
        if step < self.first_number:
            # Any other user is nearer than one particular user.
            particular = self.field == REQUESTED_BY and step != self.other
            return (base.SAME_KIND if here < self.first_number else base.OTHER_KIND), int(particular), 0
        if self.numbers is None or here < self.first_number:
            return (base.SAME_KIND if here < 2 else base.OTHER_KIND), step, 0  # noqa: PLR2004 - the first step with a value
        interval = _interval((-inf, *self.numbers, inf), step - self.first_number)
        return base.SAME_KIND, base.gap(facts.metadata[self.field], *interval), abs(step - here)

    def ordered(self, step: int) -> range:
        if self.numbers is not None and step >= self.first_number:
            return range(self.first_number, self.size)
        return range(step, step + 1)

    def column(self, pl: Any) -> Any:
        layout = MetadataSteps(
            self.field, self.booleans, self.texts, self.numbers, self.first_text, self.first_number, self.locate
        )
        return metadata_column(pl, layout, MAX_NUMBER)


def _interval(named: tuple[float, ...], offset: int) -> tuple[float, float]:
    """Return the ends of a step: odd steps are the named numbers, even ones lie between two of them."""
    low = named[(offset + 1) // 2]
    return low, low if offset % 2 else named[offset // 2 + 1]


def _around(numbers: tuple[float, ...]) -> list[float]:
    """Return a number for each step: below the first, the first, between it and the second, and so on."""
    if not numbers:
        return [0]
    samples: list[float] = [_beyond(numbers[0], -1)]
    for number, following in zip(numbers, (*numbers[1:], None), strict=True):
        samples += [number, _beyond(number, 1) if following is None else _between(number, following)]
    return samples


def _beyond(number: float, sign: int) -> float:
    far = number + sign * max(1, abs(number))
    # Nothing above MAX_NUMBER counts as a number; where nothing lies beyond, no facts are on this step.
    return far if abs(far) <= MAX_NUMBER or abs(number) >= MAX_NUMBER else sign * MAX_NUMBER


def _between(low: float, high: float) -> float:
    whole = int(low // 1) + 1
    return whole if whole < high else low + (high - low) / 2


def _verdicts(values: Iterable[Any], comparison: Comparison, kind: FieldType) -> Iterator[bool | None]:
    """Yield the result of the comparison for each value; None where it is unknown."""
    compared = [(_OPERATORS[operator][0], other) for operator, other in comparison.operands if operator != "in"]
    listed = frozenset(comparison.in_)  # a set, since a list may be thousands long
    for value in values:
        fits = type_of(value) is kind
        verdicts: list[bool | None] = [relation(value, other) if fits else None for relation, other in compared]
        if comparison.exists is not None:
            verdicts.append((value is not None) is comparison.exists)
        if listed:
            verdicts.append(value in listed if fits else None)
        yield False if False in verdicts else None if None in verdicts else True


def _texts(texts: tuple[str, ...], mask: int) -> list[str]:
    named = [text for step, text in enumerate(texts) if mask >> step & 1]
    if not mask >> len(texts) & 1:
        return named
    others = [text for text in texts if text not in named]
    return [f"a text other than {join_some(others, 'or')}" if others else "a text"]


def _numbers(numbers: tuple[float, ...], first: int, last: int) -> str:
    """Describe a run of steps: even steps are intervals between named numbers, odd ones the numbers themselves."""
    final = 2 * len(numbers)
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


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    conditions, policy = reading
    for name, comparison in conditions.metadata.items():
        kind = policy.metadata[name]
        if comparison.exists is not None:
            yield Exists(name, comparison.exists)
        for operator, value in comparison.operands:
            if operator != "in":
                yield Compared(name, kind, operator, value)
        if comparison.in_:
            yield Among(name, kind, comparison.in_)


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    fields: dict[str, dict[FieldType, set[Any]]] = {}
    for conditions, policy in readings:
        for name, comparison in conditions.metadata.items():
            named = fields.setdefault(name, {}).setdefault(policy.metadata[name], set())
            named.update(value for _, value in comparison.operands)
    for name, kinds in sorted(fields.items()):
        texts, numbers = kinds.get(FieldType.TEXT), kinds.get(FieldType.NUMBER)
        yield MetadataAxis(
            name,
            FieldType.BOOLEAN in kinds,
            None if texts is None else tuple(sorted(texts)),
            None if numbers is None else tuple(sorted(numbers)),
        )


METADATA = base.Kind(_conditions, _axes)
