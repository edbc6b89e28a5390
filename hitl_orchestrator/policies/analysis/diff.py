"""The effect of a policy change: not lines of text, but every region of cases whose answer changes.

The comparison is exact over the cells of both policies (see `partition`). `unchecked` names the two things that it does
not cover: time windows in different time zones, and tasks that several users request together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from hitl_orchestrator.domain.decision import FALLBACK, Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action, Agreement
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, deciding
from hitl_orchestrator.policies.analysis.describe import describe
from hitl_orchestrator.policies.analysis.layer_scope import regions_in_scope, scope_policies
from hitl_orchestrator.policies.analysis.regions import merged
from hitl_orchestrator.policies.engine.compiled import decision_fields
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.engine.strictness import deadline_demands, strictest
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, policy_hash
from hitl_orchestrator.policies.language.rule import Rule, default_role

MOST_REGIONS, MOST_DESCRIBED = 500, 5
_NOT_COMPARED = ("rule_id", "reason", "policy_id", "policy_hash", "trace", "layers")
_COVERED_USERS = 2
"""Of two user layers, either, both or none answers a task, and the diagram has a cell for each of the four."""


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

    `aspects` names the differing requirements, such as `approvals 1 to 2`.
    """

    direction: Direction
    before: Answer
    after: Answer
    aspects: tuple[str, ...]
    where: tuple[str, ...]
    example: Facts

    @property
    def sentence(self) -> str:
        """Return the change and the cases in one sentence, without the example."""
        return f"{self.direction}: {self.change} for {'; and '.join(self.where)}"

    @property
    def change(self) -> str:
        """Return the answer before and after. Where people decide in both, name every requirement that differs."""
        before, after = self.before, self.after
        if before.action is after.action and before.assigned_human_role == after.assigned_human_role:
            return f"{_phrase(after)} has other requirements ({', '.join(self.aspects)})"
        change = f"{_phrase(before)} becomes {_phrase(after)}"
        if Action.AUTO_APPROVE in (before.action, after.action):
            return change
        named = ("action", "assigned_human_role")
        others = [aspect for aspect in self.aspects if aspect.partition(" ")[0] not in named]
        return f"{change}, with other requirements ({', '.join(others)})" if others else change


class PolicyComparison(NamedTuple):
    """The differences between two policies, looser ones first, and the unchecked parts."""

    differences: tuple[Difference, ...]
    unchecked: tuple[str, ...]

    @property
    def may_loosen(self) -> bool:
        """Whether a difference is looser. An unchecked part counts as looser."""
        return bool(self.unchecked) or any(each.direction is Direction.LOOSER for each in self.differences)


