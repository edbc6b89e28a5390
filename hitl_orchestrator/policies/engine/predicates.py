"""The conditions of a rule as things that can be asked of facts, and that can say in plain words what they found.

What a condition says must be true of every case in the same cell (see `engine`): it may name the bounds and words of
the policy, and never the exact confidence of one case.

A condition holds, does not, or is unknown: what is compared is missing, or of another type. Unknown is never read as
good news (Kleene's strong logic): a rule that lets a case go ahead must surely hold, and a rule that asks for a person
holds unless it surely does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, Signal
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_DAY, Comparison, Conditions, FieldType, Window
from hitl_orchestrator.policies.language.model import Policy, Rule, type_of


class Condition(Protocol):
    """One thing that must hold."""

    def holds(self, facts: Facts) -> bool | None:
        """Whether it holds for these facts, which are sound (see `engine`); None where that is unknown."""

    def finding(self, facts: Facts) -> str:
        """Say what is so: the condition where it holds, the contrary where it does not, what is missing else."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A fact is one of the named words."""

    field: str
    noun: str
    words: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether the fact is one of the words."""
        return getattr(facts, self.field) in self.words

    def finding(self, facts: Facts) -> str:
        """Such as `the risk is not low or medium`."""
        return f"{self.noun} is {'' if self.holds(facts) else 'not '}{_either(self.words)}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The confidence reaches a bound."""

    bound: float

    def holds(self, facts: Facts) -> bool:
        """Whether there is a confidence, and it is the bound or more."""
        return facts.confidence is not None and facts.confidence >= self.bound

    def finding(self, facts: Facts) -> str:
        """Such as `the confidence is at least 0.6`."""
        return _confidence(facts, "at least" if self.holds(facts) else "below", self.bound)


@dataclass(frozen=True, slots=True)
class Below:
    """The confidence stays below a bound."""

    bound: float

    def holds(self, facts: Facts) -> bool:
        """Whether there is a confidence, and it is less than the bound."""
        return facts.confidence is not None and facts.confidence < self.bound

    def finding(self, facts: Facts) -> str:
        """Such as `the confidence is not below 0.6`."""
        return _confidence(facts, "below" if self.holds(facts) else "not below", self.bound)


