"""The cases in which a fact is missing or of another type: which rules decide them, and where that is more lenient."""

from collections.abc import Iterator
from itertools import product

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.checks.profiles import Profile
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.regions import intersection, restrict
from hitl_orchestrator.policies.engine.axes.base import Axis, steps_of
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.language.phrases import join
from hitl_orchestrator.policies.language.rule import Rule

_MISSING = 0b1
"""The step of a field on which it is missing."""


def takes_unknown(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield the facts whose absence alone makes a rule for reviewers decide."""
    rule = layer.rules[index]
    if rule.action is Action.AUTO_APPROVE or layer.diagram is None:
        return
    certain = layer.certain(index)
    parts = [part for _, part in rule.when.walk()]
    fields = []
    for number in fields_of(layer):
        axis = layer.space.axes[number]
        if any(map(axis.reads, parts)) and _decides_without(index, number, certain, layer):
            fields.append(axis.name.partition(".")[2])
    if fields:
        sentence = f"it also decides cases without {join(fields, 'or')}"
        yield finding_about(Severity.NOTE, FindingKind.MISSING_FACT, sentence, rule)


def fields_of(layer: LayerAnalysis) -> list[int]:
    """Return the axes of fields, all of which may be missing. The field that names the user of a layer is none."""
    axes = enumerate(layer.space.axes)
    return [index for index, axis in axes if "." in axis.name and layer.scope[index] == layer.space.full[index]]


def _decides_without(index: int, axis: int, certain: list[Region], layer: LayerAnalysis) -> bool:
    """Return whether the rule decides a case without the fact; one that demands it by `exists` does not."""
    for region in layer.regions[index]:
        mask = region[axis] & _MISSING
        cut = restrict(region, axis, mask) if mask else None
        if cut is None or layer.diagram is None or any(intersection(cut, wide) == cut for wide in certain):
            continue
        if layer.diagram.example(index.__eq__, cut) is not None:
            return True
    return False


def lenient_without(axis: int, listed: dict[Profile, Region], layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield each rule on a fact that a case avoids where the fact is missing, by which it is treated more leniently.

    A rule that demands the fact by `exists` is meant to be avoided, which is worth a note.
    """
    fact = layer.space.axes[axis]
    values = ((1 << fact.size) - 1) & ~fact.missing
    worst: dict[int, tuple[int, int, Region]] = {}
    for profile, region in listed.items():
        for missing, step in product(steps_of(fact.missing), steps_of(values)):
            lenient, strict = profile[missing], profile[step]
            if strict == FALLBACK_INDEX or (layer.silent and lenient == FALLBACK_INDEX):
                continue
            lost = layer.strictness[strict] - layer.strictness[lenient]
            if lost > worst.get(strict, (0,))[0] and _reads(layer.rules[strict], fact):
                worst[strict] = lost, lenient, restrict(region, axis, 1 << missing)
    for strict, (_, lenient, region) in worst.items():
        rule, name = layer.rules[strict], fact.name.partition(".")[2]
        taking = None if lenient == FALLBACK_INDEX else layer.rules[lenient]
        how = "goes to a person by the fallback" if taking is None else _OUTCOMES[taking.action].format(taking.rule_id)
        sentence = f"where {name} is missing, a case {how} that it would {_VERBS[rule.action]} at some value"
        severity = Severity.NOTE if _demands(rule, name) else Severity.WARNING
        others = () if taking is None else (taking.rule_id,)
        yield finding_about(severity, FindingKind.LENIENT_UNKNOWN, sentence, rule, layer.sample(region), rules=others)


def _reads(rule: Rule, fact: Axis) -> bool:
    return any(fact.reads(part) for _, part in rule.when.walk())


def _demands(rule: Rule, name: str) -> bool:
    """Return whether a rule demands that a field exists."""
    compared = (part.metadata.get(name) for _, part in rule.when.walk())
    return any(comparison is not None and comparison.exists for comparison in compared)


_OUTCOMES = {
    Action.AUTO_APPROVE: "is approved automatically by {}",
    Action.HUMAN_REVIEW: "goes to a person by {}",
    Action.ESCALATE: "is escalated by {}",
}
_VERBS = {Action.HUMAN_REVIEW: "send to a person", Action.ESCALATE: "escalate"}
