"""The signals that scoring raised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Signal
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.phrases import join

_SIGNALS = frozenset(Signal)
_Cube = tuple[bool | None, ...]
"""For each signal whether it is raised; None where that does not matter."""


@dataclass(frozen=True, slots=True)
class Raised:
    """At least one of some signals was raised, or none of them where not `wanted`."""

    signals: tuple[Signal, ...]
    wanted: bool

    def holds(self, facts: Facts) -> bool:
        return facts.signals.isdisjoint(self.signals) is not self.wanted

    def describe(self, facts: Facts) -> str:
        """Return such as `the signal risky or unusual was not raised`."""
        raised = self.holds(facts) is self.wanted
        return f"the signal {join(self.signals, 'or')} was {'' if raised else 'not '}raised"


@dataclass(frozen=True, slots=True)
class AllRaised:
    """Each of some signals was raised."""

    signals: tuple[Signal, ...]

    def holds(self, facts: Facts) -> bool:
        return facts.signals.issuperset(self.signals)

    def describe(self, facts: Facts) -> str:
        """Return such as `the signals risky and unusual were not all raised`."""
        return f"the signals {' and '.join(self.signals)} were {'' if self.holds(facts) else 'not '}all raised"


@dataclass(frozen=True)
class SignalsAxis(base.Axis):
    """One step for each set of the named signals: the set, as bits."""

    signals: tuple[Signal, ...]
    name: str = "signals"
    phrase_order: int = 3
    source: str = "signals"

    @property
    def size(self) -> int:
        return 1 << len(self.signals)

    def locate(self, facts: Facts) -> int:
        return base.mask_of(bit for bit, signal in enumerate(self.signals) if signal in facts.signals)

    def place(self, facts: Facts, step: int) -> Facts:
        raised = {signal for bit, signal in enumerate(self.signals) if step >> bit & 1}
        return replace(facts, signals=facts.signals - set(self.signals) | raised)

    def problem(self, facts: Facts) -> str | None:
        if isinstance(facts.signals, frozenset) and facts.signals <= _SIGNALS:
            return None
        return f"facts: signals: {facts.signals!r} is not a frozenset of known signals"

    def reads(self, conditions: Conditions) -> bool:
        return not conditions.signals.is_empty

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return the sets that contain one of `any`, each of `all` and none of `none`, and all other sets."""
        named = reading[0].signals
        some, each, no = (
            base.mask_of(map(self.signals.index, signals)) for signals in (named.any, named.all, named.none)
        )
        holds = base.mask_of(
            step for step in range(self.size) if (not some or step & some) and step & each == each and not step & no
        )
        return base.Steps(holds, (1 << self.size) - 1 & ~holds)

    def describe(self, mask: int) -> str:
        """Describe sets of signals in as few alternatives as a greedy cover finds."""
        left, cover = mask, list[_Cube]()
        for cube in sorted(product((None, True, False), repeat=len(self.signals)), key=_complexity):
            sets = base.mask_of(step for step in range(self.size) if _is_in(step, cube))
            if sets & mask == sets and sets & left:
                left &= ~sets
                cover.append(cube)
        if len(cover) > 1 and all(_complexity(cube) == (1, 0) for cube in cover):
            named = (self.signals[bit] for bit in sorted(cube.index(True) for cube in cover))
            return f"with the signal {join(named, 'or')}"
        return join(map(self._describe_cube, cover), "or")

    def _describe_cube(self, cube: _Cube) -> str:
        present, absent = (
            [signal for signal, raised in zip(self.signals, cube, strict=True) if raised is wanted]
            for wanted in (True, False)
        )
        return _with_and_without(present, absent, last="or")

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `with the signal risky and without the signal unusual`."""
        step = mask.bit_length() - 1
        added, removed = (
            [signal for bit, signal in enumerate(self.signals) if bits >> bit & 1]
            for bits in (step & ~here, here & ~step)
        )
        return _with_and_without(added, removed, last="and")

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        return base.SAME_KIND, (step ^ self.locate(facts)).bit_count(), 0

    def column(self, pl: Any) -> Any:
        texts = pl.col(self.source)
        raised = [texts.str.contains(f'"{signal.value}"', literal=True) for signal in self.signals]
        return pl.sum_horizontal(
            [each.fill_null(value=False).cast(pl.UInt32) * (1 << bit) for bit, each in enumerate(raised)]
        )


def _complexity(cube: _Cube) -> tuple[int, int]:
    return sum(raised is not None for raised in cube), sum(raised is False for raised in cube)


def _is_in(step: int, cube: _Cube) -> bool:
    return all(raised is None or bool(step >> bit & 1) is raised for bit, raised in enumerate(cube))


def _with_and_without(present: Sequence[str], absent: Sequence[str], last: str) -> str:
    phrases = []
    if present:
        phrases.append(f"with the signal{'s' if len(present) > 1 else ''} {join(present, 'and')}")
    if absent:
        phrases.append(f"without the signal{'s' if len(absent) > 1 and last == 'and' else ''} {join(absent, last)}")
    return " and ".join(phrases)


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    signals = reading[0].signals
    if signals.any:
        yield Raised(signals.any, wanted=True)
    if signals.all:
        yield AllRaised(signals.all)
    if signals.none:
        yield Raised(signals.none, wanted=False)


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    named = {signal for conditions, _ in readings for signal in conditions.signals.named}
    if named:
        yield SignalsAxis(tuple(sorted(named, key=tuple(Signal).index)))


SIGNALS = base.Kind(_conditions, _axes)
