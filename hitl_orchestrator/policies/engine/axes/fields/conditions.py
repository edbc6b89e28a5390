"""Comparisons of a field as conditions that can be evaluated."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes.fields.parts import written_number
from hitl_orchestrator.policies.engine.axes.fields.sources import Source
from hitl_orchestrator.policies.language.declarations import Declaration
from hitl_orchestrator.policies.language.lists import Listed, named_or_joined
from hitl_orchestrator.policies.language.phrases import join

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
    declared: Declaration
    operator: str
    value: Any

    def holds(self, facts: Facts) -> bool | None:
        value = self.source.value(facts, self.name)
        return OPERATORS[self.operator][0](value, self.value) if self.declared.fits(value) else None

    def describe(self, facts: Facts) -> str:
        """Return such as `amount is above 10000`, or `amount is missing`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.source, self.name, self.declared, facts)
        words = OPERATORS[self.operator][1 if holds else 2]
        return f"{self.source.subject(self.name)} {words} {_written(self.value, self.declared)}"


@dataclass(frozen=True, slots=True)
class Among:
    """A field is one of several values of its declared type."""

    source: Source
    name: str
    declared: Declaration
    values: tuple[Any, ...]

    def holds(self, facts: Facts) -> bool | None:
        value = self.source.value(facts, self.name)
        return value in self.values if self.declared.fits(value) else None

    def describe(self, facts: Facts) -> str:
        """Return such as `country is not DE or AT`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.source, self.name, self.declared, facts)
        with_units = (_written(value, self.declared) for value in self.values)
        values = named_or_joined(self.values if isinstance(self.values, Listed) else tuple(with_units))
        return f"{self.source.subject(self.name)} is {'' if holds else 'not '}{values}"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text starts with one of several words, or contains one; a list contains one as a member."""

    source: Source
    name: str
    declared: Declaration
    operator: str
    words: tuple[str, ...]

    def holds(self, facts: Facts) -> bool | None:
        value = self.source.value(facts, self.name)
        return matches(self.operator, value, self.words) if self.declared.fits(value) else None

    def describe(self, facts: Facts) -> str:
        """Return such as `iban does not begin with AT or DE`."""
        holds = self.holds(facts)
        if holds is None:
            return _unknown(self.source, self.name, self.declared, facts)
        verb = {"starts_with": ("begins with", "does not begin with"), "contains": ("contains", "does not contain")}
        return f"{self.source.subject(self.name)} {verb[self.operator][not holds]} {join(self.words, 'or')}"


def matches(operator: str, value: Any, words: tuple[str, ...]) -> bool:
    """Return whether a text, or a list, has one of the words where the operator looks for it."""
    return value.startswith(words) if operator == "starts_with" else any(word in value for word in words)


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


def _unknown(source: Source, name: str, declared: Declaration, facts: Facts) -> str:
    if source.value(facts, name) is None:
        return f"{source.subject(name)} is missing"
    if declared.is_bounded:
        return f"{source.subject(name)} is not as the policy declares it"
    return f"{source.subject(name)} is not a {declared.type}, as the policy declares it"


def _written(value: Any, declared: Declaration) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if declared.unit is None else written_number(value, declared.unit)
