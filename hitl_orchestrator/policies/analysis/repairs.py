"""The smallest changes of a policy that resolve a monotonicity finding, found by search.

A repair sets one bound of one rule to another bound of the policy; only where no such change helps, two bounds, or the
action of one of the two rules. Every repair is verified: it resolves the finding, and it causes no new one.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import combinations, islice
from math import prod
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.check import certain_findings, check_layer
from hitl_orchestrator.policies.analysis.checks.decisions import decisions_of
from hitl_orchestrator.policies.analysis.checks.layer_analysis import Analyzed, LayerAnalysis
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, Leaf, Node, deciding
from hitl_orchestrator.policies.analysis.diff import Direction, direction
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.monotonicity import demand_of, demands_of
from hitl_orchestrator.policies.analysis.regions import contains, intersection, regions
from hitl_orchestrator.policies.engine.partition import Cell, Region
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.phrases import format_value
from hitl_orchestrator.policies.language.rule import Rule

_BOUNDS = ("min_confidence", "max_confidence")
_MOST_WORK = 200_000
"""The steps of diagrams that may be examined for one policy, all its layers together: about a second."""

_COST_OF_A_TRIAL = 3
"""A diagram of two policies and the check of the changed one cost about as much as three diagrams of one policy."""

_COST_OF_A_CHECK = 5
"""The whole check of a policy costs about as much as five trials, and a look at one candidate a tenth a rule."""

_MOST_CANDIDATES = 150
_Path = tuple[str | int, ...]


class Effect(StrEnum):
    """The effect of a repair on the cases whose answer it changes."""

    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    CHANGES = "changes"


_EFFECTS = {Direction.STRICTER: Effect.TIGHTENS, Direction.LOOSER: Effect.LOOSENS}


class Repair(NamedTuple):
    """A change that resolves a finding, and the changed policy. `cells` is the number of cells it affects."""

    sentence: str
    effect: Effect
    cells: int
    policy: Policy


class _Change(NamedTuple):
    """A changed rule, in place of the rule with its id."""

    sentence: str
    rule: Rule


class _Trial(NamedTuple):
    """A change that causes no new finding: the findings that remain, and the repair."""

    remaining: frozenset[object]
    repair: Repair


class _Budget:
    """The work that is left, in steps of diagrams, so that every machine finds the same repairs."""

    def __init__(self) -> None:
        self._left = _MOST_WORK

    def spend(self, work: int) -> bool:
        """Deduct the work; return False where not enough is left."""
        if work > self._left:
            return False
        self._left -= work
        return True


def with_repairs(policy: Policy, findings: Iterable[Finding], roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return the findings of `check`, each `monotonicity` finding with its repairs.

    A note is added where there are too many changes to try them all.
    """
    repaired, budget, unfinished = list(findings), _Budget(), 0
    for name, layer in policy.parts:
        own = [index for index, finding in enumerate(repaired) if (finding.layer or ORGANIZATION) == name]
        wanted = [index for index in own if repaired[index].kind is FindingKind.MONOTONICITY]
        if wanted:
            search = _Search(layer, name, roles, [repaired[index] for index in own], budget)
            for index, repairs_of_it in zip(wanted, search.repairs([repaired[each] for each in wanted]), strict=True):
                sentences = tuple(repair.sentence for repair in repairs_of_it)
                repaired[index] = repaired[index].model_copy(update={"repairs": sentences})
            unfinished += search.unfinished
    if unfinished:
        warnings = "one of the warnings" if unfinished == 1 else f"{unfinished} of the warnings"
        sentence = f"the search for repairs of {warnings} was stopped: there are too many changes to try them all"
        repaired.append(Finding(severity=Severity.NOTE, rule_id=None, kind=FindingKind.UNCHECKED, sentence=sentence))
    return repaired


def repairs(
    policy: Policy, finding: Finding, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION
) -> tuple[Repair, ...]:
    """Return the smallest repair that tightens the policy, then the smallest that loosens it.

    Either may be missing. Of the repairs that change the fewest bounds, the one that affects the fewest cells is the
    smallest.
    """
    return _Search(policy, layer, roles, check_layer(policy, roles, layer), _Budget()).repairs([finding])[0]


