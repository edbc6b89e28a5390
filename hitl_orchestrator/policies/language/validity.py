"""The dates of a policy: its holidays, and the rules that are no longer valid."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import InitErrorDetails

from hitl_orchestrator.policies.language.conditions import Day
from hitl_orchestrator.policies.language.rule import Rule


def _distinct(days: tuple[date, ...]) -> tuple[date, ...]:
    """Sort the dates, so that equal policies have equal hashes."""
    twice = next((day for day in days if days.count(day) > 1), None)
    if twice is not None:
        raise ValueError(f"the date {twice} is listed twice")
    return tuple(sorted(days))


Holidays = Annotated[tuple[Day, ...], AfterValidator(_distinct)]
"""The holidays of a policy, in order."""


def without_holidays(rules: Sequence[Rule], holidays: Sequence[date]) -> Iterator[InitErrorDetails]:
    """Yield the conditions on holidays of a policy that lists none."""
    for index, rule in enumerate(rules):
        for path, conditions in rule.conditions.walk("conditions"):
            if not holidays and conditions.date is not None and conditions.date.holiday is not None:
                yield InitErrorDetails(
                    type="value_error",
                    loc=(index, *path, "date", "holiday"),
                    input=conditions.date.holiday,
                    ctx={
                        "error": ValueError('the policy lists no holidays; add them, such as holidays: ["2026-12-25"]')
                    },
                )


def no_longer_valid(rules: Iterable[Rule], today: date) -> list[Rule]:
    """Return the rules whose last day of validity lies before a day."""
    return [rule for rule in rules if rule.valid_until is not None and rule.valid_until < today]


def last_holiday(rules: Iterable[Rule], holidays: Sequence[date]) -> date | None:
    """Return the last of the holidays in order if rules read holidays, else None.

    In the years after it no date is known to be a holiday or none.
    """
    reads = any(
        part.date is not None and part.date.holiday is not None for rule in rules for _, part in rule.conditions.walk()
    )
    return holidays[-1] if reads and holidays else None
