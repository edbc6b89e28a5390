"""Which rules decide along one fact, all other facts unchanged: a profile for each context in which they differ."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis
from hitl_orchestrator.policies.analysis.decision_diagram import Diagram, Leaf, Node
from hitl_orchestrator.policies.analysis.regions import restrict
from hitl_orchestrator.policies.engine.axes.base import steps_of
from hitl_orchestrator.policies.engine.partition import Region

MOST_PARTS = 20_000
"""The parts of diagrams that are compared for one fact."""

Profile = tuple[int, ...]
"""The deciding rule on each step of an axis, as an index."""

_Part = Node[int] | Leaf[int]


class TooManyProfiles(Exception):
    """A fact has more profiles than are compared."""


def profiles(layer: LayerAnalysis, axis: int) -> dict[Profile, Region]:
    """Return each profile along an axis, with a region of contexts that has it.

    Raises:
        TooManyProfiles: there are too many to examine all of them.
    """
    if layer.diagram is None:
        return {}
    return dict(_Walk(layer.diagram, axis).profiles(layer.scope))


class _Walk:
    """One walk through the diagram with all steps of the axis in parallel."""

    def __init__(self, diagram: Diagram[int], axis: int) -> None:
        self._diagram, self._axis = diagram, axis
        self._steps = range(diagram.space.axes[axis].size)
        self._seen: set[tuple[int, ...]] = set()
        self._listed: set[Profile] = set()

    def profiles(self, within: Region) -> Iterator[tuple[Profile, Region]]:
        for region, part in self._diagram.below(self._axis, within):
            yield from self._below([_after(part, self._axis, step) for step in self._steps], region)

    def _below(self, parts: Sequence[_Part], region: Region) -> Iterator[tuple[Profile, Region]]:
        key = tuple(map(id, parts))
        if key in self._seen:
            return
        if len(self._seen) >= MOST_PARTS:
            raise TooManyProfiles
        self._seen.add(key)
        first = min((part.axis for part in parts if isinstance(part, Node)), default=None)
        if first is None:
            profile = tuple(part.label for part in parts if isinstance(part, Leaf))
            if profile not in self._listed:
                self._listed.add(profile)
                yield profile, region
            return
        masks: dict[tuple[int, ...], int] = {}
        following: dict[tuple[int, ...], list[_Part]] = {}
        distinct = {id(part): part for part in parts}
        for step in steps_of(region[first]):
            after = {each: _after(part, first, step) for each, part in distinct.items()}
            key = tuple(id(after[each]) for each in after)
            masks[key] = masks.get(key, 0) | 1 << step
            following.setdefault(key, [after[id(part)] for part in parts])
        for key, mask in masks.items():
            yield from self._below(following[key], restrict(region, first, mask))


def _after(here: _Part, axis: int, step: int) -> _Part:
    if isinstance(here, Leaf) or here.axis != axis:
        return here
    return next(following for mask, following in here.edges if mask >> step & 1)
