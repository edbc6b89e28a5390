"""The smallest changes of a policy that mend where it treats a riskier task more leniently, found by search.

A change sets one bound of one rule to another bound of the policy; only where no such change helps, two of them, or the
action of one of the two rules. Every proposal is checked: it mends the finding, and brings nothing new.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.check import Part, check_layer, findings_about
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, Leaf, Node, deciding
from hitl_orchestrator.policies.analysis.describe import shown
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity, facts_of
from hitl_orchestrator.policies.analysis.monotonicity import strictness
from hitl_orchestrator.policies.analysis.regions import both, boxes, holds
from hitl_orchestrator.policies.engine.partition import Cell, Region
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, Rule

_BOUNDS = ("min_confidence", "max_confidence")
_MOST_WORK = 800_000
"""So many steps of diagrams may be looked at for one policy, all its layers together: a few seconds."""

_BUILT_AGAIN = 3
"""A diagram of two policies, and the check of the changed one, cost about so much more than the diagram of one."""

_MOST_LOOKED_AT = 150
_AS_FALLBACK = Action.HUMAN_REVIEW.strictness
Path = tuple[str | int, ...]


class Direction(StrEnum):
    """What a change does to the cases that it concerns."""

    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    CHANGES = "changes"


class Repair(NamedTuple):
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
    """A change that brings nothing new: what is then still odd, and what it does."""

    keys: frozenset[object]
    mend: Repair


class _Budget:
    """How much may still be done, in steps of diagrams: the same policy has the same answer on every machine."""

    def __init__(self) -> None:
        self._left = _MOST_WORK

    def allows(self, work: int) -> bool:
        """Take so much of what is left; False where there is not so much."""
        if work > self._left:
            return False
        self._left -= work
        return True


def with_mends(policy: Policy, found: Iterable[Finding], roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return all that is odd about a policy, as `check` found it, each `monotonicity` with what would mend it.

    One more note says where not every change could be tried, as there are too many.
    """
    told, budget, unfinished = list(found), _Budget(), 0
    for name, layer in policy.parts:
        places = [place for place, one in enumerate(told) if (one.layer or ORGANIZATION) == name]
        lenient = [place for place in places if told[place].kind is FindingKind.MONOTONICITY]
        if lenient:
            workshop = _Workshop(layer, name, roles, [told[place] for place in places], budget)
            for place, mended in zip(lenient, workshop.mends([told[place] for place in lenient]), strict=True):
                told[place] = told[place].model_copy(update={"repairs": tuple(one.sentence for one in mended)})
            unfinished += workshop.unfinished
    if unfinished:
        them = "one of the warnings" if unfinished == 1 else f"{unfinished} of the warnings"
        sentence = f"what would mend {them} was not looked for to the end: there are too many changes to try them all"
        told.append(Finding(severity=Severity.NOTE, rule_id=None, kind=FindingKind.UNCHECKED, sentence=sentence))
    return told


def mends(
    policy: Policy, finding: Finding, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION
) -> tuple[Repair, ...]:
    """Return the smallest change that mends a finding by tightening, then the smallest that does so by loosening.

    Either may be missing. Of changes of as few bounds the one that concerns the fewest kinds of cases is the smallest.
    """
    return _Workshop(policy, layer, roles, check_layer(policy, roles, layer), _Budget()).mends([finding])[0]


