"""Riskier or less confident cases that are treated more leniently than safer ones, or that may wait longer."""

from collections.abc import Iterator
from datetime import timedelta
from math import inf

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.checks.brevity import decided_by, is_long, widened
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.layer_scope import in_scope, without_scope
from hitl_orchestrator.policies.analysis.monotonicity import (
    Against,
    Ranked,
    Violation,
    demands_of,
    describe_violation,
    violations,
)
from hitl_orchestrator.policies.language.phrases import in_words
from hitl_orchestrator.policies.language.rule import Rule


def not_monotone(layer: LayerAnalysis, roles: RoleChain) -> Iterator[Finding]:
    """Yield the cases in which a riskier task, or one with a lower confidence or none, is treated more leniently.

    Compared are the action, then the role, then the number of approvals.
    """
    if layer.diagram is None:
        return
    for violation in violations(layer.diagram, demands_of(layer.policy, roles), silent=layer.silent):
        missing = violation.against is Against.MISSING
        kind = FindingKind.MISSING_CONFIDENCE if missing else FindingKind.MONOTONICITY
        yield _finding(violation, kind, layer)


def later_deadlines(layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield, once for each rule, where a riskier task or a lower confidence has no deadline or a later one."""
    if layer.diagram is None:
        return
    timed = {index: rule for index, rule in enumerate(layer.rules) if rule.action is not Action.AUTO_APPROVE}
    strict: dict[int, Ranked] = {index: _haste(rule) for index, rule in timed.items()}
    listed: set[int] = set()
    for violation in violations(layer.diagram, strict, silent=True):
        later, sooner = timed[violation.lenient], timed[violation.strict]
        comparable = later.respond_within is None or _asked(later) == _asked(sooner)
        if violation.against is not Against.MISSING and comparable and violation.lenient not in listed:
            listed.add(violation.lenient)
            yield _finding(violation, FindingKind.DEADLINE, layer)


def _haste(rule: Rule) -> Ranked:
    return (-inf if rule.respond_within is None else -rule.respond_within / timedelta(seconds=1),)


def _asked(rule: Rule) -> object:
    """Return what makes two deadlines comparable: an escalation may take longer than a review."""
    return rule.action, rule.assigned_human_role, rule.approvals, rule.business_hours


def _deadline(rule: Rule) -> str:
    return "without a deadline" if rule.respond_within is None else f"within {in_words(rule.respond_within)}"


_SEVERITY = {FindingKind.MONOTONICITY: Severity.WARNING}


def _finding(violation: Violation, kind: FindingKind, layer: LayerAnalysis) -> Finding:
    pair = (violation.lenient, violation.strict)
    ids = [layer.rules[index].rule_id for index in pair if index != FALLBACK_INDEX]
    worse, better = (without_scope(region, layer.scope, layer.space) for region in (violation.worse, violation.better))
    details = _deadline if kind is FindingKind.DEADLINE else None
    narrow = violation._replace(worse=worse, better=better)
    sentence = describe_violation(narrow, layer.space, layer.policy, details)
    if is_long(worse, layer):
        sides = [(violation.worse, violation.lenient), (violation.better, violation.strict)]
        wide = widened([(region, decided_by(index, layer)) for region, index in sides], layer)
        worse, better = (without_scope(region, layer.scope, layer.space) for region in wide)
        brief = violation._replace(worse=worse, better=better, elsewhere=0)
        sentence = f"unless an earlier rule matches, {describe_violation(brief, layer.space, layer.policy, details)}"
    return Finding(
        severity=_SEVERITY.get(kind, Severity.NOTE),
        rule_id=ids[0],
        kind=kind,
        sentence=sentence,
        rules=tuple(ids[1:]),
        examples=tuple(in_scope(layer.layer, facts).to_json() for facts in violation.examples(layer.space)),
    )
