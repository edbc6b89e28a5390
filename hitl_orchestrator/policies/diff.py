"""Where one policy answers otherwise than another, and whether it asks for less there."""

from enum import StrEnum
from itertools import chain, islice

from hitl_orchestrator.domain.decision import Asking, Facts, RoutingDecision
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Confidence, Label, Value
from hitl_orchestrator.domain.words import Action
from hitl_orchestrator.policies.check import representatives
from hitl_orchestrator.policies.engine import CompiledPolicy
from hitl_orchestrator.policies.schema import Policy

_MOST_CASES = 20_000


class Direction(StrEnum):
    """Whether a new answer asks for more, for less, or for something else."""

    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"


class Answer(Value):
    """What a policy answers."""

    action: Action
    rule_id: Label
    assigned_human_role: Label | None
    asking: Asking
    spot_check: Confidence = 0.0


class Difference(Value):
    """A kind of cases that is answered otherwise, with an example."""

    direction: Direction
    before: Answer
    after: Answer
    where: str
    example: Facts

    @property
    def sentence(self) -> str:
        """Say it in words."""
        old, new = (_said(one) for one in (self.before, self.after))
        return f"{self.direction}: {self.where}: {old} becomes {new}"


def differences(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> tuple[Difference, ...]:
    """Return where the answers of two policies differ."""
    both = Policy(policy_id="both", rules=tuple(_apart(old, "old") + _apart(new, "new")))
    one, other = CompiledPolicy(old, roles), CompiledPolicy(new, roles)
    found: dict[tuple[object, ...], Difference] = {}
    for facts in islice(representatives(both), _MOST_CASES):
        before, after = _answer(one.decide(facts)), _answer(other.decide(facts))
        direction = _direction(before, after, roles)
        if direction is not None:
            known = (direction, before.rule_id, after.rule_id)
            told = {"direction": direction, "before": before, "after": after, "where": _where(facts)}
            found.setdefault(known, Difference(**told, example=facts))
    return tuple(chain(found.values()))


def _apart(policy: Policy, prefix: str) -> list:  # type: ignore[type-arg]
    return [rule.model_copy(update={"rule_id": f"{prefix}.{rule.rule_id}"}) for rule in policy.rules]


def _answer(decision: RoutingDecision) -> Answer:
    return Answer(
        action=decision.action,
        rule_id=decision.rule_id,
        assigned_human_role=decision.assigned_human_role,
        asking=decision.asking,
        spot_check=decision.spot_check,
    )


def _direction(before: Answer, after: Answer, roles: RoleChain) -> Direction | None:
    old, new = _measures(before, roles), _measures(after, roles)
    if old == new:
        return None
    looser = old[0] > new[0] or (old[0] == new[0] and any(one > other for one, other in zip(old, new, strict=True)))
    return Direction.LOOSER if looser else Direction.STRICTER


def _measures(answer: Answer, roles: RoleChain) -> tuple[float, ...]:
    role = answer.assigned_human_role
    rank = roles.roles.index(role) if role in roles.roles else -1
    return answer.action.strictness, rank, answer.asking.approvals, answer.asking.blind, answer.spot_check


def _where(facts: Facts) -> str:
    sure = "no confidence" if facts.confidence is None else f"confidence {facts.confidence:.2f}"
    return f"{facts.risk_level} risk, {facts.domain}, {facts.task_type}, {sure}"


def _said(answer: Answer) -> str:
    by = f" by {answer.assigned_human_role}" if answer.assigned_human_role else ""
    return f"{answer.action}{by} ({answer.rule_id})"