class _Workshop:
    """One policy, or one layer of it, and every change of it that was tried."""

    def __init__(self, policy: Policy, layer: str, roles: RoleChain, found: Iterable[Finding], budget: _Budget) -> None:
        self._policy, self._roles, self._budget = policy, roles, budget
        self._part = Part(policy, layer)
        self._held, self._space = self._part.boxes, self._part.space
        self._cost = self._part.work * _BUILT_AGAIN + sum(map(len, self._held))
        self._before = frozenset(map(_key, found))
        self._bounds = {rule.rule_id: list(_other_bounds(rule, policy)) for rule in policy.by_priority}
        self._changed: dict[str, list[Region]] = {}
        self._tried: dict[tuple[str, ...], _Trial | None] = {}
        self.unfinished = 0

    def mends(self, findings: Sequence[Finding]) -> list[tuple[Repair, ...]]:
        """Return what would mend each finding; what costs least is tried for all of them first."""
        told: list[tuple[Repair, ...]] = [() for _ in findings]
        ended: set[int] = set()
        for way in (self._one_bound, self._one_action, self._two_bounds):
            for place, finding in enumerate(findings):
                if not told[place]:
                    told[place], to_the_end = self._by(way(finding), finding)
                    ended |= set() if to_the_end else {place}
        self.unfinished = sum(1 for place in ended if not told[place])
        return told

    def _one_bound(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        """Yield each bound of each rule at each other bound of the policy, those of the rules concerned first."""
        concerned = {finding.rule_id, *finding.rules}
        for rule_id in sorted(self._bounds, key=lambda one: one not in concerned):
            yield from ((change,) for change in self._bounds[rule_id])

    def _one_action(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        return ((change,) for change in _other_actions(self._policy, finding, self._roles))

    def _two_bounds(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        return combinations((change for (change,) in self._one_bound(finding)), 2)

    def _by(self, way: Iterator[tuple[_Change, ...]], finding: Finding) -> tuple[tuple[Repair, ...], bool]:
        """Return what mends the finding, and whether this way of changing the policy was gone to its end."""
        cells = [self._space.locate(facts_of(example)) for example in finding.examples]
        seen = [[_any_holds(many, cell) for many in self._held] for cell in cells]
        found: list[Repair] = []
        for number, changes in enumerate(way):
            if number == _MOST_LOOKED_AT:
                return tuple(_smallest(found)), False
            if self._helps(changes, cells, seen):
                named = tuple(one.sentence for one in changes)
                if named not in self._tried:
                    if not self._budget.allows(self._cost):
                        return tuple(_smallest(found)), False
                    self._tried[named] = self._try(changes)
                trial = self._tried[named]
                if trial is not None and _key(finding) not in trial.keys:
                    found.append(trial.mend)
        return tuple(_smallest(found)), True

    def _helps(self, changes: tuple[_Change, ...], cells: Sequence[Cell], seen: Sequence[Sequence[bool]]) -> bool:
        """Whether the two cases that show the finding are treated alike, or the better one more leniently."""
        instead = {change.rule.rule_id: change for change in changes}
        if len(instead) < len(changes):
            return False
        strict = []
        for cell, held in zip(cells, seen, strict=True):
            strict.append(_AS_FALLBACK)
            for rule, holds_now in zip(self._policy.by_priority, held, strict=True):
                change = instead.get(rule.rule_id)
                if holds_now if change is None else _any_holds(self._boxes_of(change), cell):
                    strict[-1] = (rule if change is None else change.rule).action.strictness
                    break
        worse, better = strict
        return worse >= better

    def _boxes_of(self, change: _Change) -> list[Region]:
        """Return where a changed rule holds."""
        if change.sentence not in self._changed:
            held = boxes(change.rule, self._policy, self._space)
            self._changed[change.sentence] = [cut for box in held if (cut := both(box, self._part.region)) is not None]
        return self._changed[change.sentence]

    def _try(self, changes: tuple[_Change, ...]) -> _Trial | None:
        """Return what a change does; None where it brings anything new, or leaves more to the fallback."""
        instead = {change.rule.rule_id: change for change in changes}
        places = [(instead.get(rule.rule_id), held) for rule, held in zip(self._part.rules, self._held, strict=True)]
        held = [before if change is None else self._boxes_of(change) for change, before in places]
        rules = tuple(instead[rule.rule_id].rule if rule.rule_id in instead else rule for rule in self._policy.rules)
        changed = self._policy.model_copy(update={"rules": rules})
        try:
            sides = deciding(self._space, [self._held, held])
        except InvalidInput:
            return None
        found = sides.found()
        if any(new == FALLBACK_INDEX != old for old, new in found):
            return None
        part = Part(changed, self._part.layer, like=self._part, known=(held, sides.told_as(lambda said: said[1])))
        keys: set[object] = set()
        for one in findings_about(part, self._roles):
            if _key(one) not in self._before:
                return None
            keys.add(_key(one))
        return _Trial(frozenset(keys), self._mend(changes, changed, sides))

    def _mend(self, changes: tuple[_Change, ...], changed: Policy, sides: Diagram[tuple[int, ...]]) -> Repair:
        answers = [_answers(one) for one in (self._policy, changed)]
        differs = sides.told_as(lambda said: answers[0][said[0]] != answers[1][said[1]])
        steps = {
            strictness(new, changed) - strictness(old, self._policy)
            for old, new in sides.found()
            if answers[0][old] != answers[1][new]
        }
        direction = Direction.TIGHTENS if min(steps, default=0) > 0 else Direction.CHANGES
        direction = Direction.LOOSENS if max(steps, default=0) < 0 else direction
        sentence = f"{' and '.join(change.sentence for change in changes)} ({direction})"
        return Repair(sentence, direction, _cells(differs, bool), changed)


def _any_holds(many: Iterable[Region], cell: Cell) -> bool:
    return any(holds(box, cell) for box in many)


def _smallest(found: Sequence[Repair]) -> Iterator[Repair]:
    """Yield the smallest change of each direction; one that does both only where there is no other."""
    if not found:
        return
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


def _other_bounds(rule: Rule, policy: Policy) -> Iterator[_Change]:
    """Yield each bound of a rule at each other bound of the policy."""
    walked = [said for one in policy.rules for _, said in one.conditions.walk()]
    bounds = {getattr(said, name) for said in walked for name in _BOUNDS} - {None}
    for path, said in rule.conditions.walk():
        for name in _BOUNDS:
            now = getattr(said, name)
            for bound in () if now is None else sorted(bounds - {now}):
                if not _fits(said, name, bound):
                    continue
                changed = rule.model_copy(update={"conditions": _put(rule.conditions, path, name, bound)})
                yield _Change(f"{_raise(now, bound)} {rule.rule_id}'s {_at(path, name)} {_from(now, bound)}", changed)


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
        place: (rule.action, rule.assigned_human_role, rule.requirements)
        for place, rule in enumerate(policy.by_priority)
    }
    return {FALLBACK_INDEX: None, **said}


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
