"""Which rule decides in which cell: a decision diagram over the axes of a space.

It is the ordered and reduced diagram of Bryant (1986, IEEE Transactions on Computers C-35, 677) with many-valued
steps: a node branches on the step of one axis, equal nodes are shared, and a leaf holds a label, such as the index of
the deciding rule. It is exact, and it stays small where the list of all cells would not.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from math import prod
from typing import Generic, NamedTuple, TypeVar

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.regions import regions, restrict
from hitl_orchestrator.policies.engine.axes.base import mask_of
from hitl_orchestrator.policies.engine.partition import Cell, FactSpace, Region
from hitl_orchestrator.policies.language.model import Policy

MOST_NODES = 200_000
FALLBACK_INDEX = -1
"""The index of the fallback, for cases that no rule matches."""

LabelT = TypeVar("LabelT", bound=Hashable)
OtherT = TypeVar("OtherT", bound=Hashable)


class Leaf(NamedTuple, Generic[LabelT]):
    """The label of all cells that lead here."""

    label: LabelT


class Node(NamedTuple, Generic[LabelT]):
    """A branch on the step of one axis. Each edge holds the steps that take it, as a bit mask."""

    axis: int
    edges: "tuple[tuple[int, Node[LabelT] | Leaf[LabelT]], ...]"


class LabeledRegion(NamedTuple, Generic[LabelT]):
    """Cells with one label."""

    region: Region
    label: LabelT


class Diagram(Generic[LabelT]):
    """A label for each cell of a space. `work` is the number of steps that were examined to build it."""

    def __init__(self, space: FactSpace, root: "Node[LabelT] | Leaf[LabelT]", work: int = 0) -> None:
        self.space, self.root, self.work = space, root, work

    def at(self, cell: Cell) -> LabelT:
        """Return the label of one cell."""
        here = self.root
        while isinstance(here, Node):
            step = 1 << cell[here.axis]
            here = next(following for mask, following in here.edges if mask & step)
        return here.label

    def labels(self, within: Region | None = None) -> frozenset[LabelT]:
        """Return the labels of all cells, or of the cells of one region."""
        region = within or self.space.full
        seen: dict[int, frozenset[LabelT]] = {}

        def look(here: "Node[LabelT] | Leaf[LabelT]") -> frozenset[LabelT]:
            if isinstance(here, Leaf):
                return frozenset((here.label,))
            if id(here) not in seen:
                reached = (look(following) for mask, following in here.edges if mask & region[here.axis])
                seen[id(here)] = frozenset().union(*reached)
            return seen[id(here)]

        return look(self.root)

    def regions(
        self, wanted: Callable[[LabelT], bool], within: Region | None = None
    ) -> Iterator[LabeledRegion[LabelT]]:
        """Yield disjoint regions that together are all cells with a wanted label. There may be many."""
        reaches: dict[int, bool] = {}

        def leads(here: "Node[LabelT] | Leaf[LabelT]") -> bool:
            if id(here) not in reaches:
                reaches[id(here)] = (
                    wanted(here.label)
                    if isinstance(here, Leaf)
                    else any(leads(following) for _, following in here.edges)
                )
            return reaches[id(here)]

        def look(here: "Node[LabelT] | Leaf[LabelT]", region: Region) -> Iterator[LabeledRegion[LabelT]]:
            if isinstance(here, Leaf):
                yield LabeledRegion(region, here.label)
                return
            for mask, following in here.edges:
                left = mask & region[here.axis]
                if left and leads(following):
                    yield from look(following, restrict(region, here.axis, left))

        if leads(self.root):
            yield from look(self.root, within or self.space.full)

    def example(self, wanted: Callable[[LabelT], bool], within: Region | None = None) -> LabeledRegion[LabelT] | None:
        """Return the first region with a wanted label; None where there is none."""
        exhausted: set[int] = set()

        def look(here: "Node[LabelT] | Leaf[LabelT]", region: Region) -> LabeledRegion[LabelT] | None:
            if isinstance(here, Leaf):
                return LabeledRegion(region, here.label) if wanted(here.label) else None
            if id(here) in exhausted:
                return None
            for mask, following in here.edges:
                left = mask & region[here.axis]
                example = look(following, restrict(region, here.axis, left)) if left else None
                if example is not None:
                    return example
            exhausted.add(id(here))
            return None

        return look(self.root, within or self.space.full)

    def below(self, axis: int, within: Region | None = None) -> "Iterator[tuple[Region, Node[LabelT] | Leaf[LabelT]]]":
        """Yield each distinct part of the diagram from this axis on, with the first region that leads to it.

        Parts outside `within` are left out.
        """
        seen: set[int] = set()

        def look(
            here: "Node[LabelT] | Leaf[LabelT]", region: Region
        ) -> "Iterator[tuple[Region, Node[LabelT] | Leaf[LabelT]]]":
            if id(here) in seen:
                return
            seen.add(id(here))
            if isinstance(here, Leaf) or here.axis >= axis:
                yield region, here
                return
            for mask, following in here.edges:
                left = mask & region[here.axis]
                if left:
                    yield from look(following, restrict(region, here.axis, left))

        yield from look(self.root, within or self.space.full)

    def cut(self, axis: int) -> "tuple[Diagram[int], list[Node[LabelT] | Leaf[LabelT]]]":
        """Return the diagram above an axis, labeled with the index of the part from this axis on, and these parts."""
        nodes, parts, places = _Nodes[int](), list[Node[LabelT] | Leaf[LabelT]](), dict[int, int]()
        cache: dict[int, Node[int] | Leaf[int]] = {}

        def look(here: "Node[LabelT] | Leaf[LabelT]") -> "Node[int] | Leaf[int]":
            if isinstance(here, Node) and here.axis < axis:
                if id(here) not in cache:
                    cache[id(here)] = nodes.node(here.axis, [(mask, look(following)) for mask, following in here.edges])
                return cache[id(here)]
            if id(here) not in places:
                places[id(here)] = len(parts)
                parts.append(here)
            return nodes.leaf(places[id(here)])

        return Diagram(self.space, look(self.root)), parts

    def sizes(self, within: Region | None = None) -> dict[LabelT, int]:
        """Return the number of cells of each label, of the whole space or of one region."""
        counts = [mask.bit_count() for mask in within or self.space.full]
        found: dict[LabelT, int] = {}
        reached: list[dict[int, tuple[Node[LabelT] | Leaf[LabelT], int]]] = [{} for _ in (*counts, 0)]

        def reach(here: "Node[LabelT] | Leaf[LabelT]", axis: int, cells: int) -> None:
            end = here.axis if isinstance(here, Node) else len(counts)
            before = reached[end].get(id(here), (here, 0))[1]
            reached[end][id(here)] = here, before + cells * prod(counts[axis:end])

        reach(self.root, 0, 1)
        for axis in range(len(counts)):
            region = (within or self.space.full)[axis]
            for here, cells in reached[axis].values():
                for mask, following in here.edges if isinstance(here, Node) else ():
                    reach(following, axis + 1, cells * (mask & region).bit_count())
        for here, cells in reached[-1].values():
            if isinstance(here, Leaf) and cells:
                found[here.label] = cells
        return found

    def relabeled(self, relabel: Callable[[LabelT], OtherT]) -> "Diagram[OtherT]":
        """Return the diagram of labels that follow from these, such as the action of the deciding rule."""
        nodes = _Nodes[OtherT]()
        cache: dict[int, Node[OtherT] | Leaf[OtherT]] = {}

        def look(here: "Node[LabelT] | Leaf[LabelT]") -> "Node[OtherT] | Leaf[OtherT]":
            if id(here) not in cache:
                cache[id(here)] = (
                    nodes.leaf(relabel(here.label))
                    if isinstance(here, Leaf)
                    else nodes.node(here.axis, [(mask, look(following)) for mask, following in here.edges])
                )
            return cache[id(here)]

        return Diagram(self.space, look(self.root))


class _Nodes(Generic[LabelT]):
    """Creates each node once."""

    def __init__(self) -> None:
        self._leaves: dict[LabelT, Leaf[LabelT]] = {}
        self._nodes: dict[tuple[int, tuple[tuple[int, int], ...]], Node[LabelT]] = {}

    def leaf(self, label: LabelT) -> Leaf[LabelT]:
        return self._leaves.setdefault(label, Leaf(label))

    def node(
        self, axis: int, edges: "Sequence[tuple[int, Node[LabelT] | Leaf[LabelT]]]"
    ) -> "Node[LabelT] | Leaf[LabelT]":
        merged: dict[int, tuple[int, Node[LabelT] | Leaf[LabelT]]] = {}
        for mask, following in edges:
            before = merged.get(id(following), (0, following))[0]
            merged[id(following)] = before | mask, following
        if len(merged) == 1:
            return next(iter(merged.values()))[1]
        ordered = tuple(sorted(merged.values(), key=lambda edge: edge[0] & -edge[0]))
        key = axis, tuple((mask, id(following)) for mask, following in ordered)
        if key not in self._nodes:
            if len(self._nodes) >= MOST_NODES:
                raise _too_complex()
            self._nodes[key] = Node(axis, ordered)
        return self._nodes[key]


class _RuleTable:
    """The regions of the rules of one policy in evaluation order, and which of them each step leaves alive."""

    def __init__(self, space: FactSpace, rules: Sequence[Sequence[Region]]) -> None:
        listed = [(rule, region) for rule, regions in enumerate(rules) for region in regions]
        self._rule_of = [rule for rule, _ in listed]
        self.all = (1 << len(listed)) - 1
        self.alive = [
            [
                mask_of(bit for bit, (_, region) in enumerate(listed) if region[index] >> step & 1)
                for step in range(size)
            ]
            for index, size in enumerate(axis.size for axis in space.axes)
        ]
        # A region that is full on this axis and all later ones contains every cell that it is still alive for.
        certain, self._certain = self.all, [self.all]
        for index in reversed(range(len(space.axes))):
            certain &= mask_of(bit for bit, (_, region) in enumerate(listed) if region[index] == space.full[index])
            self._certain.insert(0, certain)

    def undecided(self, alive: int, axis: int) -> int:
        """Return the regions that may still decide from this axis on: none after the first certain one."""
        certain = alive & self._certain[axis]
        return alive & ((certain & -certain) << 1) - 1 if certain else alive

    def first(self, alive: int) -> int:
        return self._rule_of[(alive & -alive).bit_length() - 1] if alive else FALLBACK_INDEX


def _too_complex() -> InvalidInput:
    return InvalidInput([f"the policy is too complex to analyze: over {MOST_NODES:,} nodes in its decision diagram"])


def deciding(space: FactSpace, tables: Sequence[Sequence[Sequence[Region]]]) -> Diagram[tuple[int, ...]]:
    """Return the diagram of the deciding rules: for each policy's list of rule regions, the index of the first match.

    Raises:
        InvalidInput: the diagram would become too large.
    """
    nodes, rule_tables = _Nodes[tuple[int, ...]](), [_RuleTable(space, rules) for rules in tables]
    cache: dict[tuple[int, tuple[int, ...]], Node[tuple[int, ...]] | Leaf[tuple[int, ...]]] = {}

    def grow(axis: int, alive: tuple[int, ...]) -> "Node[tuple[int, ...]] | Leaf[tuple[int, ...]]":
        if axis == len(space.axes):
            return nodes.leaf(tuple(table.first(left) for table, left in zip(rule_tables, alive, strict=True)))
        if (axis, alive) not in cache:
            if len(cache) >= MOST_NODES:
                raise _too_complex()
            grouped: dict[tuple[int, ...], int] = {}
            for step in range(space.axes[axis].size):
                left = tuple(
                    table.undecided(mask & table.alive[axis][step], axis + 1)
                    for table, mask in zip(rule_tables, alive, strict=True)
                )
                grouped[left] = grouped.get(left, 0) | 1 << step
            cache[axis, alive] = nodes.node(axis, [(mask, grow(axis + 1, left)) for left, mask in grouped.items()])
        return cache[axis, alive]

    root = grow(0, tuple(table.undecided(table.all, 0) for table in rule_tables))
    return Diagram(space, root, sum(space.axes[axis].size for axis, _ in cache))


def diagram_of(policy: Policy, space: FactSpace | None = None) -> Diagram[int]:
    """Return which rule of a policy decides: its index in `policy.by_priority`, or `FALLBACK_INDEX`."""
    space = space or FactSpace([policy])
    return deciding(space, [rule_regions(policy, space)]).relabeled(lambda indices: indices[0])


def rule_regions(policy: Policy, space: FactSpace) -> list[tuple[Region, ...]]:
    """Return the regions in which each rule of a policy matches, in evaluation order."""
    return [regions(rule, policy, space) for rule in policy.by_priority]
