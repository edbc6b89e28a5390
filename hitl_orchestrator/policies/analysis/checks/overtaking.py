"""Approvals that come before a stricter rule and take some of the cases that it names."""

from collections.abc import Iterator

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, deciding
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.regions import intersection
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.language.phrases import join

_ELSEWHERE = {"risk_level"}
"""Conditions on which another finding reports: `approves_too_much` names approvals of high-risk tasks."""


def overtakes(index: int, layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield the stricter rules after an approval whose cases it decides in part.

    An exception is none: a rule that approves only cases of the later rule is meant to come first. Neither is a rule
    without conditions, or one that matches a case only since a fact is unknown: it does not name that case.
    """
    rule = layer.rules[index]
    if rule.action is not Action.AUTO_APPROVE or layer.silent or layer.diagram is None:
        return
    taken: dict[int, Region] = {}
    for later in range(index + 1, len(layer.rules)):
        region = _taken(index, later, layer)
        if region is not None:
            taken[later] = region
    if taken:
        rules = [layer.rules[later] for later in taken]
        named = join((f"{other.rule_id} ({other.action})" for other in rules), "and")
        sentence = f"it approves cases that {named} name{'s' * (len(rules) == 1)} further down"
        example = layer.sample(next(iter(taken.values())))
        others = [other.rule_id for other in rules]
        yield finding_about(Severity.WARNING, FindingKind.OVERTAKES, sentence, rule, example, rules=others)


def _taken(index: int, later: int, layer: LayerAnalysis) -> Region | None:
    """Return a region that the approval decides and the later, stricter rule names; None if there is none."""
    other = layer.rules[later]
    if other.action is Action.AUTO_APPROVE or layer.diagram is None or other.conditions.model_fields_set <= _ELSEWHERE:
        return None
    named = layer.certain(later)
    if _within(layer.regions[index], named, layer):
        return None
    if layer.example(later, later.__eq__) is None:
        return None  # it never decides, which another finding reports
    for region in named:
        cut = intersection(region, layer.scope)
        labeled = None if cut is None else layer.diagram.example(index.__eq__, cut)
        if labeled is not None:
            return labeled.region
    return None


def _within(own: list[Region], named: list[Region], layer: LayerAnalysis) -> bool:
    """Return whether all cases of the approval are named by the later rule, so that it is an exception to it."""
    if all(any(intersection(region, wide) == region for wide in named) for region in own):
        return True
    if len(named) == 1:
        return False
    try:
        labels = deciding(layer.space, [[named], [own]]).labels()
    except InvalidInput:
        return False
    return (FALLBACK_INDEX, 0) not in labels
