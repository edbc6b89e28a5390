"""What a change of policy changes: not lines of text, but every region of cases whose answer becomes another one.

Exact over the cells of both policies (see `cells`), windows of time on different clocks among them (see `clocks`). A
task is taken to be asked for by one user at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.domain.words import Action, Agreement, OnTimeout
from hitl_orchestrator.policies.boxes import merged
from hitl_orchestrator.policies.cells import Box, Space
from hitl_orchestrator.policies.concerns import held_where_asked
from hitl_orchestrator.policies.diagram import FALLEN_BACK, Diagram, deciding
from hitl_orchestrator.policies.engine import carried_by
from hitl_orchestrator.policies.language import Comparison, Conditions, FieldType
from hitl_orchestrator.policies.schema import FALLBACK, Policy, PolicyStack, Rule, default_role
from hitl_orchestrator.policies.strictest import strictest
from hitl_orchestrator.policies.words import say

MOST_BOXES, MOST_TOLD = 500, 5
_WITHOUT_MERIT = ("rule_id", "reason", "policy_id", "policy_hash", "trace", "layers")


class Direction(StrEnum):
    """Whether the new answer asks for more of people, for less, or only otherwise."""

    LOOSER = "looser"
    STRICTER = "stricter"
    OTHER = "other"


class Answer(NamedTuple):
    """What a policy answers, and by which rule."""

    action: Action
    rule_id: str
    assigned_human_role: str | None


@dataclass(frozen=True)
class Difference:
    """One change of the answer. `where` says in words which cases it is about, and `example` is one of them.

    `aspects` names what differs, such as `approvals 1 to 2`.
    """

    direction: Direction
    before: Answer
    after: Answer
    aspects: tuple[str, ...]
    where: tuple[str, ...]
    example: Facts

    @property
    def sentence(self) -> str:
        """Say it in one sentence, without the example."""
        before, after = self.before, self.after
        if before.action is not after.action or before.assigned_human_role != after.assigned_human_role:
            change = f"{_told(before)} becomes {_told(after)}"
        else:
            change = f"{_told(after)} asks otherwise ({', '.join(self.aspects)})"
        return f"{self.direction}: {change} for {'; and '.join(self.where)}"


def differences(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> tuple[Difference, ...]:
    """Return every change of the answer from one policy to another, looser ones first; none where all stays.

    Raises:
        UnfitInput: the policies are too entangled to be looked through.
    """
    sides = [_Side(old, roles), _Side(new, roles)]
    space = Space(part for side in sides for part in side.named)
    cut = len(sides[0].layers)
    answers = deciding(space, [table for side in sides for table in side.tables(space)]).told_as(
        lambda places: (sides[0].answer(places[:cut]), sides[1].answer(places[cut:]))
    )
    found = [_difference(one, answers, roles) for one in answers.found() if _changed(*one)]
    order = list(Direction)
    return tuple(sorted(found, key=lambda one: (order.index(one.direction), one.before.rule_id, one.after.rule_id)))


class _Said(NamedTuple):
    """A decision that can be told apart from others, whatever its reason."""

    decision: RoutingDecision

    def __hash__(self) -> int:
        return hash((self.decision.rule_id, self.decision.action))


class _Side:
    """One of two policies, with its layers."""

    def __init__(self, policy: Policy, roles: RoleChain) -> None:
        self._policy, self._roles = policy, roles
        self.layers = [one for _, one in policy.parts]
        self._answers = [[_answer_of(rule) for rule in one.by_priority] for one in self.layers]
        stack = policy if isinstance(policy, PolicyStack) else PolicyStack.of(policy)
        self._domains, self._users = sorted(stack.domains), sorted(stack.users)

    @property
    def named(self) -> list[Policy]:
        """The layers, and policies that name whom they concern, so that a space tells these apart."""
        return [*self.layers, *(_naming(domain=(name,)) for name in self._domains)] + [
            _naming(metadata={REQUESTED_BY: Comparison(eq=name)}) for name in self._users
        ]

    def tables(self, space: Space) -> list[list[list[Box]]]:
        """Return the boxes of each layer's rules, no further than where the layer is concerned."""
        return [held_where_asked(name, one, space) for name, one in self._policy.parts]

    def answer(self, places: Sequence[int]) -> _Said:
        """Return the strictest answer of the rules that decide in each layer."""
        first, *others = places
        own = self._answers[0][first] if first != FALLEN_BACK else _decided(FALLBACK, Action.HUMAN_REVIEW, self._roles)
        for answers, place in zip(self._answers[1:], others, strict=True):
            if place != FALLEN_BACK:
                own = strictest(own, answers[place], self._roles)
        return _Said(own)


