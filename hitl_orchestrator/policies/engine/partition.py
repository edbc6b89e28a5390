"""The finitely many cells that policies cut all possible facts into. Inside a cell, nothing that they ask can change.

Each fact is an axis: the risk, the domain, each field of the metadata that is asked about. A policy names finitely many
values of it, and the axis has one step for each of them and for each stretch between them. A cell is one step on each
axis; what a rule asks is a set of steps on each, as a bit mask.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import inf, nextafter, prod
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel, Signal
from hitl_orchestrator.policies.engine.predicates import minute_of_the_week
from hitl_orchestrator.policies.engine.timezones import TimesAxis
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_WEEK, Conditions, FieldType
from hitl_orchestrator.policies.language.model import MAX_NUMBER, Policy, type_of

Cell = tuple[int, ...]
"""The step on each axis of a space."""

Region = tuple[int, ...]
"""The steps on each axis of a space, as bit masks: all cells whose every step is among them."""

_A_MONDAY = datetime(2025, 1, 6)  # noqa: DTZ001 - the zone is that of the axis


class Axis(Protocol):
    """One fact, as far as policies tell its values apart."""

    @property
    def name(self) -> str:
        """What the fact is called in a policy, such as `risk_level` or `metadata.amount`."""

    @property
    def size(self) -> int:
        """How many steps it has."""

    def locate(self, facts: Facts) -> int:
        """Return the step on which these facts stand."""

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts as they would be on this step, all else as it is."""


@dataclass(frozen=True)
class RiskAxis:
    """The risk, from low to high."""

    name: str = "risk_level"
    size: int = len(RiskLevel)

    def locate(self, facts: Facts) -> int:
        """Return 0 for low."""
        return tuple(RiskLevel).index(facts.risk_level)

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts at this risk."""
        return replace(facts, risk_level=tuple(RiskLevel)[step])


@dataclass(frozen=True)
class WordAxis:
    """A domain or a task type: one of the named words, and last any other."""

    name: str
    words: tuple[str, ...]

    @property
    def size(self) -> int:
        """One for each word, and one for all others."""
        return len(self.words) + 1

    def locate(self, facts: Facts) -> int:
        """Return the place of the word."""
        return self.places.get(getattr(facts, self.name), len(self.words))

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each word. A list of domains may be long."""
        return {word: place for place, word in enumerate(self.words)}

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts with this word."""
        changed: dict[str, Any] = {self.name: [*self.words, another(self.words)][step]}
        return replace(facts, **changed)


@dataclass(frozen=True)
class SignalsAxis:
    """Which of the named signals were raised: the step is the set of them, as bits."""

    signals: tuple[Signal, ...]
    name: str = "signals"

    @property
    def size(self) -> int:
        """One for each set of signals."""
        return 1 << len(self.signals)

    def locate(self, facts: Facts) -> int:
        """Return the set, as bits."""
        return sum(1 << place for place, signal in enumerate(self.signals) if signal in facts.signals)

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts with just these of the named signals; others stay as they are."""
        raised = {signal for place, signal in enumerate(self.signals) if step >> place & 1}
        return replace(facts, signals=facts.signals - set(self.signals) | raised)


