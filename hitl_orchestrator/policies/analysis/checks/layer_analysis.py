"""A layer of a policy with its regions and its decision diagram, for all checks."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, deciding
from hitl_orchestrator.policies.analysis.describe import describe
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.layer_scope import (
    in_scope,
    regions_in_scope,
    scope_of,
    space_of,
    without_scope,
)
from hitl_orchestrator.policies.analysis.regions import certain_regions, intersection
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.rule import Rule


class Analyzed(NamedTuple):
    """The regions of each rule, and which rule decides where."""

    regions: list[list[Region]]
    diagram: Diagram[int]


class LayerAnalysis:
    """A policy, or one layer of it, with its regions and its decision diagram.

    Both may be given, in the space of another analysis.
    """

    def __init__(
        self, policy: Policy, layer: str, space: FactSpace | None = None, analyzed: Analyzed | None = None
    ) -> None:
        self.policy, self.rules, self.layer = policy, policy.by_priority, layer
        self.silent = layer != ORGANIZATION
        self.space = space_of(layer, policy) if space is None else space
        self.scope = scope_of(layer, self.space)
        self.diagram: Diagram[int] | None = None
        self.problem, self.work = "", 0
        self._certain: dict[int, list[Region]] = {}
        if analyzed is not None:
            self.regions, self.diagram = analyzed
            return
        self.regions = regions_in_scope(layer, policy, self.space)
        try:
            diagram = deciding(self.space, [self.regions])
            self.diagram, self.work = diagram.relabeled(lambda indices: indices[0]), diagram.work
        except InvalidInput as exc:
            self.problem = "; ".join(exc.problems)

    @cached_property
    def strictness(self) -> dict[int, int]:
        """The strictness of the action of each rule, as an index, and of the fallback."""
        return {FALLBACK_INDEX: Action.HUMAN_REVIEW.strictness} | {
            index: rule.action.strictness for index, rule in enumerate(self.rules)
        }

    def certain(self, index: int) -> list[Region]:
        """Return the regions in which the conditions of a rule certainly hold: no fact that they need is unknown."""
        if index not in self._certain:
            self._certain[index] = certain_regions(self.rules[index].when, self.policy, self.space)
        return self._certain[index]

    @property
    def scope_phrase(self) -> str:
        """The answer of the layer, and the condition that excludes all of its cases."""
        kind, _, name = self.layer.partition(" ")
        if kind == "domain":
            return f"only tasks of the domain {name}, and domain names another"
        return f"only tasks that {name} requests, and metadata.{REQUESTED_BY} names another user"

    def describe(self, region: Region) -> str:
        """Describe a region without the scope of the layer."""
        return describe(without_scope(region, self.scope, self.space), self.space)

    def example(self, index: int, wanted: Callable[[int], bool], within: Region | None = None) -> Region | None:
        """Return a region where the rule matches and a wanted rule decides; None where there is none."""
        if self.diagram is None:
            return None
        for region in self.regions[index]:
            cut = region if within is None else intersection(region, within)
            labeled = None if cut is None else self.diagram.example(wanted, cut)
            if labeled is not None:
                return labeled.region
        return None

    def sample(self, region: Region) -> dict[str, Any]:
        """Return a case of a region, as JSON."""
        return in_scope(self.layer, self.space.sample(region)).to_json()


def finding_about(
    severity: Severity,
    kind: FindingKind,
    sentence: str,
    rule: Rule | None = None,
    *examples: dict[str, Any],
    rules: Sequence[str] = (),
) -> Finding:
    """Return a finding about a rule, or about the layer as a whole."""
    return Finding(
        severity=severity,
        rule_id=None if rule is None else rule.rule_id,
        kind=kind,
        sentence=sentence,
        rules=tuple(rules),
        examples=examples,
    )
