"""Findings about a policy that loads: rules that never decide, that disagree, or that approve too much.

The analysis is sound and complete over the cells of the policy (see `decision_diagram`). For a policy that is too
complex it is sound but not complete, and a finding of the kind `unchecked` says so.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.policies.analysis.checks.effect import without_effect
from hitl_orchestrator.policies.analysis.checks.gaps import gap_findings
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.checks.number_order import peaks, unreached
from hitl_orchestrator.policies.analysis.checks.overtaking import overtakes
from hitl_orchestrator.policies.analysis.checks.profiles import TooManyProfiles, profiles
from hitl_orchestrator.policies.analysis.checks.rules import (
    approves_too_much,
    conflicts,
    contradiction,
    lacks_roles,
    matches_only_unknown,
    unknown_role,
    unreachable,
)
from hitl_orchestrator.policies.analysis.checks.safety_order import later_deadlines, not_monotone
from hitl_orchestrator.policies.analysis.checks.unknown_facts import fields_of, lenient_without, takes_unknown
from hitl_orchestrator.policies.analysis.checks.wording.dates import date_findings
from hitl_orchestrator.policies.analysis.checks.wording.declared import below_zero, outside_declared, unused
from hitl_orchestrator.policies.analysis.checks.wording.lists import list_findings
from hitl_orchestrator.policies.analysis.checks.wording.words import look_alikes, misnamed_windows
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.monotonicity import demands_of
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.phrases import join
from hitl_orchestrator.policies.language.rule import Rule

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
    findings += [*look_alikes(policy), *without_effect(policy, roles)]
    return CheckReport(tuple(findings), cells)


def check_layer(policy: Policy, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION) -> list[Finding]:
    """Return the findings about one layer. All layers but the organization's are silent where no rule matches."""
    return list(findings_about(LayerAnalysis(policy, layer), roles))


def findings_about(
    layer: LayerAnalysis, roles: RoleChain, examined: Callable[[int], None] = lambda rules: None
) -> Iterator[Finding]:
    """Yield the findings about a layer."""
    whole = [*later_deadlines(layer), *along_facts(layer, roles)]
    by_rule = {rule.rule_id: index for index, rule in enumerate(layer.rules)}
    own: dict[int | None, list[Finding]] = defaultdict(list)
    for finding in (*certain_findings(layer, roles), *whole):
        own[None if finding.rule_id is None else by_rule[finding.rule_id]].append(finding)
    for index, rule in enumerate(layer.rules):
        yield from (
            *own[index],
            *_about_text(rule, layer.policy),
            *overtakes(index, layer),
            *takes_unknown(index, layer),
        )
        examined(1)
    yield from (*own[None], *list_findings(layer.policy), *date_findings(layer.policy), *unused(layer.policy))
    if layer.diagram is None:
        sentence = f"{layer.problem}; only the rules one by one were checked, and pairs of them"
        yield finding_about(Severity.NOTE, FindingKind.UNCHECKED, sentence)


def _about_text(rule: Rule, policy: Policy) -> Iterator[Finding]:
    yield from outside_declared(rule, policy)
    yield from below_zero(rule, policy)
    yield from misnamed_windows(rule)


def certain_findings(layer: LayerAnalysis, roles: RoleChain) -> Iterator[Finding]:
    """Yield the findings that a repair must not add: all but those about the order along one fact, and notes on it."""
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
    yield from not_monotone(layer, roles)
    yield from gap_findings(layer)


def along_facts(layer: LayerAnalysis, roles: RoleChain) -> Iterator[Finding]:
    """Yield the findings about the order in which rules decide along one fact, all other facts unchanged."""
    skipped, demands = [], demands_of(layer.policy, roles)
    for axis, fact in enumerate(layer.space.axes):
        try:
            listed = profiles(layer, axis)
        except TooManyProfiles:
            skipped.append(fact.name)
            continue
        if axis in fields_of(layer):
            yield from peaks(axis, listed, layer, demands)
            yield from lenient_without(axis, listed, layer)
        yield from unreached(axis, listed, layer)
    if skipped:
        sentence = f"too many rules depend on {join(skipped, 'and')} to compare all values of it"
        yield finding_about(Severity.NOTE, FindingKind.UNCHECKED, sentence)
