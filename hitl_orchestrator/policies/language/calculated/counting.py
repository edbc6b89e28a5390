"""What a policy counts in the ledger (`history`), and what it calculates (`derived`), by name."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema, model_validator

from hitl_orchestrator.domain.counting.counters import CountedCases, Counter
from hitl_orchestrator.domain.value import Label, Value
from hitl_orchestrator.policies.language.calculated.arithmetic import parsed, written
from hitl_orchestrator.policies.language.rule import A_DURATION, only_iso

MOST_COUNTERS = 32
"""The number of counters of one policy, of all of its layers."""

LONGEST_WINDOW = timedelta(weeks=52)

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
FactName = Annotated[str, StringConstraints(pattern=_NAME, max_length=60)]
"""The name of a counter or of a derived fact: letters, digits and underscores, so that arithmetic can use it."""


def _some_time(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= LONGEST_WINDOW:
        raise ValueError("the time within which cases count must be above zero and at most 52 weeks")
    return value


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": A_DURATION, "examples": ["PT24H", "P30D"]})
Within = Annotated[timedelta, BeforeValidator(only_iso), AfterValidator(_some_time), _AS_TEXT]


class CounterDeclaration(Value):
    """A counter: `count: cases`, or the `sum` of a number field of the metadata, of the cases routed before.

    Only the cases with the same value of the field `same`, if it is stated, within the last `within`, and only those
    `of` one kind: those routed with an action, or those that were `approved` or may still be.
    """

    count: Literal["cases"] | None = None
    sum: Label | None = None
    same: Label | None = None
    within: Within
    of: CountedCases | None = None

    @model_validator(mode="after")
    def _counts_one_thing(self) -> "CounterDeclaration":
        if (self.count is None) is (self.sum is None):
            raise ValueError('state what is counted: either "count": "cases", or "sum" with a number field')
        return self

    @property
    def counter(self) -> Counter:
        """The counter as the ledger counts it."""
        return Counter(sum=self.sum, same=self.same, within=self.within, of=self.of)


def _one_form(text: str) -> str:
    return written(parsed(text))


Arithmetic = Annotated[str, AfterValidator(_one_form)]
"""An expression of `arithmetic`, in its one form."""
