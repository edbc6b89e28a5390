"""Rules of a domain or user that change no result, since the organization asks for as much in all of their cases."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.checks.decisions import decisions_of
from hitl_orchestrator.policies.analysis.checks.layer_analysis import finding_about
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, deciding
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.layer_scope import regions_in_scope, scope_policies
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.engine.strictness import strictest
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy


def without_effect(policy: Policy, roles: RoleChain) -> Iterator[Finding]:
    """Yield the rules of layers that decide in their layer, and without which every result is the same.

    Layers that are too complex to analyze together with the organization are skipped.
    """
    for name, layer in policy.parts[1:]:
        try:
            idle = list(_idle(policy, layer, name, roles))
        except InvalidInput:
            continue
        for index in idle:
            sentence = "it changes no result: the organization asks for as much in all of its cases"
            finding = finding_about(Severity.WARNING, FindingKind.NO_EFFECT, sentence, layer.by_priority[index])
            yield finding.model_copy(update={"layer": name})


def _idle(policy: Policy, layer: Policy, name: str, roles: RoleChain) -> Iterator[int]:
    space = FactSpace([policy, layer, *scope_policies(name)])
    above = regions_in_scope(ORGANIZATION, policy, space)
    own = regions_in_scope(name, layer, space)
    demanded, added = decisions_of(policy, roles), decisions_of(layer, roles)

    def result(first: int, second: int) -> object:
        return demanded[first] if second == FALLBACK_INDEX else strictest(demanded[first], added[second], roles)

    def labels(*tables: Sequence[Sequence[Region]]) -> frozenset[tuple[int, ...]]:
        return deciding(space, [above, *tables]).labels()

    decided: dict[int, set[int]] = {}
    for first, index in labels(own):
        decided.setdefault(index, set()).add(first)
    for index in sorted(decided.keys() - {FALLBACK_INDEX}):
        if all(result(first, index) == demanded[first] for first in decided[index]):
            rest = [[] if other == index else regions for other, regions in enumerate(own)]
            if all(result(first, with_it) == result(first, left) for first, with_it, left in labels(own, rest)):
                yield index