@dataclass(frozen=True)
class ConfidenceAxis:
    """How sure the agent is.

    First nothing proposed, then a proposal without a confidence, then each stretch from one bound to before the next.
    """

    bounds: tuple[float, ...]
    name: str = "confidence"

    @property
    def size(self) -> int:
        """Two, and one for each stretch."""
        return len(self.bounds) + 2

    def locate(self, facts: Facts) -> int:
        """Return the step; whoever proposes nothing is sure of nothing."""
        if not facts.has_proposal or facts.confidence is None:
            return int(facts.has_proposal)
        return 1 + bisect_right(self.bounds, facts.confidence)

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts at the lower bound of this stretch."""
        return replace(facts, has_proposal=step > 0, confidence=self.bounds[step - 2] if step > 1 else None)


@dataclass(frozen=True)
class MetadataAxis:
    """A field of the metadata: missing, of a type that is not asked about, or of one that is.

    Then come false and true, each named text and any other, each named number and each stretch between two of them.
    """

    field: str
    booleans: bool
    texts: tuple[str, ...] | None
    numbers: tuple[float, ...] | None

    @property
    def name(self) -> str:
        """Such as `metadata.amount`."""
        return f"metadata.{self.field}"

    @property
    def size(self) -> int:
        """How many steps there are."""
        return len(self.samples)

    @cached_property
    def samples(self) -> tuple[Any, ...]:
        """One value for each step; None where the field is missing."""
        found: list[Any] = [None, {}]
        found += [False, True] if self.booleans else []
        found += [] if self.texts is None else [*self.texts, another(self.texts)]
        return (*found, *(() if self.numbers is None else _around(self.numbers)))

    @property
    def first_text(self) -> int:
        """The step of the first named text."""
        return 4 if self.booleans else 2

    @property
    def first_number(self) -> int:
        """The step of all numbers below the first named one."""
        return self.first_text + (0 if self.texts is None else len(self.texts) + 1)

    def locate(self, facts: Facts) -> int:
        """Return the step of the value."""
        given = facts.metadata.get(self.field)
        kind = type_of(given)
        if given is None:
            return 0
        if kind is FieldType.BOOLEAN and self.booleans:
            return 2 + int(given)
        if kind is FieldType.TEXT and self.texts is not None:
            return self.first_text + (self.texts.index(given) if given in self.texts else len(self.texts))
        if kind is FieldType.NUMBER and self.numbers is not None:
            return self.first_number + bisect_left(self.numbers, given) + bisect_right(self.numbers, given)
        return 1

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts with a value of this step."""
        others = {name: value for name, value in facts.metadata.items() if name != self.field}
        return replace(facts, metadata=others if step == 0 else others | {self.field: self.samples[step]})


@dataclass(frozen=True)
class TimeAxis:
    """The time of the week on the clocks of a time zone: not known, or a stretch between two named minutes."""

    timezone: str
    edges: tuple[int, ...]
    name: str = "time"

    @property
    def size(self) -> int:
        """One for each stretch, and one for no time at all. The first stretch begins on Monday 00:00."""
        return len(self.edges) + 1

    def locate(self, facts: Facts) -> int:
        """Return the step."""
        if facts.moment is None:
            return 0
        return bisect_right(self.edges, minute_of_the_week(facts.moment, self.timezone))

    def opened(self, timezone: str) -> Iterator[tuple[int, int]]:
        """Yield each step with a known time, and the minute at which its stretch begins in this zone, the only one."""
        yield from enumerate(self.edges, start=1)

    def place(self, facts: Facts, step: int) -> Facts:
        """Return the facts at the beginning of this stretch, in the week of Monday 2025-01-06."""
        if step == 0:
            return replace(facts, moment=None)
        local = _A_MONDAY + timedelta(minutes=self.edges[step - 1])
        return replace(facts, moment=local.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC))


class FactSpace:
    """The axes on which some policies ask for something, those of risk and confidence last."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        named = _Named(policies)
        self.axes: tuple[Axis, ...] = (*named.axes(), RiskAxis(), ConfidenceAxis(named.bounds))
        self.full: Region = tuple((1 << axis.size) - 1 for axis in self.axes)
        self.index = {axis.name: place for place, axis in enumerate(self.axes)}
        self.risk, self.confidence = len(self.axes) - 2, len(self.axes) - 1

    @property
    def size(self) -> int:
        """How many cells there are."""
        return prod(axis.size for axis in self.axes)

    def locate(self, facts: Facts) -> Cell:
        """Return the cell in which facts stand."""
        return tuple(axis.locate(facts) for axis in self.axes)

    def facts(self, cell: Cell, base: Facts | None = None) -> Facts:
        """Return facts that stand in this cell; what no axis is about is as in `base`."""
        facts = base or Facts(RiskLevel.LOW, "any", "any", None)
        for axis, step in zip(self.axes, cell, strict=True):
            facts = axis.place(facts, step)
        return facts

    def sample(self, box: Region) -> Facts:
        """Return facts that stand in this box, on its lowest steps that are not about what is missing."""
        return self.facts(tuple(_lowest(mask, axis) for mask, axis in zip(box, self.axes, strict=True)))


def steps(mask: int) -> Iterator[int]:
    """Yield the steps of a bit mask, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def mask_of(chosen: Iterable[int]) -> int:
    """Return the bit mask of some steps."""
    mask = 0
    for step in chosen:
        mask |= 1 << step
    return mask


