"""Regions without the facts that follow from the rules tried before, so that their descriptions stay short."""

from collections.abc import Callable, Sequence

from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.regions import restrict
from hitl_orchestrator.policies.engine.partition import Region

MOST_FACTS = 4
"""Regions that name fewer facts are described as they are."""

Side = tuple[Region, Callable[[int], bool]]
"""A region, and the rules that may decide where it is widened, as indices."""


def is_long(region: Region, layer: LayerAnalysis) -> bool:
    """Return whether the description of a region would name many facts."""
    facts = zip(region, layer.space.full, layer.scope, strict=True)
    return sum(1 for mask, full, scope in facts if mask not in (full, scope)) > MOST_FACTS


def widened(sides: Sequence[Side], layer: LayerAnalysis) -> list[Region]:
    """Return the regions of all sides, widened along the same axes where only permitted rules decide in addition.

    Risk and confidence stay as they are.
    """
    diagram, wide = layer.diagram, [region for region, _ in sides]
    if diagram is None:
        return wide
    for axis in range(layer.space.risk):
        tried = [restrict(region, axis, layer.scope[axis]) for region in wide]
        if tried != wide and all(
            all(map(permits, diagram.labels(region))) for region, (_, permits) in zip(tried, sides, strict=True)
        ):
            wide = tried
    return wide


def decided_by(index: int, layer: LayerAnalysis) -> Callable[[int], bool]:
    """Return a test for a rule and all before it; for the fallback, for it and all rules for people."""
    if index != FALLBACK_INDEX:
        return lambda other: other != FALLBACK_INDEX and other <= index
    return lambda other: other == FALLBACK_INDEX or layer.rules[other].action.strictness > 0