def compare(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> PolicyComparison:
    """Return every change of the answer from one policy to another."""
    sides = _Side(old, roles), _Side(new, roles)
    try:
        space = FactSpace(policy for side in sides for policy in side.policies)
        deciders = deciding(space, [table for side in sides for table in side.tables(space)])
    except InvalidInput as exc:
        return PolicyComparison((), exc.problems)
    cut = len(sides[0].layers)
    answers = deciders.relabeled(lambda rules: (sides[0].answer(rules[:cut]), sides[1].answer(rules[cut:])))
    changes = [change for change in answers.labels() if _aspects(change[0].decision, change[1].decision)]
    differences = [_difference(change, _regions(answers, change), space, roles) for change in changes]
    order = list(Direction)
    differences.sort(key=lambda each: (order.index(each.direction), each.before.rule_id, each.after.rule_id))
    return PolicyComparison(tuple(differences), tuple(_unchecked_lists(old, new)))


def _unchecked_lists(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a sentence where a change may show only for tasks that several users request together.

    The diagram has a cell for tasks of each user, of no user with a layer, and of all users. It has none for a list of
    some of them. There nothing can get looser that does not get looser for a single user or for none: of every
    requirement the larger of two counts. Exceptions are distinct roles, which are dropped where too few roles are left,
    the action at a timeout, and rules that read `requested_by` themselves, which a list leaves unknown.
    """
    users = {user for policy in (old, new) if isinstance(policy, PolicyStack) for user in policy.users}
    rules = [rule for policy in (old, new) for _, layer in policy.parts for rule in layer.rules]
    reads_users = any(REQUESTED_BY in part.metadata for rule in rules for _, part in rule.conditions.walk())
    interacts = any(rule.distinct_roles or rule.respond_within is not None for rule in rules)
    if policy_hash(old) == policy_hash(new) or not users:
        return
    if reads_users or (interacts and len(users) > _COVERED_USERS):
        yield "tasks that several users request together were not compared; compare their layers by hand"


class _Labeled(NamedTuple):
    """A decision as a label of cells: equality ignores the reason."""

    decision: RoutingDecision

    def __hash__(self) -> int:
        return hash((self.decision.rule_id, self.decision.action, self.decision.assigned_human_role))


_Change = tuple[_Labeled, _Labeled]


class _Side:
    """One of the two policies, with its layers."""

    def __init__(self, policy: Policy, roles: RoleChain) -> None:
        self._policy, self._roles = policy, roles
        self.layers = [layer for _, layer in policy.parts]
        self._answers = [[_answer_of(rule) for rule in layer.by_priority] for layer in self.layers]
        self._cache: dict[tuple[int, ...], _Labeled] = {}

    @property
    def policies(self) -> list[Policy]:
        """The layers, and policies that name their scopes, so that a space distinguishes these."""
        return [*self.layers, *(scope for name, _ in self._policy.parts for scope in scope_policies(name))]

    def tables(self, space: FactSpace) -> list[list[list[Region]]]:
        """Return the regions of each layer's rules, within the scope of the layer."""
        return [regions_in_scope(name, layer, space) for name, layer in self._policy.parts]

    def answer(self, rules: tuple[int, ...]) -> _Labeled:
        """Return the strictest answer of the rules that decide in each layer."""
        if rules not in self._cache:
            self._cache[rules] = _Labeled(self._strictest(rules))
        return self._cache[rules]

    def _strictest(self, rules: Sequence[int]) -> RoutingDecision:
        first, *others = rules
        role = default_role(Action.HUMAN_REVIEW, self._roles)
        fallback = _decision(FALLBACK, Action.HUMAN_REVIEW, role)
        answer = fallback if first == FALLBACK_INDEX else self._answers[0][first]
        for answers, index in zip(self._answers[1:], others, strict=True):
            if index != FALLBACK_INDEX:
                answer = strictest(answer, answers[index], self._roles)
        return answer


def _answer_of(rule: Rule) -> RoutingDecision:
    return _decision(rule.rule_id, rule.action, rule.assigned_human_role).model_copy(update=decision_fields(rule))


def _decision(rule_id: str, action: Action, role: str | None) -> RoutingDecision:
    return RoutingDecision(
        action=action, rule_id=rule_id, assigned_human_role=role, reason="", policy_id="-", policy_hash="-"
    )


def _aspects(before: RoutingDecision, after: RoutingDecision) -> tuple[str, ...]:
    old, new = (decision.model_dump(exclude=set(_NOT_COMPARED)) for decision in (before, after))
    old |= old.pop("requirements")
    new |= new.pop("requirements")
    return tuple(f"{name} {_value(old[name])} to {_value(new[name])}" for name in old if old[name] != new[name])


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def direction(before: RoutingDecision, after: RoutingDecision, roles: RoleChain) -> Direction:
    """Return `looser` if the later decision requires less in any respect, else `stricter` if it requires more in any.

    Where one of them approves automatically and the other does not, only that counts.
    """
    old, new = _demands(before, roles), _demands(after, roles)
    if before.needs_human is not after.needs_human:
        return Direction.STRICTER if after.needs_human else Direction.LOOSER
    if any(less < more for more, less in zip(old, new, strict=True)) or _drops_people(before, after):
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
    )


def _regions(answers: Diagram[_Change], change: _Change) -> Iterator[Region]:
    return (labeled.region for labeled in answers.regions(lambda label: label is change))


def _difference(change: _Change, regions: Iterator[Region], space: FactSpace, roles: RoleChain) -> Difference:
    before, after = (label.decision for label in change)
    joined = merged(islice(regions, MOST_REGIONS))
    where = [describe(region, space) for region in joined[:MOST_DESCRIBED]]
    if next(regions, None) is not None:
        where.append(f"at least {len(joined) - len(where) + 1:,} more such regions")
    elif len(joined) > MOST_DESCRIBED:
        where.append(f"{len(joined) - MOST_DESCRIBED:,} more such regions")
    return Difference(
        direction=direction(before, after, roles),
        before=Answer(before.action, before.rule_id, before.assigned_human_role),
        after=Answer(after.action, after.rule_id, after.assigned_human_role),
        aspects=_aspects(before, after),
        where=tuple(where),
        example=space.sample(joined[0]),
    )


def _phrase(answer: Answer) -> str:
    role = f" by {answer.assigned_human_role}" if answer.assigned_human_role else ""
    return f"{answer.action}{role} ({answer.rule_id})"