def another(words: Sequence[str]) -> str:
    """Return a word that is none of these."""
    other = "other"
    while other in words:
        other += "_"
    return other


def _lowest(mask: int, axis: Axis) -> int:
    # Where a plainer example can be had, it is none of what is missing or of a type that nobody asks about.
    dull = {ConfidenceAxis: 0b11, MetadataAxis: 0b11, TimeAxis: 0b1, TimesAxis: 0b1}.get(type(axis), 0)
    return next(steps(mask & ~dull or mask))


def _around(numbers: tuple[float, ...]) -> list[float]:
    """Return a number for each step: below the first, the first, between it and the second, and so on."""
    if not numbers:
        return [0]
    found: list[float] = [_beyond(numbers[0], -1)]
    for number, following in zip(numbers, (*numbers[1:], None), strict=True):
        found += [number, _beyond(number, 1) if following is None else _between(number, following)]
    return found


def _beyond(number: float, sign: int) -> float:
    far = number + sign * max(1, abs(number))
    # What is greater still is no number; where none lies beyond, this is a step that nothing stands on.
    return far if abs(far) <= MAX_NUMBER or abs(number) >= MAX_NUMBER else sign * MAX_NUMBER


def _between(low: float, high: float) -> float:
    whole = int(low // 1) + 1
    return whole if whole < high else low + (high - low) / 2


class _Named:
    """All values that some policies name."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.domains: set[str] = set()
        self.task_types: set[str] = set()
        self.signals: set[Signal] = set()
        self._bounds: set[float] = {0.0}
        self._edges: dict[str, set[int]] = {}
        self._fields: dict[str, dict[FieldType, set[Any]]] = {}
        for policy in policies:
            for rule in policy.rules:
                for _, said in rule.conditions.walk():
                    self._add(said, policy)

    @property
    def bounds(self) -> tuple[float, ...]:
        return tuple(sorted(self._bounds))

    def axes(self) -> Iterator[Axis]:
        """Yield an axis for each fact that is asked about, besides risk and confidence."""
        if self.domains:
            yield WordAxis("domain", tuple(sorted(self.domains)))
        if self.task_types:
            yield WordAxis("task_type", tuple(sorted(self.task_types)))
        times = [(zone, tuple(sorted(edges | {0}))) for zone, edges in sorted(self._edges.items())]
        if len(times) == 1:
            yield TimeAxis(*times[0])
        elif times:
            yield TimesAxis(tuple(zone for zone, _ in times), tuple(edges for _, edges in times))
        for field, kinds in sorted(self._fields.items()):
            yield _metadata_axis(field, kinds)
        if self.signals:
            yield SignalsAxis(tuple(sorted(self.signals, key=tuple(Signal).index)))

    def _add(self, said: Conditions, policy: Policy) -> None:
        self.domains.update(said.domain)
        self.task_types.update(said.task_type)
        self.signals |= said.signals.named
        self._bounds |= {bound for bound in (said.min_confidence, said.max_confidence) if bound is not None}
        if said.time is not None:
            edges = {edge % MINUTES_OF_A_WEEK for stretch in said.time.minutes for edge in stretch}
            self._edges.setdefault(policy.timezone, set()).update(edges)
        for field, comparison in said.metadata.items():
            named = {value for _, value in comparison.operands}
            self._fields.setdefault(field, {}).setdefault(policy.metadata[field], set()).update(named)


def _metadata_axis(field: str, kinds: dict[FieldType, set[Any]]) -> MetadataAxis:
    texts, numbers = kinds.get(FieldType.TEXT), kinds.get(FieldType.NUMBER)
    return MetadataAxis(
        field,
        FieldType.BOOLEAN in kinds,
        None if texts is None else tuple(sorted(texts)),
        None if numbers is None else tuple(sorted(numbers)),
    )


def end_of(bounds: tuple[float, ...], step: int) -> float:
    """Return where the stretch of confidences on this step (from 2) ends; the last one ends just above 1."""
    return bounds[step - 1] if step - 1 < len(bounds) else nextafter(1.0, inf)
