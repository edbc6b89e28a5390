"""The kinds of conditions that compare fields: one for each source."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.fields.axis import FieldAxis
from hitl_orchestrator.policies.engine.axes.fields.conditions import Among, Compared, Exists, Matches
from hitl_orchestrator.policies.engine.axes.fields.parts import Booleans, Numbers, Part
from hitl_orchestrator.policies.engine.axes.fields.sources import DERIVED, SOURCES, Source
from hitl_orchestrator.policies.engine.axes.fields.texts import Lists, Texts
from hitl_orchestrator.policies.language.conditions import Comparison
from hitl_orchestrator.policies.language.declarations import (
    MOST_KINDS_OF_TEXT,
    Declaration,
    FieldType,
    kinds_of_text,
)
from hitl_orchestrator.policies.language.lists import Listed
from hitl_orchestrator.policies.language.model import Policy


def _kind(source: Source) -> base.Kind:
    def conditions(reading: base.Reading) -> Iterator[base.Condition]:
        part, policy = reading
        compared = getattr(part, source.name)
        declared = policy.declared(source.name) if compared else {}
        worded = _worded(source, policy)
        for name, comparison in compared.items():
            if comparison.exists is not None:
                yield Exists(worded, name, comparison.exists)
            for operator, value in comparison.operands:
                if operator != "in":
                    yield Compared(worded, name, declared[name], operator, value)
            if comparison.in_:
                yield Among(worded, name, declared[name], comparison.in_)
            for operator, words in comparison.patterns:
                if words:
                    yield Matches(worded, name, declared[name], operator, words)

    def axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
        fields: dict[str, dict[FieldType, _Named]] = {}
        worded: dict[str, Source] = {}
        for part, policy in readings:
            compared = getattr(part, source.name)
            declared = policy.declared(source.name) if compared else {}
            for name, comparison in compared.items():
                worded.setdefault(name, _worded(source, policy))
                named = fields.setdefault(name, {}).setdefault(declared[name].type, _Named())
                named.add(comparison, declared[name])
        for name, by_type in sorted(fields.items()):
            parts = (by_type[kind].part(kind, worded[name].subject(name)) for kind in _ORDER if kind in by_type)
            yield FieldAxis(worded[name], name, tuple(parts))

    return base.Kind(conditions, axes)


def _worded(source: Source, policy: Policy) -> Source:
    """Return a source that names what a policy calculates with its arithmetic: `used (amount / limit)`."""
    if source is not DERIVED:
        return source
    return replace(source, words={name: f"{name} ({text})" for name, text in policy.derived.items()})


class _Named:
    """The values and words that comparisons name for a field of one type, and what the policies declare about it."""

    def __init__(self) -> None:
        self._values: set[Any] = set()
        self._words: dict[str, set[str]] = {"starts_with": set(), "contains": set()}
        self._declared: dict[Declaration, None] = {}
        self._lists: dict[Listed, None] = {}

    def add(self, comparison: Comparison, declared: Declaration) -> None:
        self._declared[declared] = None
        self._values.update(value for _, value in comparison.operands)
        if isinstance(comparison.in_, Listed):
            self._lists[comparison.in_] = None
        for operator, words in comparison.patterns:
            self._words[operator].update(words)

    def part(self, kind: FieldType, subject: str) -> Part:
        """Return the steps of the field. Raises `InvalidInput` where its patterns distinguish too many texts."""
        declared, values = tuple(self._declared), self._values.union(*(each.values for each in self._declared))
        beginnings, parts = (tuple(sorted(words)) for words in self._words.values())
        is_open = not all(each.values for each in declared)
        if is_open and (number := kinds_of_text(len(beginnings), len(parts))) > _MOST_OF_ALL_POLICIES:
            why = f"the patterns of {subject} in all policies together distinguish {number:,} kinds of texts"
            raise InvalidInput([f"{why}, and the limit is {_MOST_OF_ALL_POLICIES:,}"])
        if kind is FieldType.BOOLEAN:
            return Booleans()
        if kind is FieldType.LIST:
            return Lists(parts)
        if kind is FieldType.TEXT:
            fitting = (text for text in values if is_open or any(each.fits(text) for each in declared))
            return Texts(tuple(sorted(fitting)), beginnings, parts, is_open, tuple(self._lists))
        ends = {end for each in declared for end in (each.min, each.max) if end is not None}
        units = {each.unit for each in declared}
        return Numbers(tuple(sorted(values | ends)), declared, units.pop() if len(units) == 1 else None)


_ORDER = (FieldType.BOOLEAN, FieldType.TEXT, FieldType.LIST, FieldType.NUMBER)
_MOST_OF_ALL_POLICIES = 4 * MOST_KINDS_OF_TEXT


FIELDS = tuple(map(_kind, SOURCES.values()))
