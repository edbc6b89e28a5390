"""The conditions of a rule as things that can be asked of facts, and that can say in plain words what they found.

What a condition says must be true of every case in the same cell (see `engine`): it may name the bounds and words of
the policy, and never the exact confidence of one case.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.words import Action, Signal
from hitl_orchestrator.policies.schema import Rule


class Condition(Protocol):
    """One thing that must hold."""

    def holds(self, facts: Facts) -> bool:
        """Whether it holds for these facts, which are sound (see `engine`)."""

    def finding(self, facts: Facts) -> str:
        """Say what is so: the condition where it holds, the contrary where it does not."""


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
    """Any of the named signals was raised."""

    signals: tuple[Signal, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether at least one of them was."""
        return not facts.signals.isdisjoint(self.signals)

    def finding(self, facts: Facts) -> str:
        """Such as `the signal risky or unusual was not raised`."""
        return f"the signal {_either(self.signals)} was {'' if self.holds(facts) else 'not '}raised"


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


def conditions_of(rule: Rule) -> tuple[Condition, ...]:
    """Return what the rule asks, in the order it is asked. `SomethingToApprove` is not among them."""
    said = rule.conditions
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
    if said.signals:
        asked.append(Raised(said.signals))
    return tuple(asked)


def guards_of(rule: Rule) -> tuple[Condition, ...]:
    """Return what must hold besides what the rule asks."""
    return (SomethingToApprove(),) if rule.action is Action.AUTO_APPROVE else ()


def _either(words: Iterable[str]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} or {last}" if first else last


def _confidence(facts: Facts, relation: str, bound: float) -> str:
    return "there is no confidence" if facts.confidence is None else f"the confidence is {relation} {bound}"
