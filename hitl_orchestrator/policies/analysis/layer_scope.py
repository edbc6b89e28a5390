"""The cases that a layer of a policy answers: those of its domain, or those that its user requests."""

from dataclasses import replace
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.analysis.decision_diagram import rule_regions
from hitl_orchestrator.policies.analysis.regions import intersection, restrict
from hitl_orchestrator.policies.engine.axes.base import mask_of
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions
from hitl_orchestrator.policies.language.declarations import Declaration, FieldType
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule

USER_AXIS = f"metadata.{REQUESTED_BY}"


def scope_policies(layer: str) -> list[Policy]:
    """Return a policy that names the domain or user of a layer, so that a space distinguishes it from others.

    The layer of the organization answers every case and needs none.
    """
    kind, _, name = layer.partition(" ")
    scopes: dict[str, Any] = {"domain": {"domain": (name,)}, "user": {"metadata": {REQUESTED_BY: Comparison(eq=name)}}}
    if kind not in scopes:
        return []
    rule = Rule(rule_id="scope", priority=1, conditions=Conditions(**scopes[kind]), action=Action.ESCALATE)
    return [Policy(policy_id="scope", metadata={REQUESTED_BY: Declaration(type=FieldType.TEXT)}, rules=(rule,))]


def space_of(layer: str, policy: Policy) -> FactSpace:
    """Return the space of one layer, which names its domain or user where the rules of the layer read that fact."""
    space = FactSpace([policy])
    return space if scope_of(layer, space) == space.full else FactSpace([policy, *scope_policies(layer)])


def scope_of(layer: str, space: FactSpace) -> Region:
    """Return the cells that a layer, named as in `Policy.parts`, may answer; all cells for the organization."""
    kind = layer.partition(" ")[0]
    axis = {"domain": "domain", "user": USER_AXIS}.get(kind)
    if axis is None or axis not in space.index:
        return space.full
    index = space.index[axis]
    mask = 1 << space.axes[index].locate(in_scope(layer, Facts(RiskLevel.LOW, "any", "any", None)))
    return restrict(space.full, index, mask | (_any_user(space.axes[index]) if kind == "user" else 0))


def _any_user(axis: Any) -> int:
    """Return the steps of values that are no single name: a list of users, or a value that may match any user."""
    names = axis.steps_of_type(FieldType.TEXT)
    return mask_of(step for step in range(1, axis.size) if step not in names)


def without_scope(region: Region, scope: Region, space: FactSpace) -> Region:
    """Return a region for its description: facts that hold for the whole scope of a layer are omitted."""
    return tuple(full if mask == all_of else mask for mask, all_of, full in zip(region, scope, space.full, strict=True))


def regions_in_scope(layer: str, policy: Policy, space: FactSpace) -> list[list[Region]]:
    """Return the regions in which each rule of a layer matches, in evaluation order, within the scope of the layer."""
    scope = scope_of(layer, space)
    return [
        [cut for region in regions if (cut := intersection(region, scope)) is not None]
        for regions in rule_regions(policy, space)
    ]


def in_scope(layer: str, facts: Facts) -> Facts:
    """Return the facts changed so that the layer answers them: in its domain, or requested by its user.

    A value that is no name stays where it is plain, since it may match any user; else a list with the user
    replaces it.
    """
    kind, _, name = layer.partition(" ")
    if kind == "domain":
        return replace(facts, domain=name)
    if kind == "user":
        value = facts.metadata.get(REQUESTED_BY)
        if isinstance(value, bool | int | float):
            return facts
        users = name if value is None or isinstance(value, str) else [name]
        return replace(facts, metadata={**facts.metadata, REQUESTED_BY: users})
    return facts
