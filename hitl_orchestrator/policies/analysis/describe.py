"""Regions and single cases in words, such as `medium risk with a confidence of 0.75 to below 0.8`."""

from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.errors import shortened
from hitl_orchestrator.policies.engine.axes.base import FIELDS, Axis
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.phrases import format_value, join

EVERY_CASE = "every case"


def _as_it_is(axis: Axis, mask: int) -> str:
    return axis.describe(mask)


def describe(region: Region, space: FactSpace, wording: Callable[[Axis, int], str] = _as_it_is) -> str:
    """Describe the cases of a region; `every case` for the whole space. `wording` describes the steps of one axis."""
    read = [(axis, mask) for axis, mask, full in zip(space.axes, region, space.full, strict=True) if mask != full]
    read.sort(key=lambda pair: pair[0].phrase_order)
    phrases = [EVERY_CASE] if read and read[0][0].source != "risk_level" else []
    for order, pairs in groupby(read, key=lambda pair: pair[0].phrase_order):
        descriptions = [wording(axis, mask) for axis, mask in pairs]
        phrases += [f"where {join(descriptions, 'and')}"] if order == FIELDS else descriptions
    return " ".join(phrases) or EVERY_CASE


def describe_context(region: Region, space: FactSpace) -> str:
    """Describe a region without its risk and its confidence."""
    return describe((*region[: space.risk], *space.full[space.risk :]), space)


def describe_facts(facts: Facts) -> str:
    """Describe one case, with the facts that no policy reads too."""
    phrases = [f"{facts.risk_level} risk", _confidence(facts)]
    phrases += [] if facts.domain == "any" else [f"in {facts.domain}"]
    phrases += [] if facts.task_type == "any" else [f"of type {facts.task_type}"]
    if facts.signals:
        phrases.append(f"with the signal{'s' if len(facts.signals) > 1 else ''} {join(sorted(facts.signals), 'and')}")
    fields = [
        f"{source.subject(name)} is {shortened(_short(value))}"
        for source in SOURCES.values()
        for name, value in sorted(source.values(facts).items())
    ]
    if fields:
        phrases.append(f"where {join(fields, 'and')}")
    if facts.received is not None:
        phrases.append(f"on {_moment(facts.received)}")
    if facts.moment is not None and facts.moment != facts.received:
        phrases.append(f"with a task dated {_moment(facts.moment)}")
    return " ".join(phrases)


def _short(value: Any) -> str:
    """Return a value, of a number between two bounds only the first twelve digits."""
    return format_value(float(f"{value:.12g}") if isinstance(value, float) else value)


def _moment(moment: datetime) -> str:
    return f"{moment:%A} {moment:%Y-%m-%d} {moment:%H:%M} {moment.tzname()}".rstrip()


def _confidence(facts: Facts) -> str:
    if not facts.has_proposal:
        return "without a proposal"
    if facts.confidence is None:
        return "without a confidence"
    return f"with a confidence of {format_value(facts.confidence)}"
