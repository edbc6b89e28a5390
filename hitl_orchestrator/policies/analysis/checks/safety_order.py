"""Riskier or less confident cases that are treated more leniently than safer ones."""

from collections.abc import Iterator

from hitl_orchestrator.policies.analysis.checks.brevity import decided_by, is_long, widened
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.layer_scope import in_scope, without_scope
from hitl_orchestrator.policies.analysis.monotonicity import Against, describe_violation, violations


def not_monotone(layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield the cases in which a riskier task, or one with a lower confidence or none, is treated more leniently."""
    if layer.diagram is None:
        return
    for violation in violations(layer.diagram, layer.policy, silent=layer.silent):
        pair = (violation.lenient, violation.strict)
        ids = [layer.rules[index].rule_id for index in pair if index != FALLBACK_INDEX]
        worse, better = (
            without_scope(region, layer.scope, layer.space) for region in (violation.worse, violation.better)
        )
        missing = violation.against is Against.MISSING
        sentence = describe_violation(violation._replace(worse=worse, better=better), layer.space, layer.policy)
        if is_long(worse, layer):
            sides = [(violation.worse, violation.lenient), (violation.better, violation.strict)]
            wide = widened([(region, decided_by(index, layer)) for region, index in sides], layer)
            worse, better = (without_scope(region, layer.scope, layer.space) for region in wide)
            brief = violation._replace(worse=worse, better=better, elsewhere=0)
            sentence = f"unless an earlier rule matches, {describe_violation(brief, layer.space, layer.policy)}"
        yield Finding(
            severity=Severity.NOTE if missing else Severity.WARNING,
            rule_id=ids[0],
            kind=FindingKind.MISSING_CONFIDENCE if missing else FindingKind.MONOTONICITY,
            sentence=sentence,
            rules=tuple(ids[1:]),
            examples=tuple(in_scope(layer.layer, facts).to_json() for facts in violation.examples(layer.space)),
        )
