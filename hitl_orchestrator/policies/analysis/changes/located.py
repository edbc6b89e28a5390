"""The changes of the answer between two policies: their regions, without what earlier rules imply, and their edits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.changes.edits import Edit
from hitl_orchestrator.policies.analysis.changes.model import Answer, Difference, aspects_of, direction
from hitl_orchestrator.policies.analysis.changes.sides import Change, Pair, Side
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram
from hitl_orchestrator.policies.analysis.describe import describe
from hitl_orchestrator.policies.analysis.regions import covers, merged, widened
from hitl_orchestrator.policies.engine.partition import FactSpace, Region

_MOST_REGIONS = 100_000
"""Regions of one change that are looked at; if there are more, the description says so."""
_MOST_WIDENED = 60
"""Changes whose descriptions are shortened, the gravest first; it takes a walk through the diagram for each."""
UNLESS_EARLIER, UNLESS_STRICTER = "unless an earlier rule decides", "unless an earlier rule or another layer decides"


class Changes:
    """The changes of the answer between two sides, and the regions of each."""

    def __init__(
        self, sides: tuple[Side, Side], space: FactSpace, deciders: Diagram[tuple[int, ...]], edited: Sequence[Edit]
    ) -> None:
        self._sides, self._space, self._deciders, self._edited = sides, space, deciders, edited
        self._answers = deciders.relabeled(self._change)
        self._decided: dict[Change, list[tuple[int, ...]]] = {}
        for rules in deciders.labels():
            self._decided.setdefault(self._change(rules), []).append(rules)

    def differences(self, roles: RoleChain) -> list[Difference]:
        """Return a difference for each change of the answer, the gravest first."""
        found = []
        for change, size in self._answers.sizes().items():
            before, after = (label.decision for label in change)
            aspects = aspects_of(before, after)
            if aspects:
                way, facts = direction(before, after, roles), Facts(RiskLevel.LOW, "any", "any", None)
                answers = _answer(before), _answer(after)
                found.append((Difference(way, *answers, aspects, (), facts, self._edits_of(change), size), change))
        found.sort(key=lambda pair: (*pair[0].harm, pair[0].before.rule_id, pair[0].after.rule_id))
        return [self._located(*pair, shorten=place < _MOST_WIDENED) for place, pair in enumerate(found)]

    def _located(self, difference: Difference, change: Change, *, shorten: bool) -> Difference:
        """Return a difference with its regions and an example, without the facts that earlier rules imply."""
        regions = (each.region for each in self._answers.regions(lambda label: label is change))
        if not shorten:
            joined = merged(islice(regions, _MOST_REGIONS // 200))
            where = [describe(region, self._space) for region in joined]
        else:
            fitting = self._deciders.relabeled(self._fits(change))
            joined = []
            for region in islice(regions, _MOST_REGIONS):
                if not any(covers(wide, region) for wide in joined):
                    joined.append(region)
                    joined[-1] = self._widened(region, fitting)
            where = [self._described(region, change) for region in merged(joined)]
        if next(regions, None) is not None:
            where.append("further such regions, too many to list")
        first = next(each.region for each in self._answers.regions(lambda label: label is change))
        return replace(difference, where=tuple(where), example=self._space.sample(first))

    def _widened(self, region: Region, fitting: Diagram[bool]) -> Region:
        """Drop facts that earlier rules imply, but never the risk and the confidence."""
        space = self._space
        within = (*space.full[: space.risk], *region[space.risk :])
        return widened(region, space, within, lambda wide: fitting.example(lambda fits: not fits, wide) is None)

    def _described(self, region: Region, change: Change) -> str:
        exact = self._answers.example(lambda label: label is not change, region) is None
        unless = UNLESS_STRICTER if len(self._sides[1].names) > 1 else UNLESS_EARLIER
        return describe(region, self._space) + ("" if exact else f", {unless}")

    def _change(self, rules: tuple[int, ...]) -> Change:
        cut = len(self._sides[0].layers)
        return self._sides[0].answer(rules[:cut]), self._sides[1].answer(rules[cut:])

    def _pairs(self, rules: tuple[int, ...]) -> Iterator[Pair]:
        """Yield the layers, each with the rule that decided in it and the rule that decides in it now."""
        old, new = self._sides
        before = dict(zip(old.names, rules, strict=False))
        after = dict(zip(new.names, rules[len(old.names) :], strict=True))
        for name in dict.fromkeys((*old.names, *new.names)):
            places = before.get(name, FALLBACK_INDEX), after.get(name, FALLBACK_INDEX)
            yield Pair(name, *places, old.rule_id(name, places[0]), new.rule_id(name, places[1]))

    def _fits(self, change: Change) -> Callable[[tuple[int, ...]], bool]:
        """Return whether rules decide as in a change, or earlier ones do in a layer that the change is about.

        Where the same rule decides as in the change, before it or after it, nothing changed, so that does not fit. If
        the rules of the change decide, and only the answer of another layer hides it, that fits too.
        """
        members = frozenset(self._decided[change])
        pairs = {pair for rules in members for pair in self._pairs(rules)}
        edited = {(edit.layer, edit.rule_id) for edit in self._edited}
        # Where the same rules decide as before, the change is about the edited ones.
        moved = {pair for pair in pairs if pair.old_id != pair.new_id} or {
            pair for pair in pairs if (pair.layer, pair.new_id) in edited
        }
        ids = {label.decision.rule_id for label in change}
        of_layers = {pair for pair in moved if ids == {pair.old_id, pair.new_id}}

        def fits(rules: tuple[int, ...]) -> bool:
            return rules in members or any(
                here in of_layers or any(here.layer == pair.layer and here.is_earlier(pair) for pair in moved)
                for here in self._pairs(rules)
            )

        return fits

    def _edits_of(self, change: Change) -> tuple[str, ...]:
        """Return the edits that led to the change, or else all that may have led to it.

        Where another rule decides than before, the edits that move one of the two led to it, and those of the answer of
        the rule that decides now. Where the same rule decides, those of its answer did.
        """
        pairs = {pair for rules in self._decided[change] for pair in self._pairs(rules)}
        moved = [pair for pair in pairs if pair.old_id != pair.new_id]
        places = {(pair.layer, rule_id) for pair in moved for rule_id in (pair.old_id, pair.new_id)}
        answers = {(pair.layer, pair.new_id) for pair in moved}
        involved = {(pair.layer, rule_id) for pair in pairs for rule_id in (pair.old_id, pair.new_id)}

        def led(edit: Edit, moving: set[tuple[str, str]], answering: set[tuple[str, str]]) -> bool:
            own = edit.rule_id is not None and (edit.layer, edit.rule_id) in answering
            return own or any((edit.layer, rule_id) in moving for rule_id in edit.moves)

        for moving, answering in ((places, answers), (set(), involved), (involved, involved)):
            found = [each.text for each in self._edited if led(each, moving, answering)]
            if found:
                return tuple(found)
        return tuple(each.text for each in self._edited)


def _answer(decision: RoutingDecision) -> Answer:
    return Answer(decision.action, decision.rule_id, decision.assigned_human_role)
