"""Comparisons of a field as conditions that can be evaluated."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes.fields.sources import Source
from hitl_orchestrator.policies.language.declarations import FieldType, type_of
from hitl_orchestrator.policies.language.lists import named_or_joined

OPERATORS: dict[str, tuple[Callable[[Any, Any], bool], str, str]] = {
    "eq": (eq, "is", "is not"),
    "ne": (ne, "is not", "is"),
    "lt": (lt, "is below", "is not below"),
    "le": (le, "is at most", "is above"),
    "gt": (gt, "is above", "is at most"),
    "ge": (ge, "is at least", "is below"),
}
"""The comparison with one value, and its words where it holds and where it fails."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A field compares with a value of its declared type."""

    source: Source
    name: str
    kind: FieldType
    operator: str
    value: Any

    def holds(self, facts: Facts) -> bool | None:
        value = self.source.value(facts, self.name)
        return OPERATORS[self.operator][0](value, self.value) if type_of(value) is self.kind else None

    def describe(self, facts: Facts) -> str:
        """Return such as `amount is above 10000`, or `amount is missing`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.source, self.name, self.kind, facts)
        words = OPERATORS[self.operator][1 if holds else 2]
        return f"{self.source.subject(self.name)} {words} {_written(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    """A field is one of several values of its declared type."""

    source: Source
    name: str
    kind: FieldType
    values: tuple[Any, ...]

    def holds(self, facts: Facts) -> bool | None:
        value = self.source.value(facts, self.name)
        return value in self.values if type_of(value) is self.kind else None

    def describe(self, facts: Facts) -> str:
        """Return such as `country is not DE or AT`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.source, self.name, self.kind, facts)
        return f"{self.source.subject(self.name)} is {'' if holds else 'not '}{named_or_joined(self.values)}"


@dataclass(frozen=True, slots=True)
class Exists:
    """A field is present, or is not; null counts as missing."""

    source: Source
    name: str
    wanted: bool

    def holds(self, facts: Facts) -> bool:
        return (self.source.value(facts, self.name) is not None) is self.wanted

    def describe(self, facts: Facts) -> str:
        """Return such as `amount is missing`."""
        is_there = self.wanted is self.holds(facts)
        return f"{self.source.subject(self.name)} is {'present' if is_there else 'missing'}"


def _unknown(source: Source, name: str, kind: FieldType, facts: Facts) -> str:
    if source.value(facts, name) is None:
        return f"{source.subject(name)} is missing"
    return f"{source.subject(name)} is not a {kind}, as the policy declares it"


def _written(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
