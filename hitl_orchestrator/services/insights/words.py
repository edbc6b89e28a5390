"""What a report is to cover, in the words of a command or a program."""

from collections.abc import Sequence
from datetime import datetime

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.metrics.model import StakeField
from hitl_orchestrator.insights.report.periods import Span, span_of
from hitl_orchestrator.services.insights.report import Asked

__all__ = ["FRAMEWORKS", "asked_for", "check_controls", "span_between", "stake_of"]

FRAMEWORKS = ("aisvs", "eu-ai-act", "nist-rmf")
"""The frameworks of which a report may show the controls."""


def asked_for(
    now: datetime,
    *,
    since: str | None = None,
    until: str | None = None,
    verify: bool = True,
    controls: Sequence[str] = (),
    stake: str | None = None,
    store_option: Sequence[str] | None = (),
) -> Asked:
    """Return what the words ask for: times as `moment_of` reads them, and an amount as `stake_of` does.

    `store_option` are the words that name the store in the commands of next steps; None: there is no store.

    Raises:
        InvalidInput: a word cannot be read, or names no framework.
    """
    check_controls(controls)
    return Asked(
        span=span_of(since, until, now),
        verify=verify,
        controls=tuple(dict.fromkeys(controls)),
        stake=None if stake is None else stake_of(stake),
        store_option=None if store_option is None else tuple(store_option),
    )


def stake_of(text: str) -> StakeField:
    """Read `FIELD` or `FIELD:UNIT`. Raises `InvalidInput`."""
    field, colon, unit = text.partition(":")
    if not field.strip() or (colon and not unit.strip()):
        raise InvalidInput([f"--stake {text!r}: name a field of the tasks' metadata, such as amount or amount:EUR"])
    return StakeField(field=field.strip(), unit=unit.strip() or None)


def check_controls(names: Sequence[str]) -> None:
    """Raise `InvalidInput` for a name that is no framework."""
    problems = [
        f"--controls: {name!r} is not one of {', '.join(FRAMEWORKS)}{did_you_mean(name, FRAMEWORKS)}"
        for name in names
        if name not in FRAMEWORKS
    ]
    if problems:
        raise InvalidInput(problems)


def span_between(since: datetime | None, until: datetime | None) -> Span:
    """Return the span between two times. Raises `InvalidInput` if one has no zone, or the span is empty."""
    for name, at in (("since", since), ("until", until)):
        if at is not None and at.tzinfo is None:
            raise InvalidInput([f"{name}: {at.isoformat()} has no time zone; give a time such as 2025-01-10T09:15:00Z"])
    if since is not None and until is not None and since >= until:
        raise InvalidInput([f"since {since.isoformat()} until {until.isoformat()}: the period is empty"])
    return Span(since, until)
