"""Findings about a policy that loads: rules that never decide, that disagree, or that approve too much.

The analysis is sound and complete over the cells of the policy (see `decision_diagram`). For a policy that is too
complex it is sound but not complete, and a finding of the kind `unchecked` says so.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.policies.analysis.checks.gaps import gap_findings
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.checks.rules import (
    approves_too_much,
    conflicts,
    contradiction,
    lacks_roles,
    matches_only_unknown,
    unknown_role,
    unreachable,
)
from hitl_orchestrator.policies.analysis.checks.safety_order import not_monotone
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy

__all__ = ["CheckReport", "Finding", "FindingKind", "Severity", "check", "examine"]


def check(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return the findings about a policy, rule by rule in evaluation order, then those about the whole.

    Each layer of a `PolicyStack` is checked separately.
    """
    return list(examine(policy, roles).findings)


class CheckReport(NamedTuple):
    """The findings of a check, and the number of kinds of cases (cells) over which all of them are exact.

    `kinds_of_cases` is None if a part was not examined.
    """

    findings: tuple[Finding, ...]
    kinds_of_cases: int | None

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)


def examine(
    policy: Policy, roles: RoleChain = DEFAULT_CHAIN, *, examined: Callable[[int], None] = lambda rules: None
) -> CheckReport:
    """Return the findings about a policy, as `check` does, and what they cover.

    `examined` is called with the number of rules whose check has ended since the last call.
    """
    findings: list[Finding] = []
    cells: int | None = 0
    for name, part in policy.parts:
        layer = LayerAnalysis(part, name)
        for finding in findings_about(layer, roles, examined):
            findings.append(finding.model_copy(update={"layer": name}) if len(policy.parts) > 1 else finding)
        cells = None if cells is None or layer.diagram is None else cells + layer.space.size
    return CheckReport(tuple(findings), cells)


def check_layer(policy: Policy, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION) -> list[Finding]:
    """Return the findings about one layer. All layers but the organization's are silent where no rule matches."""
    return list(findings_about(LayerAnalysis(policy, layer), roles))


def findings_about(
    layer: LayerAnalysis, roles: RoleChain, examined: Callable[[int], None] = lambda rules: None
) -> Iterator[Finding]:
    """Yield the findings about a layer."""
    lenient = list(not_monotone(layer))
    for index, rule in enumerate(layer.rules):
        yield from unknown_role(rule, roles)
        yield from lacks_roles(rule, roles)
        if layer.regions[index]:
            yield from matches_only_unknown(index, layer)
            yield from unreachable(index, layer)
        else:
            sentence = f"it can never match: {contradiction(rule, layer)}"
            yield finding_about(Severity.ERROR, FindingKind.CONTRADICTION, sentence, rule)
        yield from conflicts(index, layer)
        yield from approves_too_much(index, layer)
        yield from (finding for finding in lenient if finding.rule_id == rule.rule_id)
        examined(1)
    yield from (finding for finding in lenient if finding.rule_id is None)
    yield from gap_findings(layer)
    if layer.diagram is None:
        sentence = f"{layer.problem}; gaps, monotonicity and conflicts were not checked"
        yield finding_about(Severity.NOTE, FindingKind.UNCHECKED, sentence)
