"""One difference between the decisions of two policies, and how grave it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action, Agreement
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.changes.edits import value_in_words
from hitl_orchestrator.policies.engine.strictness import deadline_demands

_NOT_COMPARED = ("rule_id", "reason", "policy_id", "policy_hash", "trace", "layers", "held")
_TEXTS = {"message"}
_MESSAGE = "message "
_DEMANDS = {
    "action",
    "assigned_human_role",
    "approvals",
    "agreement",
    "distinct_roles",
    "blind",
    "respond_within",
    "on_timeout",
    "business_hours",
    "remind_before",
    "spot_check",
    "hold",
    "teams",
    "not_by",
}
"""The fields of a decision that `direction` compares. A field that it does not know counts as looser if it differs."""
_WORDS = {
    "assigned_human_role": "role",
    "respond_within": "time to answer",
    "on_timeout": "at the timeout",
    "remind_before": "reminder before the end",
    "spot_check": "spot checks",
    "hold": "held for a person first",
}


class Direction(StrEnum):
    """Whether the new answer requires more of people, less, or something else."""

    LOOSER = "looser"
    STRICTER = "stricter"
    OTHER = "other"


class Answer(NamedTuple):
    """The answer of a policy, and the rule that gives it."""

    action: Action
    rule_id: str
    assigned_human_role: str | None


@dataclass(frozen=True)
class Difference:
    """One change of the answer. `where` describes the cases that it affects, and `example` is one of them.

    `edits` are the edits that lead to it, such as `small: amount <= 2000 became <= 3000`. `aspects` names the differing
    requirements, such as `approvals 1 to 2`. `kinds` counts the kinds of cases that are affected.
    """

    direction: Direction
    before: Answer
    after: Answer
    aspects: tuple[str, ...]
    where: tuple[str, ...]
    example: Facts
    edits: tuple[str, ...] = ()
    kinds: int = 0

    @property
    def headline(self) -> str:
        """Return the edits that lead to it."""
        return "; ".join(self.edits)

    @property
    def sentence(self) -> str:
        """Return the change and the cases in one sentence, without the example."""
        return f"{self.direction}: {self.change} for {'; and '.join(self.where)}"

    @property
    def change(self) -> str:
        """Return the answer before and after. Where people decide in both, name every requirement that differs."""
        before, after = self.before, self.after
        if before.action is after.action and before.assigned_human_role == after.assigned_human_role:
            # A message is no requirement; it is named where nothing else differs.
            demanded = [aspect for aspect in self.aspects if not aspect.startswith(_MESSAGE)]
            return f"{_phrase(after)} has other requirements ({', '.join(demanded or self.aspects)})"
        change = f"{_phrase(before)} becomes {_phrase(after)}"
        if Action.AUTO_APPROVE in (before.action, after.action):
            return change
        named = ("action ", f"{_WORDS['assigned_human_role']} ", _MESSAGE)
        others = [aspect for aspect in self.aspects if not aspect.startswith(named)]
        return f"{change}, with other requirements ({', '.join(others)})" if others else change

    @property
    def harm(self) -> tuple[int, int, int]:
        """Return the order of the differences: what a person decided and now goes ahead, then what was escalated.

        Then come other looser ones, stricter ones and others, each the larger before the smaller.
        """
        goes_ahead = self.after.action is Action.AUTO_APPROVE and self.before.action is not Action.AUTO_APPROVE
        lowered = self.after.action.strictness < self.before.action.strictness
        escalated = self.before.action is Action.ESCALATE
        grade = int(escalated) if goes_ahead else 2 if lowered else 3
        return list(Direction).index(self.direction), grade, -self.kinds


def _differing(before: RoutingDecision, after: RoutingDecision) -> dict[str, tuple[Any, Any]]:
    old, new = (decision.model_dump(exclude=set(_NOT_COMPARED)) for decision in (before, after))
    old |= old.pop("requirements")
    new |= new.pop("requirements")
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}


def aspects_of(before: RoutingDecision, after: RoutingDecision) -> tuple[str, ...]:
    """Return every requirement that differs, such as `approvals 1 to 2`; nothing where the answers are the same."""
    return tuple(
        f"{_WORDS.get(name, name.replace('_', ' '))} {value_in_words(name, old)} to {value_in_words(name, new)}"
        for name, (old, new) in _differing(before, after).items()
    )


def direction(before: RoutingDecision, after: RoutingDecision, roles: RoleChain) -> Direction:
    """Return `looser` if the later decision requires less in any respect, else `stricter` if it requires more in any.

    Where one of them approves automatically and the other does not, only that counts. A requirement that cannot be
    ordered counts as looser.
    """
    old, new = _demands(before, roles), _demands(after, roles)
    if before.needs_human is not after.needs_human:
        return Direction.STRICTER if after.needs_human else Direction.LOOSER
    unordered = _differing(before, after).keys() - _DEMANDS - _TEXTS
    if unordered or any(less < more for more, less in zip(old, new, strict=True)) or _drops_people(before, after):
        return Direction.LOOSER
    asked = [(each.requirements.teams, each.requirements.not_by) for each in (before, after)]
    return Direction.STRICTER if (old, asked[0]) != (new, asked[1]) else Direction.OTHER


def _drops_people(before: RoutingDecision, after: RoutingDecision) -> bool:
    """Return whether a team need not be asked any more, or a reviewer may decide who might not.

    Another team in place of one counts: neither is stricter than the other.
    """
    old, new = before.requirements, after.requirements
    return not (set(old.teams) <= set(new.teams) and set(old.not_by) <= set(new.not_by))


def _demands(decision: RoutingDecision, roles: RoleChain) -> tuple[float, ...]:
    requirements, role = decision.requirements, decision.assigned_human_role
    return (
        decision.action.strictness,
        -1 if role is None else roles.roles.index(roles.filled(role)),
        requirements.approvals,
        requirements.approvals > 1 and requirements.agreement is Agreement.UNANIMITY,
        requirements.distinct_roles,
        requirements.blind,
        *deadline_demands(decision),
        decision.spot_check,
        decision.hold,
    )


def _phrase(answer: Answer) -> str:
    role = f" by {answer.assigned_human_role}" if answer.assigned_human_role else ""
    return f"{answer.action}{role} ({answer.rule_id})"
