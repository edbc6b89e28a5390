"""The conditions of a rule as objects that can be evaluated and described.

The description of a condition must be true of every case in the same cell (see `partition`): it may name the bounds and
words of the policy, and never the exact confidence of one case.

A condition holds, fails, or is unknown where the value that it compares is missing or of another type. Unknown never
counts in favor of a case (Kleene's strong logic): a rule that approves must certainly hold, and a rule that asks for a
person holds unless it certainly fails.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, Action
from hitl_orchestrator.policies.engine.axes.base import Condition
from hitl_orchestrator.policies.engine.axes.domain_and_type import vocabulary_guards
from hitl_orchestrator.policies.engine.partition import EVALUATION_ORDER
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule

NO_CONDITIONS = "it has no conditions"


@dataclass(frozen=True, slots=True)
class Every:
    """Several conditions that must all hold."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Return whether all hold; None where none certainly fails and some is unknown."""
        return _all_hold(part.holds(facts) for part in self.parts)

    def describe(self, facts: Facts) -> str:
        """Describe all conditions where they hold, else the first that does not."""
        holds = self.holds(facts)
        if holds:
            return " and ".join(part.describe(facts) for part in self.parts) or NO_CONDITIONS
        return next(part.describe(facts) for part in self.parts if part.holds(facts) is holds)


@dataclass(frozen=True, slots=True)
class Some:
    """Several conditions; at least one must hold."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Return whether one holds; None where none certainly holds and some is unknown."""
        return _negated(_all_hold(_negated(part.holds(facts)) for part in self.parts))

    def describe(self, facts: Facts) -> str:
        """Describe the first condition that holds, or why none does."""
        holds = self.holds(facts)
        if holds is False:
            return " and ".join(part.describe(facts) for part in self.parts)
        return next(part.describe(facts) for part in self.parts if part.holds(facts) is holds)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Several conditions, of which `n` must hold."""

    n: int
    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Return whether `n` certainly hold; None where the unknown ones decide."""
        verdicts = [part.holds(facts) for part in self.parts]
        certain, possible = verdicts.count(True), len(verdicts) - verdicts.count(False)
        return True if certain >= self.n else False if possible < self.n else None

    def describe(self, facts: Facts) -> str:
        """Describe all conditions with this result: those that hold, or that fail, or are unknown."""
        holds = self.holds(facts)
        return " and ".join(part.describe(facts) for part in self.parts if part.holds(facts) is holds)


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that must not hold."""

    part: Condition

    def holds(self, facts: Facts) -> bool | None:
        """Return whether it fails; None where that is unknown."""
        return _negated(self.part.holds(facts))

    def describe(self, facts: Facts) -> str:
        """Describe the condition itself: the sentence already states whether it holds."""
        return self.part.describe(facts)


@dataclass(frozen=True, slots=True)
class SomethingToApprove:
    """The additional precondition of `auto_approve`: a proposal with a confidence."""

    def holds(self, facts: Facts) -> bool:
        """Return whether there are both."""
        return facts.has_proposal and facts.confidence is not None

    def describe(self, facts: Facts) -> str:
        """Return such as `auto_approve needs a confidence, and there is none`."""
        if self.holds(facts):
            return "there is a proposal with a confidence"
        return f"auto_approve needs a {'confidence' if facts.has_proposal else 'proposal'}, and there is none"


def conditions_of(rule: Rule, policy: Policy) -> tuple[Condition, ...]:
    """Return the conditions of a rule of the policy, in evaluation order. `SomethingToApprove` is not among them."""
    return _parts(rule.when, policy)


def _parts(conditions: Conditions, policy: Policy) -> tuple[Condition, ...]:
    parts: list[Condition] = [part for kind in EVALUATION_ORDER for part in kind.conditions((conditions, policy))]
    parts += [Every(_parts(inner, policy)) for inner in conditions.all]
    if conditions.any:
        parts.append(Some(tuple(Every(_parts(inner, policy)) for inner in conditions.any)))
    if conditions.not_ is not None:
        parts.append(Not(Every(_parts(conditions.not_, policy))))
    if conditions.at_least is not None:
        several = conditions.at_least
        parts.append(AtLeast(several.n, tuple(Every(_parts(inner, policy)) for inner in several.of)))
    return tuple(parts)


def guards_of(rule: Rule, policy: Policy) -> tuple[Condition, ...]:
    """Return the preconditions that hold in addition to the conditions of a rule of the policy."""
    return (SomethingToApprove(), *vocabulary_guards(policy)) if rule.action is Action.AUTO_APPROVE else ()


def foreign_question(rule: Rule, task_type: str) -> str | None:
    """Return why a rule does not apply to a question that the system asks itself; None where it does, or to a task.

    Rules are written for the tasks of agents. One of these questions is subject to the rules that name its task type.
    """
    if task_type not in OWN_QUESTIONS or task_type in named_questions(rule):
        return None
    return f"it does not name the task type {task_type}, a question that the system asks itself"


def named_questions(rule: Rule) -> frozenset[str]:
    """Return the questions of the system that a rule names by their task types."""
    named = {word for _, part in rule.conditions.walk() for word in part.task_type}
    return frozenset(named.intersection(OWN_QUESTIONS))


def blocks(rule: Rule, holds: bool | None) -> bool:
    """Return whether a condition keeps the rule from matching: it fails, or is unknown and the rule would approve."""
    return holds is False or (holds is None and rule.action is Action.AUTO_APPROVE)


def _all_hold(verdicts: Iterable[bool | None]) -> bool | None:
    listed = list(verdicts)
    return False if False in listed else None if None in listed else True


def _negated(holds: bool | None) -> bool | None:
    return None if holds is None else not holds
