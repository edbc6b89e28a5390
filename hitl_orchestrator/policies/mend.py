"""The smallest changes of a policy that mend where it treats a riskier task more leniently, found by search.

A change sets one bound of one rule to another bound of the policy; only where no such change helps, two of them, or the
action of one of the two rules. Every proposal is checked: it mends the finding, and brings nothing new.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import combinations, islice
from typing import NamedTuple

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.words import Action
from hitl_orchestrator.errors import UnfitInput
from hitl_orchestrator.policies.boxes import boxes, holds
from hitl_orchestrator.policies.cells import Box, Cell, Space
from hitl_orchestrator.policies.check import check_layer
from hitl_orchestrator.policies.diagram import FALLEN_BACK, Diagram, Leaf, Node, deciding, held_by
from hitl_orchestrator.policies.findings import Finding, FindingKind, facts_of
from hitl_orchestrator.policies.language import Conditions
from hitl_orchestrator.policies.monotone import strictness
from hitl_orchestrator.policies.schema import ORGANISATION, Policy, Rule
from hitl_orchestrator.policies.words import shown

_BOUNDS = ("min_confidence", "max_confidence")
_MOST_WORK = 40_000
_FEWEST_TRIED = 10
_MOST_LOOKED_AT = 150
Path = tuple[str | int, ...]


class Direction(StrEnum):
    """What a change does to the cases that it concerns."""

    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    CHANGES = "changes"


class Mend(NamedTuple):
    """A change that mends a finding, and the policy as it then is. `cells` are the kinds of cases it concerns."""

    sentence: str
    direction: Direction
    cells: int
    policy: Policy


class _Change(NamedTuple):
    """One rule as it would be, in place of the rule of that id."""

    sentence: str
    rule: Rule


class _Trial(NamedTuple):
    """A change that was tried: what is then odd, and what it does."""

    keys: frozenset[object]
    mend: Mend
    leaves_more: bool


def with_mends(policy: Policy, found: Iterable[Finding], roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return the findings of a policy, those about monotonicity with what would mend them."""
    workshops = {name: _Workshop(layer, name, roles) for name, layer in policy.parts}
    return [
        one.model_copy(
            update={"mends": tuple(mend.sentence for mend in workshops[one.layer or ORGANISATION].mends(one))}
        )
        if one.kind is FindingKind.MONOTONICITY
        else one
        for one in found
    ]


def mends(
    policy: Policy, finding: Finding, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANISATION
) -> tuple[Mend, ...]:
    """Return the smallest change that mends a finding by tightening, then the smallest that does so by loosening.

    Either may be missing. Of changes of as few bounds the one that concerns the fewest kinds of cases is the smallest.
    """
    return _Workshop(policy, layer, roles).mends(finding)