@dataclass(frozen=True, slots=True)
class Raised:
    """At least one of the named signals was raised."""

    signals: tuple[Signal, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether at least one of them was."""
        return not facts.signals.isdisjoint(self.signals)

    def finding(self, facts: Facts) -> str:
        """Such as `the signal risky or unusual was not raised`."""
        return f"the signal {_either(self.signals)} was {'' if self.holds(facts) else 'not '}raised"


@dataclass(frozen=True, slots=True)
class AllRaised:
    """Each of the named signals was raised."""

    signals: tuple[Signal, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether all of them were."""
        return facts.signals.issuperset(self.signals)

    def finding(self, facts: Facts) -> str:
        """Such as `the signals risky and unusual were not all raised`."""
        told = " and ".join(self.signals)
        return f"the signals {told} were {'' if self.holds(facts) else 'not '}all raised"


@dataclass(frozen=True, slots=True)
class NoneRaised:
    """None of the named signals was raised."""

    signals: tuple[Signal, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether none of them was."""
        return facts.signals.isdisjoint(self.signals)

    def finding(self, facts: Facts) -> str:
        """Such as `the signal risky or unusual was raised`."""
        return f"the signal {_either(self.signals)} was {'not ' if self.holds(facts) else ''}raised"


_OPERATORS: dict[str, tuple[Callable[[Any, Any], bool], str, str]] = {
    "eq": (eq, "is", "is not"),
    "ne": (ne, "is not", "is"),
    "lt": (lt, "is below", "is not below"),
    "le": (le, "is at most", "is above"),
    "gt": (gt, "is above", "is at most"),
    "ge": (ge, "is at least", "is below"),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A field of the metadata is compared with a value of the type that the policy declares for it."""

    name: str
    kind: FieldType
    operator: str
    value: Any

    def holds(self, facts: Facts) -> bool | None:
        """Whether it compares so; None where the field is missing or holds another type."""
        given = facts.metadata.get(self.name)
        if type_of(given) is not self.kind:
            return None
        return _OPERATORS[self.operator][0](given, self.value)

    def finding(self, facts: Facts) -> str:
        """Such as `amount is above 10000`, or `amount is missing`."""
        holds = self.holds(facts)
        if holds is None:
            return _missing(self.name, self.kind, facts)
        return f"{self.name} {_OPERATORS[self.operator][1 if holds else 2]} {_shown(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    """A field of the metadata is one of several values of the type that the policy declares for it."""

    name: str
    kind: FieldType
    values: tuple[Any, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Whether it is; None where the field is missing or holds another type."""
        given = facts.metadata.get(self.name)
        return given in self.values if type_of(given) is self.kind else None

    def finding(self, facts: Facts) -> str:
        """Such as `country is not DE or AT`."""
        holds = self.holds(facts)
        if holds is None:
            return _missing(self.name, self.kind, facts)
        return f"{self.name} is {'' if holds else 'not '}{_either(map(_shown, self.values))}"


@dataclass(frozen=True, slots=True)
class Exists:
    """A field of the metadata is there, or is not; null is as good as nothing."""

    name: str
    wanted: bool

    def holds(self, facts: Facts) -> bool:
        """Whether it is as wanted."""
        return (facts.metadata.get(self.name) is not None) is self.wanted

    def finding(self, facts: Facts) -> str:
        """Such as `amount is missing`."""
        return f"{self.name} is {'there' if self.wanted is self.holds(facts) else 'missing'}"


@dataclass(frozen=True)
class During:
    """The task's timestamp lies in a window of the week, on the clocks of a time zone."""

    window: Window
    timezone: str

    @cached_property
    def _open(self) -> tuple[tuple[int, int], ...]:
        return self.window.minutes

    def holds(self, facts: Facts) -> bool | None:
        """Whether it does; None where no time is known."""
        if facts.moment is None:
            return None
        minute = minute_of_the_week(facts.moment, self.timezone)
        return any(begins <= minute < ends for begins, ends in self._open)

    def finding(self, facts: Facts) -> str:
        """Such as `it is not saturday or sunday, 09:00 to 17:00 (UTC)`."""
        holds = self.holds(facts)
        if holds is None:
            return "the time of the task is not known"
        days = _either(self.window.days) if self.window.days else "any day"
        return f"it is {'' if holds else 'not '}{days}, {self.window.begins} to {self.window.ends} ({self.timezone})"


@dataclass(frozen=True, slots=True)
class Every:
    """Several conditions that must all hold."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Whether all do; None where none surely does not, and some is unknown."""
        return _all_hold(one.holds(facts) for one in self.parts)

    def finding(self, facts: Facts) -> str:
        """Say what holds, or the first that does not."""
        holds = self.holds(facts)
        if holds:
            return " and ".join(one.finding(facts) for one in self.parts) or "it asks for nothing"
        return next(one.finding(facts) for one in self.parts if one.holds(facts) is holds)


@dataclass(frozen=True, slots=True)
class Some:
    """Several conditions of which one must hold."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Whether one does; None where none surely does, and some is unknown."""
        holds = _all_hold(_denied(one.holds(facts)) for one in self.parts)
        return _denied(holds)

    def finding(self, facts: Facts) -> str:
        """Say which one holds, or why none does."""
        holds = self.holds(facts)
        if holds is False:
            return " and ".join(one.finding(facts) for one in self.parts)
        return next(one.finding(facts) for one in self.parts if one.holds(facts) is holds)


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that must not hold."""

    part: Condition

    def holds(self, facts: Facts) -> bool | None:
        """Whether it does not; None where that is unknown."""
        return _denied(self.part.holds(facts))

    def finding(self, facts: Facts) -> str:
        """Say what was found of the condition itself, which says it all."""
        return self.part.finding(facts)


@dataclass(frozen=True, slots=True)
class SomethingToApprove:
    """What `auto_approve` needs whatever its rule says: a proposal, and a confidence in it."""

    def holds(self, facts: Facts) -> bool:
        """Whether both are there."""
        return facts.has_proposal and facts.confidence is not None

    def finding(self, facts: Facts) -> str:
        """Such as `auto_approve needs a confidence, and there is none`."""
        if self.holds(facts):
            return "there is a proposal with a confidence"
        return f"auto_approve needs a {'confidence' if facts.has_proposal else 'proposal'}, and there is none"


def conditions_of(rule: Rule, policy: Policy) -> tuple[Condition, ...]:
    """Return what a rule of the policy asks, in the order it is asked. `SomethingToApprove` is not among them."""
    return _parts(rule.conditions, policy)


def _parts(said: Conditions, policy: Policy) -> tuple[Condition, ...]:
    asked: list[Condition] = [
        OneOf(field, noun, words)
        for field, noun, words in (
            ("risk_level", "the risk", said.risk_level),
            ("domain", "the domain", said.domain),
            ("task_type", "the task type", said.task_type),
        )
        if words
    ]
    if said.min_confidence is not None:
        asked.append(AtLeast(said.min_confidence))
    if said.max_confidence is not None:
        asked.append(Below(said.max_confidence))
    signals = said.signals
    tests = ((Raised, signals.any), (AllRaised, signals.all), (NoneRaised, signals.none))
    asked += [test(named) for test, named in tests if named]
    for name, comparison in said.metadata.items():
        asked += _comparisons(name, comparison, policy.metadata[name])
    if said.time is not None:
        asked.append(During(said.time, policy.timezone))
    asked += [Every(_parts(one, policy)) for one in said.all]
    if said.any:
        asked.append(Some(tuple(Every(_parts(one, policy)) for one in said.any)))
    if said.not_ is not None:
        asked.append(Not(Every(_parts(said.not_, policy))))
    return tuple(asked)


def _comparisons(name: str, said: Comparison, kind: FieldType) -> list[Condition]:
    asked: list[Condition] = [] if said.exists is None else [Exists(name, said.exists)]
    asked += [Compared(name, kind, operator, value) for operator, value in said.operands if operator != "in"]
    return [*asked, Among(name, kind, said.in_)] if said.in_ else asked


def guards_of(rule: Rule) -> tuple[Condition, ...]:
    """Return what must hold besides what the rule asks."""
    return (SomethingToApprove(),) if rule.action is Action.AUTO_APPROVE else ()


def stands_in_the_way(rule: Rule, holds: bool | None) -> bool:
    """Whether a condition keeps the rule from deciding: it does not hold, or is unknown and the rule would approve."""
    return holds is False or (holds is None and rule.action is Action.AUTO_APPROVE)


def minute_of_the_week(moment: datetime, timezone: str) -> int:
    """Return the minutes since Monday 00:00 on the clocks of a time zone."""
    local = moment.astimezone(ZoneInfo(timezone))
    return local.weekday() * MINUTES_OF_A_DAY + local.hour * 60 + local.minute


def _all_hold(verdicts: Iterable[bool | None]) -> bool | None:
    known = list(verdicts)
    return False if False in known else None if None in known else True


def _denied(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


def _missing(name: str, kind: FieldType, facts: Facts) -> str:
    if facts.metadata.get(name) is None:
        return f"{name} is missing"
    return f"{name} is not a {kind}, as the policy declares it"


def _shown(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _either(words: Iterable[str]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} or {last}" if first else last


def _confidence(facts: Facts, relation: str, bound: float) -> str:
    return "there is no confidence" if facts.confidence is None else f"the confidence is {relation} {bound}"
