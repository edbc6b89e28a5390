"""Conditions on the moments of a case: which moment they read, and periods of dates."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from hitl_orchestrator.domain.value import FIRST_YEAR, LAST_YEAR
from hitl_orchestrator.policies.language.conditions.base import ConditionModel, not_null

_A_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class MomentOf(StrEnum):
    """A moment of a case: when the store received the task, by the clock of the process, or the time that it states."""

    RECEIVED = "received"
    TASK = "task"


def _iso_date(value: object) -> object:
    """Refuse numbers and times, which pydantic would read as dates."""
    if type(value) is date or (isinstance(value, str) and re.match(_A_DATE, value)):
        return value
    raise ValueError('write a date as "YYYY-MM-DD", such as "2026-12-24"')


def _in_range(value: date) -> date:
    if not FIRST_YEAR <= value.year < LAST_YEAR:
        raise ValueError(f"a date must lie from the year {FIRST_YEAR} to {LAST_YEAR - 1}")
    return value


Day = Annotated[
    date,
    BeforeValidator(_iso_date),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "pattern": _A_DATE, "format": "date"}),
]
"""A date on the clocks of the time zone of the policy."""


class Dates(ConditionModel):
    """A period of dates, both inclusive, or whether a date is one of the policy's `holidays`; both must hold.

    Dates are those of the time zone of the policy. In a year of which the policy lists no holiday, it is not known
    which dates are holidays.
    """

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="until")
    holiday: bool | None = Field(default=None, strict=True)
    of: MomentOf | None = None

    @field_validator("first", "last", "holiday", "of", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        return not_null(value)

    @model_validator(mode="after")
    def _some_date(self) -> "Dates":
        if not self.has_period and self.holiday is None:
            raise ValueError("it has no date; add from, until or holiday")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"until ({self.last}) lies before from ({self.first}), so that it never holds")
        return self

    @property
    def has_period(self) -> bool:
        """Whether it names a first or a last date."""
        return self.first is not None or self.last is not None

    @property
    def moment(self) -> MomentOf:
        """The moment whose date it reads: the receipt by default."""
        return self.of or MomentOf.RECEIVED