class _Search:
    """The search for repairs of one policy, or of one layer, with every change that was tried."""

    def __init__(
        self, policy: Policy, layer: str, roles: RoleChain, findings: Iterable[Finding], budget: _Budget
    ) -> None:
        self._policy, self._roles, self._budget = policy, roles, budget
        self._layer = LayerAnalysis(policy, layer)
        self._demands = demands_of(policy, roles)
        self._regions, self._space = self._layer.regions, self._layer.space
        self._cost = self._layer.work * _COST_OF_A_TRIAL + sum(map(len, self._regions))
        listed = list(findings)
        self._before, self._exact = frozenset(map(_key, listed)), frozenset(map(_exact_key, listed))
        self._clean: dict[str, bool] = {}
        self._bounds = {rule.rule_id: list(_other_bounds(rule, policy)) for rule in policy.by_priority}
        self._changed: dict[str, list[Region]] = {}
        self._trials: dict[tuple[str, ...], _Trial | None] = {}
        self.unfinished = 0

    def repairs(self, findings: Sequence[Finding]) -> list[tuple[Repair, ...]]:
        """Return the repairs of each finding; the cheapest changes are tried for all findings first."""
        repairs: list[tuple[Repair, ...]] = [() for _ in findings]
        stopped: set[int] = set()
        for candidates in (self._one_bound, self._one_action, self._two_bounds):
            for index, finding in enumerate(findings):
                if not repairs[index]:
                    repairs[index], complete = self._among(candidates(finding), finding)
                    stopped |= set() if complete else {index}
        self.unfinished = sum(1 for index in stopped if not repairs[index])
        return repairs

    def _one_bound(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        """Yield each bound of each rule at each other bound of the policy, the rules of the finding first."""
        involved = {finding.rule_id, *finding.rules}
        for rule_id in sorted(self._bounds, key=lambda each: each not in involved):
            yield from ((change,) for change in self._bounds[rule_id])

    def _one_action(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        return ((change,) for change in _other_actions(self._policy, finding, self._roles))

    def _two_bounds(self, finding: Finding) -> Iterator[tuple[_Change, ...]]:
        return combinations((change for (change,) in self._one_bound(finding)), 2)

    def _among(self, candidates: Iterator[tuple[_Change, ...]], finding: Finding) -> tuple[tuple[Repair, ...], bool]:
        """Return the repairs among these changes, and whether all of them were tried."""
        cells = [self._space.locate(Facts.from_json(example)) for example in finding.examples]
        matches = [[_any_contains(regions, cell) for regions in self._regions] for cell in cells]
        repairs: list[Repair] = []
        for number, changes in enumerate(candidates):
            if number == _MOST_CANDIDATES or not self._budget.spend(1 + len(self._layer.rules) // 10):
                return self._smallest(repairs), False
            if self._helps(changes, cells, matches):
                key = tuple(change.sentence for change in changes)
                if key not in self._trials:
                    if not self._budget.spend(self._cost):
                        return self._smallest(repairs), False
                    self._trials[key] = self._try(changes)
                trial = self._trials[key]
                if trial is not None and _key(finding) not in trial.remaining:
                    repairs.append(trial.repair)
        return self._smallest(repairs), True

    def _helps(self, changes: tuple[_Change, ...], cells: Sequence[Cell], matches: Sequence[Sequence[bool]]) -> bool:
        """Return whether the worse of the two example cases is then treated at least as strictly as the better one."""
        instead = {change.rule.rule_id: change for change in changes}
        if len(instead) < len(changes):
            return False
        strict = []
        for cell, matching in zip(cells, matches, strict=True):
            strict.append(self._demands[FALLBACK_INDEX])
            for index, (rule, matches_now) in enumerate(zip(self._layer.rules, matching, strict=True)):
                change = instead.get(rule.rule_id)
                if matches_now if change is None else _any_contains(self._regions_of(change), cell):
                    now = self._demands[index] if change is None else demand_of(change.rule, self._roles)
                    strict[-1] = now
                    break
        worse, better = strict
        return worse >= better

    def _changed_policy(self, changes: tuple[_Change, ...]) -> Policy:
        instead = {change.rule.rule_id: change.rule for change in changes}
        rules = tuple(instead.get(rule.rule_id, rule) for rule in self._policy.rules)
        return self._policy.model_copy(update={"rules": rules})

    def _regions_of(self, change: _Change) -> list[Region]:
        """Return where a changed rule matches."""
        if change.sentence not in self._changed:
            matching = regions(change.rule, self._policy, self._space)
            cut = (intersection(region, self._layer.scope) for region in matching)
            self._changed[change.sentence] = [region for region in cut if region is not None]
        return self._changed[change.sentence]

    def _try(self, changes: tuple[_Change, ...]) -> _Trial | None:
        """Return the effect of a change; None if it causes a new finding, or leaves more to the fallback."""
        instead = {change.rule.rule_id: change for change in changes}
        pairs = [(instead.get(rule.rule_id), own) for rule, own in zip(self._layer.rules, self._regions, strict=True)]
        matching = [own if change is None else self._regions_of(change) for change, own in pairs]
        changed = self._changed_policy(changes)
        try:
            both = deciding(self._space, [self._regions, matching])
        except InvalidInput:
            return None
        if any(new == FALLBACK_INDEX != old for old, new in both.labels()):
            return None
        analyzed = Analyzed(matching, both.relabeled(lambda indices: indices[1]))
        remaining: set[object] = set()
        for finding in certain_findings(LayerAnalysis(changed, self._layer.layer, self._space, analyzed), self._roles):
            if _key(finding) not in self._before:
                return None
            remaining.add(_key(finding))
        return _Trial(frozenset(remaining), self._repair(changes, changed, both))

    def _repair(self, changes: tuple[_Change, ...], changed: Policy, both: Diagram[tuple[int, ...]]) -> Repair:
        silent = self._layer.silent
        before, after = (decisions_of(each, self._roles, silent=silent) for each in (self._policy, changed))
        differs = both.relabeled(lambda indices: before[indices[0]] != after[indices[1]])
        shifts = {direction(before[old], after[new], self._roles) for old, new in both.labels()} - {Direction.OTHER}
        effect = _EFFECTS[shifts.pop()] if len(shifts) == 1 else Effect.CHANGES
        sentence = f"{' and '.join(change.sentence for change in changes)} ({effect})"
        return Repair(sentence, effect, _count_cells(differs), changed)

    def _smallest(self, repairs: Sequence[Repair]) -> tuple[Repair, ...]:
        """Return the smallest repair of each effect; one that tightens and loosens only if there is no other."""
        by_size = sorted(repairs, key=lambda repair: repair.cells)
        smallest = {
            effect: next((each for each in by_size if each.effect is effect and self._is_clean(each)), None)
            for effect in (Effect.TIGHTENS, Effect.LOOSENS)
        }
        chosen = tuple(repair for repair in smallest.values() if repair is not None)
        others = (repair for repair in by_size if repair.effect is Effect.CHANGES and self._is_clean(repair))
        return chosen or tuple(islice(others, 1))

    def _is_clean(self, repair: Repair) -> bool:
        """Return whether the whole check of the repaired policy has no warning or error that is new."""
        if repair.sentence not in self._clean:
            if not self._budget.spend(self._cost * _COST_OF_A_CHECK):
                return False
            findings = check_layer(repair.policy, self._roles, self._layer.layer)
            self._clean[repair.sentence] = all(_exact_key(each) in self._exact for each in findings if _matters(each))
        return self._clean[repair.sentence]


def _any_contains(regions: Iterable[Region], cell: Cell) -> bool:
    return any(contains(region, cell) for region in regions)


def _matters(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTE


def _exact_key(finding: Finding) -> object:
    return finding.severity, finding.kind, finding.rule_id, finding.rules


def _key(finding: Finding) -> object:
    """Return the key that distinguishes findings. Gaps are compared cell by cell instead."""
    if finding.kind is FindingKind.GAP:
        return finding.kind
    rules = () if finding.kind is FindingKind.UNREACHABLE else finding.rules
    sentence = finding.sentence if finding.kind is FindingKind.APPROVES_TOO_MUCH else ""
    return finding.kind, finding.rule_id, rules, sentence


def _other_bounds(rule: Rule, policy: Policy) -> Iterator[_Change]:
    """Yield the rule with each of its bounds at each other bound of the policy."""
    everywhere = [conditions for other in policy.rules for _, conditions in other.conditions.walk()]
    bounds = {getattr(conditions, name) for conditions in everywhere for name in _BOUNDS} - {None}
    for path, conditions in rule.conditions.walk():
        for name in _BOUNDS:
            now = getattr(conditions, name)
            for bound in () if now is None else sorted(bounds - {now}):
                if not _fits(conditions, name, bound):
                    continue
                changed = rule.model_copy(update={"conditions": _put(rule.conditions, path, name, bound)})
                verb, where = "raise" if bound > now else "lower", ".".join([*map(str, path), name])
                values = f"from {format_value(now)} to {format_value(bound)}"
                yield _Change(f"{verb} {rule.rule_id}'s {where} {values}", changed)


def _fits(conditions: Conditions, name: str, bound: float) -> bool:
    low, high = ({each: getattr(conditions, each) for each in _BOUNDS} | {name: bound}).values()
    return low is None or high is None or low < high


def _put(conditions: Conditions, path: _Path, name: str, bound: float) -> Conditions:
    """Return the conditions with another bound at the end of a path."""
    if not path:
        return conditions.model_copy(update={name: bound})
    if path[0] == "not" and conditions.not_ is not None:
        return conditions.model_copy(update={"not_": _put(conditions.not_, path[1:], name, bound)})
    if path[0] == "at_least" and conditions.at_least is not None:
        several = list(conditions.at_least.of)
        several[int(path[2])] = _put(several[int(path[2])], path[3:], name, bound)
        return conditions.model_copy(update={"at_least": conditions.at_least.model_copy(update={"of": tuple(several)})})
    field, index = str(path[0]), int(path[1])
    inner = list(getattr(conditions, field))
    inner[index] = _put(inner[index], path[2:], name, bound)
    return conditions.model_copy(update={field: tuple(inner)})


def _other_actions(policy: Policy, finding: Finding, roles: RoleChain) -> Iterator[_Change]:
    """Yield the more lenient rule with the action of the stricter one, then the reverse."""
    by_id = {rule.rule_id: rule for rule in policy.rules}
    pair = [by_id[rule_id] for rule_id in (finding.rule_id, *finding.rules) if rule_id is not None]
    actions = [*(rule.action for rule in pair), Action.HUMAN_REVIEW][:2]
    for rule, wanted in zip(pair, reversed(actions), strict=False):
        fields = {"rule_id": rule.rule_id, "priority": rule.priority, "conditions": rule.conditions}
        changed = Rule.model_validate(fields | {"action": wanted}, context={"roles": roles})
        if wanted is not rule.action:
            yield _Change(f"change the action of {rule.rule_id} to {wanted}", changed)


def _count_cells(diagram: Diagram[bool]) -> int:
    """Return the number of cells labeled True."""
    sizes = [axis.size for axis in diagram.space.axes]
    counts: dict[int, int] = {}

    def count(here: "Node[bool] | Leaf[bool]", axis: int) -> int:
        if isinstance(here, Leaf):
            return prod(sizes[axis:]) if here.label else 0
        if id(here) not in counts:
            counts[id(here)] = sum(mask.bit_count() * count(following, here.axis + 1) for mask, following in here.edges)
        return prod(sizes[axis : here.axis]) * counts[id(here)]

    return count(diagram.root, 0)
