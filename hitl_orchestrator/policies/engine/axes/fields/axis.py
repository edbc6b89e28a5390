"""The axis of a field of the type, or the types, that the policies declare for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isinf
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.fields.column import FieldSteps, column_of
from hitl_orchestrator.policies.engine.axes.fields.conditions import OPERATORS, matches
from hitl_orchestrator.policies.engine.axes.fields.parts import Numbers, Part
from hitl_orchestrator.policies.engine.axes.fields.sources import METADATA, Source
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions
from hitl_orchestrator.policies.language.declarations import Declaration, FieldType, type_of
from hitl_orchestrator.policies.language.phrases import join, join_some

MISSING_FIELD = 0b01
"""The mask of the step on which a field is missing."""

_MISSING_OR_OTHER_TYPE = 0b11
_FIRST_VALUE = 2
_HUNDREDTH = 0.01


@dataclass(frozen=True)
class FieldAxis(base.Axis):
    """Missing, not as any policy declares it, then the steps of each part; those of numbers are last."""

    origin: Source
    field: str
    parts: tuple[Part, ...]
    missing: int = _MISSING_OR_OTHER_TYPE
    phrase_order: int = base.FIELDS

    @property
    def name(self) -> str:
        return f"{self.origin.name}.{self.field}"

    @property
    def source(self) -> str:
        return self.origin.name

    @property
    def size(self) -> int:
        return len(self.samples)

    @cached_property
    def samples(self) -> tuple[Any, ...]:
        """One value for each step; None where the field is missing."""
        return (None, {}, *(sample for part in self.parts for sample in part.samples))

    @cached_property
    def _firsts(self) -> dict[FieldType, tuple[int, Part]]:
        """The first step of each part, by its type."""
        first, firsts = _FIRST_VALUE, {}
        for part in self.parts:
            firsts[part.kind] = first, part
            first += len(part.samples)
        return firsts

    def steps_of_type(self, kind: FieldType) -> range:
        """Return the steps of the values of one type; none where no condition reads them."""
        if kind not in self._firsts:
            return range(0)
        first, part = self._firsts[kind]
        return range(first, first + len(part.samples))

    @property
    def _first_number(self) -> int:
        numbers = self._firsts.get(FieldType.NUMBER)
        return self.size if numbers is None else numbers[0]

    @property
    def other(self) -> int | None:
        texts = self._firsts.get(FieldType.TEXT)
        return None if texts is None or texts[1].other is None else texts[0] + texts[1].other

    def locate(self, facts: Facts) -> int:
        return self.step_of(self.origin.value(facts, self.field))

    def step_of(self, value: Any) -> int:
        """Return the step of a value."""
        if value is None:
            return 0
        kind = type_of(value)
        if kind is None or kind not in self._firsts:
            return 1
        first, part = self._firsts[kind]
        step = part.locate(value)
        return 1 if step is None else first + step

    def place(self, facts: Facts, step: int) -> Facts:
        return self.origin.with_value(facts, self.field, self.samples[step])

    def beside(self, facts: Facts, step: int, neighbor: int) -> Facts:
        first, numbers = self._firsts.get(FieldType.NUMBER, (self.size, None))
        low, high = numbers.interval(step - first) if isinstance(numbers, Numbers) and step >= first else (0, 0)
        if low == high:
            return self.place(facts, step)
        bound, other, sign = (low, high, 1) if neighbor < step else (high, low, -1)
        near = 1 if float(bound).is_integer() else _HUNDREDTH * max(1, abs(bound))
        value = base.close_to(bound, None if isinf(other) else other, sign * near)
        return self.origin.with_value(facts, self.field, value)

    def reads(self, conditions: Conditions) -> bool:
        return self.field in getattr(conditions, self.source)

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return where the comparison holds and fails: neither where the value is missing or of another type."""
        conditions, policy = reading
        comparison, declared = getattr(conditions, self.source)[self.field], policy.declared(self.source)[self.field]
        verdicts = list(_verdicts(self.samples, comparison, declared))
        holds, fails = (
            base.mask_of(step for step, verdict in enumerate(verdicts) if verdict is wanted) for wanted in (True, False)
        )
        return base.Steps(holds, fails)

    def describe(self, mask: int) -> str:
        """Return such as `amount is missing or above 100`."""
        subject = self.origin.subject(self.field)
        every = (1 << self.size) - 1 & ~_MISSING_OR_OTHER_TYPE
        if mask == every | 0b10:
            return f"{subject} is present"
        phrases = []
        if mask & _MISSING_OR_OTHER_TYPE:
            unfit = "not as declared" if self._is_bounded else "of another type"
            phrases.append(["missing", unfit, f"missing or {unfit}"][(mask & 0b11) - 1])
        if mask & every == every:
            return f"{subject} is {join([*phrases, join((part.any_value for part in self.parts), 'or')], 'or')}"
        for first, part in self._firsts.values():
            phrases += part.describe(mask >> first & (1 << len(part.samples)) - 1)
        return f"{subject} is {join_some(phrases, 'or')}"

    @cached_property
    def _is_bounded(self) -> bool:
        """Whether some values of a declared type are not as declared."""
        return any(part.is_bounded for part in self.parts)

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `if amount were above 100`, or `if requested by ann`."""
        phrase = self.describe(mask)
        if not self._names_users:
            return f"if {phrase.replace(' is ', ' were ', 1)}"
        user = phrase.removeprefix(f"{REQUESTED_BY} is ")
        named = user.removeprefix("a text other than ")
        if named != user:
            user = "another user" if named == self.samples[here] else f"a user other than {named}"
        return f"if requested by {'no named user' if user == 'missing' else user}"

    @property
    def _names_users(self) -> bool:
        return self.origin is METADATA and self.field == REQUESTED_BY

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        here = self.locate(facts)
        if step == 1 or self.origin.calculated or self.field in self.origin.never_suggested:
            return None
        if step == 0:
            return base.MISSING, 0, 0
        if step < self._first_number:
            # Any other user is nearer than one particular user.
            particular = self._names_users and step != self.other
            return (base.SAME_KIND if here < self._first_number else base.OTHER_KIND), int(particular), 0
        first, numbers = self._firsts[FieldType.NUMBER]
        if not isinstance(numbers, Numbers) or here < first:
            return (base.SAME_KIND if here < _FIRST_VALUE else base.OTHER_KIND), step, 0
        gap = base.gap(self.origin.value(facts, self.field), *numbers.interval(step - first))
        return base.SAME_KIND, gap, abs(step - here)

    def ordered(self, step: int) -> range:
        numbers = self.steps_of_type(FieldType.NUMBER)
        return numbers if step in numbers else range(step, step + 1)

    def column(self, pl: Any) -> Any:
        return column_of(pl, FieldSteps(self.source, self.field, list(self._firsts.values()), self.step_of))


def _verdicts(values: Iterable[Any], comparison: Comparison, declared: Declaration) -> Iterator[bool | None]:
    """Yield the result of the comparison for each value; None where it is unknown."""
    compared = [(OPERATORS[operator][0], other) for operator, other in comparison.operands if operator != "in"]
    listed = frozenset(comparison.in_)  # a set, since a list may be thousands long
    for value in values:
        fits = declared.fits(value)
        verdicts: list[bool | None] = [relation(value, other) if fits else None for relation, other in compared]
        if comparison.exists is not None:
            verdicts.append((value is not None) is comparison.exists)
        if listed:
            verdicts.append(value in listed if fits else None)
        verdicts += [
            matches(operator, value, words) if fits else None for operator, words in comparison.patterns if words
        ]
        yield False if False in verdicts else None if None in verdicts else True
