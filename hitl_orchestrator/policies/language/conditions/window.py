"""Daily time windows."""

from collections.abc import Iterator

from pydantic import field_validator, model_validator

from hitl_orchestrator.domain.working_hours import MINUTES_OF_A_DAY, Clock, Weekday, minute_of_day
from hitl_orchestrator.policies.language.conditions.base import ConditionModel, OneOrMore, not_null
from hitl_orchestrator.policies.language.conditions.moments import MomentOf

MINUTES_OF_A_WEEK = 7 * MINUTES_OF_A_DAY


class Window(ConditionModel):
    """A daily time window, on some days of the week or on every day, in the time zone of the policy.

    `begins` is inclusive, `ends` is exclusive. A window that ends before it begins runs past midnight. It judges when
    the store received the task, or the task's own timestamp with `of: task`.
    """

    days: OneOrMore[Weekday] = ()
    begins: Clock = "00:00"
    ends: Clock = "24:00"
    of: MomentOf | None = None

    @field_validator("of", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        return not_null(value)

    @model_validator(mode="after")
    def _some_time(self) -> "Window":
        if not self.days and (self.begins, self.ends) == ("00:00", "24:00"):
            raise ValueError("it has no time; add days, or begins and ends")
        if minute_of_day(self.begins) % MINUTES_OF_A_DAY == minute_of_day(self.ends) % MINUTES_OF_A_DAY and (
            self.begins,
            self.ends,
        ) != ("00:00", "24:00"):
            raise ValueError(f"a window that begins and ends at {self.begins} is empty")
        return self

    @property
    def moment(self) -> MomentOf:
        """The moment whose time it reads: the receipt by default."""
        return self.of or MomentOf.RECEIVED

    @property
    def minutes(self) -> tuple[tuple[int, int], ...]:
        """The open intervals, in minutes since Monday 00:00, each with an exclusive end."""
        begins, ends = minute_of_day(self.begins), minute_of_day(self.ends)
        lasts = ends - begins if ends > begins else ends + MINUTES_OF_A_DAY - begins
        return tuple(stretch for day in self.days or Weekday for stretch in _stretches(_start(day) + begins, lasts))


def _start(day: Weekday) -> int:
    return list(Weekday).index(day) * MINUTES_OF_A_DAY


def _stretches(begins: int, lasts: int) -> Iterator[tuple[int, int]]:
    begins %= MINUTES_OF_A_WEEK
    yield begins, min(begins + lasts, MINUTES_OF_A_WEEK)
    if begins + lasts > MINUTES_OF_A_WEEK:
        yield 0, begins + lasts - MINUTES_OF_A_WEEK
