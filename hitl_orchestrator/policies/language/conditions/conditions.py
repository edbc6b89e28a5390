"""The conditions of a rule: a closed set of fields, words and operators. No code and no text patterns."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.value import Label
from hitl_orchestrator.policies.language.conditions.base import Bound, ConditionModel, OneOrMore, not_null
from hitl_orchestrator.policies.language.conditions.comparison import Comparison, words_compared
from hitl_orchestrator.policies.language.conditions.moments import Dates
from hitl_orchestrator.policies.language.conditions.signals import Signals, SignalTest
from hitl_orchestrator.policies.language.conditions.window import Window
from hitl_orchestrator.policies.language.lists import NAMED, OrListOfWords

MOST_ALTERNATIVES = 1_000
_NESTING = ("all", "any", "not_", "at_least")
_COMPARED = ("metadata", "proposal", "agent", "history", "derived")


Words = Annotated[OneOrMore[Label], *NAMED, OrListOfWords]


class Conditions(ConditionModel):
    """The conditions of a rule, all of which must hold. A condition that is left out does not restrict the rule.

    `min_confidence` is inclusive, `max_confidence` is exclusive; neither holds where there is no confidence.
    A list holds if any of its words does; a list of `signals` holds if any of them was raised. Fields of the `metadata`
    and of the `proposal` are compared with the declared types, those of the `agent` are texts, counters of the
    `history` and `derived` facts are numbers; `time` and `date` judge when the store received the task. `all`, `any`,
    `not` and `at_least` nest further conditions.
    """

    risk_level: OneOrMore[RiskLevel] = ()
    domain: Words = ()
    task_type: Words = ()
    min_confidence: Bound | None = None
    max_confidence: Bound | None = None
    signals: SignalTest = Signals()
    metadata: dict[Label, Comparison] = Field(default_factory=dict)
    proposal: Annotated[dict[Label, Comparison], words_compared("predicted_label")] = Field(default_factory=dict)
    agent: Annotated[dict[Label, Comparison], words_compared()] = Field(default_factory=dict)
    history: dict[Label, Comparison] = Field(default_factory=dict)
    derived: dict[Label, Comparison] = Field(default_factory=dict)
    time: Window | None = None
    date: Dates | None = None
    all: tuple["Conditions", ...] = ()
    any: tuple["Conditions", ...] = ()
    not_: "Conditions | None" = Field(default=None, alias="not")
    at_least: "AtLeast | None" = None

    @field_validator("min_confidence", "max_confidence", "time", "date", "not_", "at_least", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        return not_null(value)

    @field_validator("max_confidence")
    @classmethod
    def _above_the_minimum(cls, highest: float, info: ValidationInfo) -> float:
        lowest = info.data.get("min_confidence") or 0.0
        if highest <= lowest:
            raise ValueError(f"max_confidence must be above min_confidence ({lowest}), or the rule can never match")
        return highest

    @field_validator("signals")
    @classmethod
    def _a_signal(cls, value: Signals) -> Signals:
        if value.is_empty:
            raise ValueError("it names no signal; add any, all or none")
        return value

    @field_validator(*_COMPARED)
    @classmethod
    def _a_field(cls, value: dict[str, Comparison]) -> dict[str, Comparison]:
        if not value:
            raise ValueError("it names no field; add a comparison, or leave it out")
        return value

    @field_validator("all", "any", "not_")
    @classmethod
    def _something_in_it(cls, value: "tuple[Conditions, ...] | Conditions") -> "tuple[Conditions, ...] | Conditions":
        inner = (value,) if isinstance(value, Conditions) else value
        if not inner:
            raise ValueError("an empty list has no effect; add conditions, or leave it out")
        if any(conditions.is_empty for conditions in inner):
            raise ValueError("empty conditions always hold; add a condition, or leave them out")
        return value

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        if set(fields.get("signals") or ()) == {"any"}:
            fields["signals"] = fields["signals"]["any"]
        return {name: value for name, value in fields.items() if value not in (None, (), [], {})}

    def walk(self, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], "Conditions"]]:
        """Yield these conditions and all nested ones, each with its path."""
        yield path, self
        for name, inner in (("all", self.all), ("any", self.any)):
            for index, conditions in enumerate(inner):
                yield from conditions.walk(*path, name, index)
        if self.not_ is not None:
            yield from self.not_.walk(*path, "not")
        for index, conditions in enumerate(() if self.at_least is None else self.at_least.of):
            yield from conditions.walk(*path, "at_least", "of", index)

    def comparisons(self) -> Iterator[tuple[str, str, Comparison]]:
        """Yield each field that these conditions compare, without those nested in them: source, name, comparison."""
        for source in _COMPARED:
            for name, comparison in getattr(self, source).items():
                yield source, name, comparison

    def alternatives(self, *, negated: bool = False) -> int:
        """Return the number of alternatives, each without `any` and `not`, to which these conditions expand."""
        plain = [name for name in type(self).model_fields if name not in {*_NESTING, *_COMPARED}]
        own = sum(1 for name in plain if getattr(self, name) not in (None, (), Signals()))
        own += sum(1 for _ in self.comparisons())
        inverse = [] if self.not_ is None else [self.not_.alternatives(negated=not negated)]
        every = [inner.alternatives(negated=negated) for inner in self.all]
        some = [inner.alternatives(negated=negated) for inner in self.any]
        several = [] if self.at_least is None else [self.at_least.alternatives(negated=negated)]
        if negated:
            return max(1, own + sum(every) + sum(inverse) + sum(several) + (math.prod(some) if some else 0))
        return math.prod((*every, *inverse, *several, sum(some) or 1))


class AtLeast(ConditionModel):
    """At least `n` of several conditions hold. It is known once `n` certainly hold, or too few others can."""

    n: Annotated[int, Field(ge=1, strict=True)]
    of: tuple[Conditions, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_hold(self) -> "AtLeast":
        if self.n > len(self.of):
            raise ValueError(f"n is {self.n}, and there are only {len(self.of)} conditions, so that it never holds")
        if any(conditions.is_empty for conditions in self.of):
            raise ValueError("empty conditions always hold; add a condition, or leave them out")
        return self

    def needed(self, *, negated: bool = False) -> int:
        """Return how many conditions must hold, or fail where `negated`: fewer than `n` hold."""
        return len(self.of) - self.n + 1 if negated else self.n

    def alternatives(self, *, negated: bool = False) -> int:
        """Return the number of alternatives: one for each choice of `needed` conditions, times theirs."""
        ways = [1] + [0] * self.needed(negated=negated)
        for inner in self.of:
            here = inner.alternatives(negated=negated)
            ways = [1, *(without + here * chosen for chosen, without in pairwise(ways))]
        return ways[-1]
