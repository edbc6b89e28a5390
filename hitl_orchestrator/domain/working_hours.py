"""Working hours and absences."""

from datetime import UTC, date, time, tzinfo
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from hitl_orchestrator.domain.value import Label, Value


class Weekday(StrEnum):
    """The days of a week, the first one first, as `date.weekday` counts them."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WORKING_DAYS = tuple(Weekday)[:5]

_A_ZONE = "Europe/Vienna"
_NO_SUCH_ZONE = f"no such time zone; give a name of the IANA database, such as {_A_ZONE}"
_NO_ZONES = "the time zone database of this machine is missing; run: pip install tzdata"


def zone_of(name: str) -> tzinfo:
    """Return a time zone. UTC needs no time zone database.

    Raises:
        ValueError: this machine has no such zone; the message says so if it has no zones at all.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(_NO_SUCH_ZONE if _has_zones() else _NO_ZONES) from None


def _has_zones() -> bool:
    try:
        ZoneInfo(_A_ZONE)
    except (KeyError, OSError):
        return False
    return True


def _known_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[Label, AfterValidator(_known_zone)]
"""The name of a time zone of the IANA database."""


class WorkingHours(Value):
    """The hours of a working day, on the clocks of a time zone; a day that ends before it begins runs past midnight.

    `holidays` names a country or a subdivision, such as `AT` or `DE-BY` (ISO 3166), whose public holidays are free.
    """

    timezone: TimeZone = "UTC"
    days: tuple[Weekday, ...] = Field(default=WORKING_DAYS, min_length=1)
    begins: time = time(9)
    ends: time = time(17)
    holidays: Label | None = None

    @model_validator(mode="after")
    def _some_hours(self) -> "WorkingHours":
        if self.begins.tzinfo or self.ends.tzinfo:
            raise ValueError("begins and ends are clock times of the time zone; leave their own zone out")
        if self.begins == self.ends:
            raise ValueError("a working day that begins and ends at one time has no hours")
        return self


class Absence(Value):
    """The first and the last day of an absence, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> "Absence":
        if self.last < self.first:
            raise ValueError(f"the last day, {self.last}, lies before the first, {self.first}")
        return self
