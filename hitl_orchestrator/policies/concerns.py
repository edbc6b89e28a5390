"""Which cases a layer of a policy is asked about: those of its domain, or those that its user requests. Pure."""

from dataclasses import replace

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.domain.words import RiskLevel
from hitl_orchestrator.policies.boxes import both
from hitl_orchestrator.policies.cells import Box, Space
from hitl_orchestrator.policies.diagram import held_by
from hitl_orchestrator.policies.schema import Policy

_OF_ANOTHER_TYPE = 1 << 1
"""The step of a field that is there and no plain value, such as a list of users."""


def region_of(layer: str, space: Space) -> Box:
    """Return the cells in which a layer, named as in `Policy.parts`, can be asked; all for the organisation's."""
    kind = layer.partition(" ")[0]
    axis = {"domain": "domain", "user": f"metadata.{REQUESTED_BY}"}.get(kind)
    if axis is None or axis not in space.index:
        return space.full
    place = space.index[axis]
    own = 1 << space.axes[place].locate(concerning(layer, Facts(RiskLevel.LOW, "any", "any", None)))
    # Several users who request a case together are a list.
    mask = own | _OF_ANOTHER_TYPE if kind == "user" else own
    return (*space.full[:place], mask, *space.full[place + 1 :])


def held_where_asked(layer: str, policy: Policy, space: Space) -> list[list[Box]]:
    """Return the boxes in which each rule of a layer holds, in the order they are tried, as far as it is asked."""
    region = region_of(layer, space)
    return [
        [cut for box in held if (cut := both(box, region)) is not None]
        for held in held_by(policy.by_priority, policy, space)
    ]


def concerning(layer: str, facts: Facts) -> Facts:
    """Return the facts as they concern a layer: of its domain, or requested by its user."""
    kind, _, name = layer.partition(" ")
    if kind == "domain":
        return replace(facts, domain=name)
    if kind == "user":
        given = facts.metadata.get(REQUESTED_BY)
        whom = [name] if isinstance(given, list | tuple) else name
        return replace(facts, metadata={**facts.metadata, REQUESTED_BY: whom})
    return facts
