"""What a change of policy changes: not lines of text, but every region of cases whose answer becomes another one.

Exact over the cells of both policies (see `cells`), windows of time on different clocks among them (see `clocks`).
What changes for tasks that several users request together is told apart where no other task shows such a change; of
very many users, not for every list (`looks_at_every_list`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import combinations, islice
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action, Agreement
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, deciding
from hitl_orchestrator.policies.analysis.describe import join, say
from hitl_orchestrator.policies.analysis.layer_scope import IN_A_LIST, held_where_asked, naming
from hitl_orchestrator.policies.analysis.regions import merged
from hitl_orchestrator.policies.engine.compiled import carried_by
from hitl_orchestrator.policies.engine.partition import FactSpace, Region, another
from hitl_orchestrator.policies.engine.strictness import demands_in_time, strictest
from hitl_orchestrator.policies.language.model import FALLBACK, Policy, PolicyStack, Rule, default_role

MOST_BOXES, MOST_TOLD = 500, 5
MOST_USERS = 6
"""Where layers of no more users than this answer one case, every list of them is looked at."""

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
        return f"{self.direction}: {self.change} for {'; and '.join(self.where)}"

    @property
    def change(self) -> str:
        """Say what becomes what. Where people decide before and after, all is told that is asked of them otherwise."""
        before, after = self.before, self.after
        if before.action is after.action and before.assigned_human_role == after.assigned_human_role:
            return f"{_told(after)} asks otherwise ({', '.join(self.aspects)})"
        change = f"{_told(before)} becomes {_told(after)}"
        if Action.AUTO_APPROVE in (before.action, after.action):
            return change
        named = ("action", "assigned_human_role")
        also = [one for one in self.aspects if one.partition(" ")[0] not in named]
        return f"{change}, and asks otherwise ({', '.join(also)})" if also else change


def differences(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> tuple[Difference, ...]:
    """Return every change of the answer from one policy to another, looser ones first; none where all stays.

    Raises:
        InvalidInput: the policies are too entangled to be looked through.
    """
    sides = _Side(old, roles), _Side(new, roles)
    space = FactSpace(part for side in sides for part in side.named)
    deciders = deciding(space, [table for side in sides for table in side.tables(space)])
    cut = len(sides[0].layers)
    answers = deciders.told_as(lambda places: (sides[0].answer(places[:cut]), sides[1].answer(places[cut:])))
    changes = [one for one in answers.found() if _changed(*one)]
    found = [_difference(one, _regions(answers, one), _Wording(space), roles) for one in changes]
    for one, listed in _changes_of_lists(deciders, sides, {_content(one) for one in changes}).items():
        wording = _Wording(space, listed.users)
        found.append(_difference(one, listed.regions(deciders), wording, roles))
    order = list(Direction)
    return tuple(sorted(found, key=lambda one: (order.index(one.direction), one.before.rule_id, one.after.rule_id)))


class Comparison(NamedTuple):
    """The differences between two policies, looser ones first, and what was not checked."""

    differences: tuple[Difference, ...]
    unchecked: tuple[str, ...]

    @property
    def may_loosen(self) -> bool:
        """Whether a difference is looser. What was not checked counts as looser."""
        return bool(self.unchecked) or any(each.direction is Direction.LOOSER for each in self.differences)


def compare(old: Policy, new: Policy, roles: RoleChain = DEFAULT_CHAIN) -> Comparison:
    """Return every difference between two policies, and what was not checked."""
    lists = f"the combined requests of several users, where layers name more than {MOST_USERS} users"
    return Comparison(differences(old, new, roles), () if looks_at_every_list(old, new) else (lists,))


def looks_at_every_list(old: Policy, new: Policy) -> bool:
    """Whether `differences` looks at every list of users who may request a task together.

    Where layers of more users than `MOST_USERS` answer one case, it looks at lists with one of them alone.
    """
    return len(_users(old) | _users(new)) <= MOST_USERS


def _users(policy: Policy) -> frozenset[str]:
    return frozenset(policy.users) if isinstance(policy, PolicyStack) else frozenset()


class _Said(NamedTuple):
    """A decision that can be told apart from others, whatever its reason."""

    decision: RoutingDecision

    def __hash__(self) -> int:
        return hash((self.decision.rule_id, self.decision.action, self.decision.assigned_human_role))


_Change = tuple[_Said, _Said]


class _Side:
    """One of two policies, with its layers."""

    def __init__(self, policy: Policy, roles: RoleChain) -> None:
        self._policy, self._roles = policy, roles
        self.layers = [one for _, one in policy.parts]
        self._answers = [[_answer_of(rule) for rule in one.by_priority] for one in self.layers]
        self._users = [name.removeprefix("user ") if name.startswith("user ") else None for name, _ in policy.parts]
        self._known: dict[tuple[int, ...], _Said] = {}
        self.users = _users(policy)

    @property
    def named(self) -> list[Policy]:
        """The layers, and policies that name whom they concern, so that a space tells these apart."""
        return [*self.layers, *(one for name, _ in self._policy.parts for one in naming(name))]

    def tables(self, space: FactSpace) -> list[list[list[Region]]]:
        """Return the boxes of each layer's rules, no further than where the layer is concerned."""
        return [held_where_asked(name, one, space) for name, one in self._policy.parts]

    def asked(self, places: Sequence[int], users: Collection[str]) -> tuple[int, ...]:
        """Return which rules decide where of all users these alone requested the task."""
        return tuple(
            place if user is None or user in users else FALLBACK_INDEX
            for user, place in zip(self._users, places, strict=True)
        )

    def answering(self, places: Sequence[int]) -> frozenset[str]:
        """Return the users a rule of whose layer decides."""
        told = zip(self._users, places, strict=True)
        return frozenset(user for user, place in told if user is not None and place != FALLBACK_INDEX)

    def answer(self, places: tuple[int, ...]) -> _Said:
        """Return the strictest answer of the rules that decide in each layer."""
        if places not in self._known:
            self._known[places] = self._strictest(places)
        return self._known[places]

    def _strictest(self, places: tuple[int, ...]) -> _Said:
        first, *others = places
        own = (
            self._answers[0][first] if first != FALLBACK_INDEX else _decided(FALLBACK, Action.HUMAN_REVIEW, self._roles)
        )
        for answers, place in zip(self._answers[1:], others, strict=True):
            if place != FALLBACK_INDEX:
                own = strictest(own, answers[place], self._roles)
        return _Said(own)