class _Workshop:
    """One policy, or one layer of it, and every change of it that was tried."""

    def __init__(self, policy: Policy, layer: str, roles: RoleChain) -> None:
        self._policy, self._layer, self._roles = policy, layer, roles
        self._space = Space([policy])
        self._held = held_by(policy.by_priority, policy, self._space)
        self._before = frozenset(map(_key, check_layer(policy, roles, layer)))
        self._left = max(_FEWEST_TRIED, _MOST_WORK // max(1, sum(map(len, self._held))) ** 2)
        self._tried: dict[tuple[str, ...], _Trial | None] = {}

    def mends(self, finding: Finding) -> tuple[Mend, ...]:
        bounds = list(_other_bounds(self._policy, finding))
        ways: tuple[Iterable[tuple[_Change, ...]], ...] = (
            ((one,) for one in bounds),
            ((one,) for one in _other_actions(self._policy, finding, self._roles)),
            combinations(bounds, 2),
        )
        shown_by = [self._space.locate(facts_of(example)) for example in finding.examples]
        for way in ways:
            changes = (one for one in islice(way, _MOST_LOOKED_AT) if self._helps(one, shown_by))
            found = [trial.mend for trial in self._trials(changes) if self._is_mended(finding, trial)]
            if found:
                return tuple(_smallest(found))
        return ()

    def _helps(self, changes: tuple[_Change, ...], cells: Sequence[Cell]) -> bool:
        """Whether the two cases that show the finding are treated alike, or the better one more leniently."""
        changed = self._with(changes)
        if changed is None:
            return False
        policy, held = changed
        worse, better = (
            next((place for place, many in enumerate(held) if any(holds(box, cell) for box in many)), FALLEN_BACK)
            for cell in cells
        )
        return strictness(worse, policy) >= strictness(better, policy)

    def _with(self, changes: tuple[_Change, ...]) -> tuple[Policy, list[tuple[Box, ...]]] | None:
        """Return the policy with these changes and the boxes of its rules; None where one rule is changed twice."""
        instead = {change.rule.rule_id: change.rule for change in changes}
        if len(instead) < len(changes):
            return None
        rules = tuple(instead.get(rule.rule_id, rule) for rule in self._policy.rules)
        policy = self._policy.model_copy(update={"rules": rules})
        held = [
            boxes(instead[rule.rule_id], policy, self._space) if rule.rule_id in instead else before
            for rule, before in zip(policy.by_priority, self._held, strict=True)
        ]
        return policy, held

    def _is_mended(self, finding: Finding, trial: _Trial) -> bool:
        return not trial.leaves_more and _key(finding) not in trial.keys and trial.keys <= self._before

    def _trials(self, changes: Iterable[tuple[_Change, ...]]) -> Iterator[_Trial]:
        """Yield what becomes of each change; of a large policy, of the first ones alone."""
        for change in changes:
            named = tuple(one.sentence for one in change)
            if named not in self._tried and self._left:
                self._left -= 1
                self._tried[named] = self._try(change)
            trial = self._tried.get(named)
            if trial is not None:
                yield trial

    def _try(self, changes: tuple[_Change, ...]) -> _Trial | None:
        changed, held = self._with(changes) or (self._policy, self._held)
        try:
            both = deciding(self._space, [self._held, held])
        except UnfitInput:
            return None
        answers = [_answers(one) for one in (self._policy, changed)]
        differs = both.told_as(lambda said: answers[0][said[0]] != answers[1][said[1]])
        steps = {
            strictness(new, changed) - strictness(old, self._policy)
            for old, new in both.found()
            if answers[0][old] != answers[1][new]
        }
        direction = Direction.TIGHTENS if min(steps, default=0) > 0 else Direction.CHANGES
        direction = Direction.LOOSENS if max(steps, default=0) < 0 else direction
        sentence = f"{' and '.join(change.sentence for change in changes)} ({direction})"
        keys = frozenset(map(_key, check_layer(changed, self._roles, self._layer)))
        leaves_more = any(new == FALLEN_BACK != old for old, new in both.found())
        return _Trial(keys, Mend(sentence, direction, _cells(differs, bool), changed), leaves_more)


def _smallest(found: Sequence[Mend]) -> Iterator[Mend]:
    """Yield the smallest change of each direction; one that does both only where there is no other."""
    for direction in (Direction.TIGHTENS, Direction.LOOSENS):
        yield from sorted((one for one in found if one.direction is direction), key=lambda one: one.cells)[:1]
    if all(one.direction is Direction.CHANGES for one in found):
        yield min(found, key=lambda one: one.cells)


def _key(finding: Finding) -> object:
    """Return what tells two findings apart. Gaps are compared cell by cell instead."""
    if finding.kind is FindingKind.GAP:
        return finding.kind
    rules = () if finding.kind is FindingKind.UNREACHABLE else finding.rules
    told = finding.sentence if finding.kind is FindingKind.APPROVES_TOO_MUCH else ""
    return finding.kind, finding.rule_id, rules, told


def _other_bounds(policy: Policy, finding: Finding) -> Iterator[_Change]:
    """Yield each bound of each rule at each other bound of the policy, those of the rules concerned first."""
    walked = [said for rule in policy.rules for _, said in rule.conditions.walk()]
    bounds = {getattr(said, name) for said in walked for name in _BOUNDS} - {None}
    concerned = {finding.rule_id, *finding.rules}
    for rule in sorted(policy.by_priority, key=lambda rule: rule.rule_id not in concerned):
        for path, said in rule.conditions.walk():
            for name in _BOUNDS:
                now = getattr(said, name)
                for bound in () if now is None else sorted(bounds - {now}):
                    if not _fits(said, name, bound):
                        continue
                    changed = rule.model_copy(update={"conditions": _put(rule.conditions, path, name, bound)})
                    yield _Change(
                        f"{_raise(now, bound)} {rule.rule_id}'s {_at(path, name)} {_from(now, bound)}", changed
                    )


def _fits(said: Conditions, name: str, bound: float) -> bool:
    low, high = ({one: getattr(said, one) for one in _BOUNDS} | {name: bound}).values()
    return low is None or high is None or low < high


def _raise(now: float, bound: float) -> str:
    return "raise" if bound > now else "lower"


def _at(path: Path, name: str) -> str:
    return ".".join([*map(str, path), name])


def _from(now: float, bound: float) -> str:
    return f"from {shown(now)} to {shown(bound)}"


def _put(said: Conditions, path: Path, name: str, bound: float) -> Conditions:
    """Return the conditions with another bound at the end of a path."""
    if not path:
        return said.model_copy(update={name: bound})
    if path[0] == "not" and said.not_ is not None:
        return said.model_copy(update={"not_": _put(said.not_, path[1:], name, bound)})
    field, place = str(path[0]), int(path[1])
    inner = list(getattr(said, field))
    inner[place] = _put(inner[place], path[2:], name, bound)
    return said.model_copy(update={field: tuple(inner)})


def _other_actions(policy: Policy, finding: Finding, roles: RoleChain) -> Iterator[_Change]:
    """Yield the more lenient rule with the action of the stricter one, then the contrary."""
    by_id = {rule.rule_id: rule for rule in policy.rules}
    pair = [by_id[one] for one in (finding.rule_id, *finding.rules) if one is not None]
    actions = [*(rule.action for rule in pair), Action.HUMAN_REVIEW][:2]
    for rule, wanted in zip(pair, reversed(actions), strict=False):
        kept = rule.model_dump(mode="json", include={"rule_id", "priority", "conditions"})
        changed = Rule.model_validate(kept | {"action": wanted}, context={"roles": roles})
        if wanted is not rule.action:
            yield _Change(f"make {wanted} the action of {rule.rule_id}", changed)


def _answers(policy: Policy) -> dict[int, object]:
    said = {
        place: (rule.action, rule.assigned_human_role, rule.asking) for place, rule in enumerate(policy.by_priority)
    }
    return {FALLEN_BACK: None, **said}


def _cells(diagram: Diagram[bool], wanted: Callable[[bool], bool]) -> int:
    """Return in how many cells what is so is wanted."""
    sizes = [axis.size for axis in diagram.space.axes]
    known: dict[int, int] = {}

    def skipped(first: int, last: int) -> int:
        cells = 1
        for size in sizes[first:last]:
            cells *= size
        return cells

    def count(here: "Node[bool] | Leaf[bool]", axis: int) -> int:
        if isinstance(here, Leaf):
            return skipped(axis, len(sizes)) if wanted(here.said) else 0
        if id(here) not in known:
            known[id(here)] = sum(mask.bit_count() * count(following, here.axis + 1) for mask, following in here.edges)
        return skipped(axis, here.axis) * known[id(here)]

    return count(diagram.root, 0)
