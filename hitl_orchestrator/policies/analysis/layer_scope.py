"""Which cases a layer of a policy is asked about: those of its domain, or those that its user requests. Pure."""

from dataclasses import replace
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.analysis.decision_diagram import held_by
from hitl_orchestrator.policies.analysis.regions import both
from hitl_orchestrator.policies.engine.partition import FactSpace, Region, mask_of
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions, FieldType
from hitl_orchestrator.policies.language.model import Policy, Rule

IN_A_LIST = 1 << 1
"""The step, as a bit mask, of a field that is there and no plain value: a list of users, or what nobody can read."""


def naming(layer: str) -> list[Policy]:
    """Return a policy that names whom a layer is about, so that a space tells them apart; none for the organization."""
    kind, _, name = layer.partition(" ")
    said: dict[str, Any] = {"domain": {"domain": (name,)}, "user": {"metadata": {REQUESTED_BY: Comparison(eq=name)}}}
    if kind not in said:
        return []
    rule = Rule(rule_id="where", priority=1, conditions=Conditions(**said[kind]), action=Action.ESCALATE)
    return [Policy(policy_id="where", metadata={REQUESTED_BY: FieldType.TEXT}, rules=(rule,))]


def space_of(layer: str, policy: Policy) -> FactSpace:
    """Return the space of a layer alone, in which whom it is about has a name wherever the layer asks who it is."""
    space = FactSpace([policy])
    return space if region_of(layer, space) == space.full else FactSpace([policy, *naming(layer)])


def region_of(layer: str, space: FactSpace) -> Region:
    """Return the cells in which a layer, named as in `Policy.parts`, can be asked; all for the organization's."""
    kind = layer.partition(" ")[0]
    axis = {"domain": "domain", "user": f"metadata.{REQUESTED_BY}"}.get(kind)
    if axis is None or axis not in space.index:
        return space.full
    place = space.index[axis]
    own = space.axes[place].locate(concerning(layer, Facts(RiskLevel.LOW, "any", "any", None)))
    mask = 1 << own | (_of_anybody(space.axes[place]) if kind == "user" else 0)
    return (*space.full[:place], mask, *space.full[place + 1 :])


def _of_anybody(axis: Any) -> int:
    """Return the steps of what is there and no single name: several users are a list, and all else may be anybody."""
    names = range(axis.first_text, axis.first_text + (0 if axis.texts is None else len(axis.texts) + 1))
    return mask_of(step for step in range(1, axis.size) if step not in names)


def whole(box: Region, region: Region, space: FactSpace) -> Region:
    """Return a box as it is said of a layer: what is so of all that it is asked about goes without saying."""
    return tuple(full if mask == asked else mask for mask, asked, full in zip(box, region, space.full, strict=True))


def held_where_asked(layer: str, policy: Policy, space: FactSpace) -> list[list[Region]]:
    """Return the boxes in which each rule of a layer holds, in the order they are tried, as far as it is asked."""
    region = region_of(layer, space)
    return [
        [cut for box in held if (cut := both(box, region)) is not None]
        for held in held_by(policy.by_priority, policy, space)
    ]


def concerning(layer: str, facts: Facts) -> Facts:
    """Return the facts as they concern a layer: of its domain, or requested by its user.

    What is no name, and so may be that of anybody, stays where it is plain; else it becomes a list with the user.
    """
    kind, _, name = layer.partition(" ")
    if kind == "domain":
        return replace(facts, domain=name)
    if kind == "user":
        given = facts.metadata.get(REQUESTED_BY)
        if isinstance(given, bool | int | float):
            return facts
        whom = name if given is None or isinstance(given, str) else [name]
        return replace(facts, metadata={**facts.metadata, REQUESTED_BY: whom})
    return facts