class _Listed(NamedTuple):
    """A list of users, the box of all lists, and which rules decide there where it shows a change."""

    users: tuple[str, ...]
    within: Region
    places: set[tuple[int, ...]]

    def regions(self, deciders: Diagram[tuple[int, ...]]) -> Iterator[Region]:
        """Yield the boxes in which it does."""
        return (region.box for region in deciders.regions(self.places.__contains__, self.within))


def _changes_of_lists(
    deciders: Diagram[tuple[int, ...]], sides: tuple[_Side, _Side], known: Collection[_Change]
) -> dict[_Change, _Listed]:
    """Return the changes that show only where a task names its users in a list, and the shortest list that shows each.

    The diagram itself knows tasks of one user, of nobody, and of anybody, which concern every user. Of a list some
    users are asked and others not, and no rule can tell who stands in it. Of most that is asked of people the larger of
    two counts: what gets looser there for several users does so for one of them, or where none has a layer. Distinct
    roles and what happens after the time are not so, and take lists of several.
    """
    space, cut = deciders.space, len(sides[0].layers)
    users, axis = sides[0].users | sides[1].users, space.index.get(f"metadata.{REQUESTED_BY}")
    if not users or axis is None:
        return {}
    within = (*space.full[:axis], IN_A_LIST, *space.full[axis + 1 :])
    found: dict[_Change, dict[tuple[str, ...], dict[_Change, _Listed]]] = {}

    @cache
    def changes(old: tuple[int, ...], new: tuple[int, ...]) -> _Change | None:
        change = sides[0].answer(old), sides[1].answer(new)
        return change if _changed(*change) else None

    for places in sorted(deciders.found(within)):
        own = places[:cut], places[cut:]
        answering = sorted(sides[0].answering(own[0]) | sides[1].answering(own[1]))
        most = len(answering) if len(answering) <= MOST_USERS else 1
        for listed in (some for number in range(most + 1) for some in combinations(answering, number)):
            change = changes(*(side.asked(one, listed) for side, one in zip(sides, own, strict=True)))
            key = None if change is None else _content(change)
            if change is not None and key is not None and key not in known:
                so_far = found.setdefault(key, {}).setdefault(listed, {})
                so_far.setdefault(change, _Listed(listed, within, set())).places.add(places)
    shortest = (lists[min(lists, key=lambda one: (len(one), one))] for lists in found.values())
    return {change: listed for changes_of_it in shortest for change, listed in changes_of_it.items()}


def _content(change: _Change) -> _Change:
    """Return a change without the names of the rules that answer."""
    before, after = (_Said(said.decision.model_copy(update={"rule_id": "-"})) for said in change)
    return before, after


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
    one |= one.pop("requirements")
    other |= other.pop("requirements")
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
    requirements, role = decision.requirements, decision.assigned_human_role
    return (
        decision.action.strictness,
        roles.roles.index(role) if role in roles.roles else -1,
        requirements.approvals,
        requirements.approvals > 1 and requirements.agreement is Agreement.UNANIMITY,
        requirements.distinct_roles,
        requirements.blind,
        *demands_in_time(decision),
        decision.spot_check,
    )


def _regions(answers: Diagram[_Change], change: _Change) -> Iterator[Region]:
    return (region.box for region in answers.regions(lambda found: found is change))


class _Wording(NamedTuple):
    """How boxes are told and shown; where users are given, as tasks that they request in a list."""

    space: FactSpace
    users: tuple[str, ...] | None = None

    def say(self, box: Region) -> str:
        """Say which cases stand in a box."""
        if self.users is None:
            return say(box, self.space)
        axis = self.space.index[f"metadata.{REQUESTED_BY}"]
        told = say((*box[:axis], self.space.full[axis], *box[axis + 1 :]), self.space)
        if len(self.users) > 1:
            return f"{told} requested together by {join(self.users, 'and')}"
        return f"{told} requested by a list of users, of whom {self.users[0] if self.users else 'nobody'} has a layer"

    def example(self, box: Region) -> Facts:
        """Return a case of a box."""
        facts = self.space.sample(box)
        if self.users is None:
            return facts
        axis = self.space.axes[self.space.index[f"metadata.{REQUESTED_BY}"]]
        named = [*self.users] or [another(getattr(axis, "texts", None) or ())]
        return replace(facts, metadata={**facts.metadata, REQUESTED_BY: named})


def _difference(change: _Change, regions: Iterator[Region], wording: _Wording, roles: RoleChain) -> Difference:
    before, after = (said.decision for said in change)
    joined = merged(islice(regions, MOST_BOXES))
    told = [wording.say(box) for box in joined[:MOST_TOLD]]
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
        example=wording.example(joined[0]),
    )


def _answer(decision: RoutingDecision) -> Answer:
    return Answer(decision.action, decision.rule_id, decision.assigned_human_role)


def _told(answer: Answer) -> str:
    asked = f" by {answer.assigned_human_role}" if answer.assigned_human_role else ""
    return f"{answer.action}{asked} ({answer.rule_id})"
