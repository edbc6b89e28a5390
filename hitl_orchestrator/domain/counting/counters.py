"""Counters of earlier cases: what each counts, for whom and since when, and the values with which a case was routed."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple
from unicodedata import normalize

from pydantic import Field

from hitl_orchestrator.domain.counting.field_path import value_at
from hitl_orchestrator.domain.enums import OWN_QUESTIONS
from hitl_orchestrator.domain.shown.letters import visible
from hitl_orchestrator.domain.value import Label, Value, canonical_json

MICRO = 1_000_000
"""Amounts are added as whole millionths, so that a sum depends on no order and has no rounding errors."""

HALF = 20
"""The number of bits in the lower half of an amount: a database adds the halves, whose sums do not overflow."""

LARGEST_AMOUNT = 10**12
"""The largest amount that is added; a sum with a larger one is unknown."""


class CountedCases(StrEnum):
    """The cases that a counter counts, by their routing or their end."""

    AUTO_APPROVE = "auto_approve"
    HUMAN_REVIEW = "human_review"
    ESCALATE = "escalate"
    APPROVED = "approved"
    """Approved by the policy or a person, or still open: an open case may be approved at any moment."""


class Measure(NamedTuple):
    """What is counted: cases, or the amounts of a field of the metadata; of all cases, or by the value of a field."""

    amount: str | None
    same: str | None

    @property
    def text(self) -> str:
        """The measure as a text."""
        return canonical_json(list(self))

    def key(self, metadata: Mapping[str, Any]) -> str | None:
        """Return the text under which a case is counted; None if the value of the field is missing or unreadable."""
        if self.same is None:
            return canonical_json(["all", self.text])
        value = _one_spelling(value_at(metadata, self.same))
        return None if value is None else canonical_json(["of", self.text, value])

    def value(self, cases: int, micros: int) -> float:
        """Return the value of a counter from the number of its cases and the sum of their amounts in millionths."""
        return float(cases) if self.amount is None else micros / MICRO

    def micros(self, metadata: Mapping[str, Any]) -> int | None:
        """Return the amount of a case in millionths; None if it is unreadable. A case itself is 0."""
        return 0 if self.amount is None else micros_of(value_at(metadata, self.amount))


class Counter(Value):
    """A number of earlier cases, or the sum of their amounts in the field `sum`, within a duration.

    Only cases with the same value of the field `same` count, if it is stated, and only the cases `of` one kind.
    """

    sum: Label | None = None
    same: Label | None = None
    within: timedelta
    of: CountedCases | None = None

    @property
    def measure(self) -> Measure:
        """What is counted, in any duration and of all kinds."""
        return Measure(self.sum, self.same)

    @cached_property
    def key(self) -> str:
        """The text that identifies the counter among all policies."""
        return canonical_json([self.sum, self.same, self.within.total_seconds(), self.of])


class Counted(Value):
    """The value of a counter when a case was routed; None if it was unknown."""

    counter: Counter
    value: float | None = Field(description="the number of cases, or the sum of amounts")


def is_counted(*, replayed: bool, quality_check: object, task_type: str) -> bool:
    """Whether a case counts: not one of the past, one that measures reviewers, or a question of the system."""
    return not replayed and quality_check is None and task_type not in OWN_QUESTIONS


def amounts_of(measures: Iterable[Measure], metadata: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the amount of a case under each text by which it is counted."""
    keys = {measure.key(metadata): measure.micros(metadata) for measure in measures}
    return {key: micros for key, micros in keys.items() if key is not None}


def values_of(history: Iterable[Counted]) -> dict[str, float]:
    """Return the known values by the keys of their counters."""
    return {each.counter.key: each.value for each in history if each.value is not None}


def _one_spelling(value: object) -> str | float | None:
    """Return a value in the spelling under which it is counted; None for one that names nothing, such as a blank text.

    Texts that look alike to a person are one, but letters keep their case: ids of some systems differ by it alone.
    """
    if isinstance(value, str):
        # Letters and marks that an invisible character kept apart are composed at last.
        return normalize("NFC", " ".join(visible(value).split())) or None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float) else None


def micros_of(value: object) -> int | None:
    """Return an amount in millionths, rounded to the nearest; None for what is no amount, such as a negative number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return round(Decimal(str(value)) * MICRO) if 0 <= value <= LARGEST_AMOUNT else None