def _naming(**said: Any) -> Policy:
    rule = Rule(rule_id="where", priority=1, conditions=Conditions(**said), action=Action.ESCALATE)
    return Policy(policy_id="where", metadata={REQUESTED_BY: FieldType.TEXT}, rules=(rule,))


def _answer_of(rule: Rule) -> RoutingDecision:
    return _decided(rule.rule_id, rule.action, None, rule.assigned_human_role).model_copy(update=carried_by(rule))


def _decided(rule_id: str, action: Action, roles: RoleChain | None, role: str | None = None) -> RoutingDecision:
    return RoutingDecision(
        action=action,
        rule_id=rule_id,
        assigned_human_role=role if roles is None else default_role(action, roles),
        reason="",
        policy_id="-",
        policy_hash="-",
    )


def _changed(before: _Said, after: _Said) -> bool:
    return bool(_aspects(before.decision, after.decision))


def _aspects(before: RoutingDecision, after: RoutingDecision) -> tuple[str, ...]:
    one, other = (decision.model_dump(exclude=set(_WITHOUT_MERIT)) for decision in (before, after))
    one |= one.pop("asking")
    other |= other.pop("asking")
    return tuple(
        f"{name} {_shown(value)} to {_shown(other[name])}" for name, value in one.items() if value != other[name]
    )


def _shown(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def direction(before: RoutingDecision, after: RoutingDecision, roles: RoleChain) -> Direction:
    """Return whether the later decision asks for less than the earlier one in any way, else for more in any.

    Between going ahead and asking a person there is nothing else to compare.
    """
    one, other = _demands(before, roles), _demands(after, roles)
    if before.needs_human is not after.needs_human:
        return Direction.STRICTER if after.needs_human else Direction.LOOSER
    if any(less < more for more, less in zip(one, other, strict=True)):
        return Direction.LOOSER
    return Direction.STRICTER if one != other else Direction.OTHER


def _demands(decision: RoutingDecision, roles: RoleChain) -> tuple[float, ...]:
    asking, role = decision.asking, decision.assigned_human_role
    return (
        decision.action.strictness,
        roles.roles.index(role) if role in roles.roles else -1,
        asking.approvals,
        asking.approvals > 1 and asking.agreement is Agreement.UNANIMITY,
        asking.distinct_roles,
        asking.blind,
        decision.on_timeout is not OnTimeout.WAIT or decision.respond_within is None,
        decision.spot_check,
    )


def _difference(change: tuple[_Said, _Said], answers: Diagram[tuple[_Said, _Said]], roles: RoleChain) -> Difference:
    before, after = (said.decision for said in change)
    regions = answers.regions(lambda found: found is change)
    boxes = [region.box for region in islice(regions, MOST_BOXES)]
    joined = merged(boxes)
    told = [say(box, answers.space) for box in joined[:MOST_TOLD]]
    if next(regions, None) is not None:
        told.append(f"at least {len(joined) - len(told) + 1:,} more such regions")
    elif len(joined) > MOST_TOLD:
        told.append(f"{len(joined) - MOST_TOLD:,} more such regions")
    return Difference(
        direction=direction(before, after, roles),
        before=_answer(before),
        after=_answer(after),
        aspects=_aspects(before, after),
        where=tuple(told),
        example=answers.space.sample(joined[0]),
    )


def _answer(decision: RoutingDecision) -> Answer:
    return Answer(decision.action, decision.rule_id, decision.assigned_human_role)


def _told(answer: Answer) -> str:
    asked = f" by {answer.assigned_human_role}" if answer.assigned_human_role else ""
    return f"{answer.action}{asked} ({answer.rule_id})"
