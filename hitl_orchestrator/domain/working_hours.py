"""Working hours and absences."""

import re
from datetime import UTC, date, time, tzinfo
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

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


MINUTES_OF_A_DAY = 24 * 60

A_CLOCK_TIME = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

# Files of the database that are no zone of their own: they depend on the machine, or count leap seconds.
_OWN_OF_MACHINE, _NO_FOLDERS = {"localtime", "posixrules", "Factory"}, ("posix/", "right/")


def _clock(value: object) -> object:
    if isinstance(value, time) and not (value.second or value.microsecond or value.tzinfo):
        return f"{value:%H:%M}"
    if isinstance(value, str) and re.match(A_CLOCK_TIME, value):
        return value
    raise ValueError('write a time of day as "HH:MM", such as "09:00", up to "24:00"')


Clock = Annotated[str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": A_CLOCK_TIME})]
"""A time of day, from `00:00` to `24:00`, on the clocks of a time zone that is named beside it."""


def minute_of_day(clock: str) -> int:
    """Return the minutes from midnight to a time of day."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _known_zone(name: str) -> str:
    if name in _OWN_OF_MACHINE or name.startswith(_NO_FOLDERS):
        raise ValueError("this is no time zone of its own; give a name of the IANA database, such as Europe/Vienna")
    zone_of(name)
    return name


TimeZone = Annotated[Label, AfterValidator(_known_zone)]
"""The name of a time zone of the IANA database."""


class WorkingHours(Value):
    """The hours of a working day, on the clocks of a time zone; a day that ends before it begins runs past midnight.

    Equal times, and `00:00` to `24:00`, are the whole day of 24 hours.

    `holidays` names a country or a subdivision, such as `AT` or `DE-BY` (ISO 3166), whose public holidays are free.
    """

    timezone: TimeZone = "UTC"
    days: tuple[Weekday, ...] = Field(default=WORKING_DAYS, min_length=1)
    begins: Clock = "09:00"
    ends: Clock = "17:00"
    holidays: Label | None = None

    @property
    def minutes(self) -> tuple[int, int]:
        """The begin and the end of a shift, in minutes since the midnight at which its day begins."""
        begins, ends = minute_of_day(self.begins), minute_of_day(self.ends)
        return begins, ends if ends > begins else ends + MINUTES_OF_A_DAY


class Absence(Value):
    """The first and the last day of an absence, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> "Absence":
        if self.last < self.first:
            raise ValueError(f"the last day, {self.last}, lies before the first, {self.first}")
        return self
