"""Which rule decides where, for all cells at once: a decision diagram over the axes of a space.

It is the ordered and reduced diagram of Bryant (1986, IEEE Transactions on Computers C-35, 677) with many-valued
steps: a node asks for the step on one axis, equal nodes are one, and a leaf names what decides. It is exact, and it
stays small where the list of all cells would not.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.regions import boxes
from hitl_orchestrator.policies.engine.partition import Cell, FactSpace, Region
from hitl_orchestrator.policies.language.model import Policy, Rule

MOST_NODES = 200_000
FALLBACK_INDEX = -1
"""The place of the rule that decides where none holds."""

Said = TypeVar("Said", bound=Hashable)
Other = TypeVar("Other", bound=Hashable)


class Leaf(NamedTuple, Generic[Said]):
    """What is so in all cells that lead here."""

    said: Said


class Node(NamedTuple, Generic[Said]):
    """A question: on which step of this axis? Each edge holds the steps that lead on, as a bit mask."""

    axis: int
    edges: "tuple[tuple[int, Node[Said] | Leaf[Said]], ...]"


class LabeledRegion(NamedTuple, Generic[Said]):
    """A box of cells, all of which lead to one leaf."""

    box: Region
    said: Said


class Diagram(Generic[Said]):
    """What is so in each cell of a space. `work` is how many steps were looked at to find it out."""

    def __init__(self, space: FactSpace, root: "Node[Said] | Leaf[Said]", work: int = 0) -> None:
        self.space, self.root, self.work = space, root, work

    def at(self, cell: Cell) -> Said:
        """Return what is so in one cell."""
        here = self.root
        while isinstance(here, Node):
            step = 1 << cell[here.axis]
            here = next(following for mask, following in here.edges if mask & step)
        return here.said

    def found(self, within: Region | None = None) -> frozenset[Said]:
        """Return all that is so in some cell, of these only where a box is given."""
        box = within or self.space.full
        known: dict[int, frozenset[Said]] = {}

        def look(here: "Node[Said] | Leaf[Said]") -> frozenset[Said]:
            if isinstance(here, Leaf):
                return frozenset((here.said,))
            if id(here) not in known:
                reached = (look(following) for mask, following in here.edges if mask & box[here.axis])
                known[id(here)] = frozenset().union(*reached)
            return known[id(here)]

        return look(self.root)

    def regions(self, wanted: Callable[[Said], bool], within: Region | None = None) -> Iterator[LabeledRegion[Said]]:
        """Yield the boxes, disjoint and together complete, where what is so is wanted. There may be many."""
        reaches: dict[int, bool] = {}

        def leads(here: "Node[Said] | Leaf[Said]") -> bool:
            if id(here) not in reaches:
                reaches[id(here)] = (
                    wanted(here.said)
                    if isinstance(here, Leaf)
                    else any(leads(following) for _, following in here.edges)
                )
            return reaches[id(here)]

        def look(here: "Node[Said] | Leaf[Said]", box: Region) -> Iterator[LabeledRegion[Said]]:
            if isinstance(here, Leaf):
                yield LabeledRegion(box, here.said)
                return
            for mask, following in here.edges:
                left = mask & box[here.axis]
                if left and leads(following):
                    yield from look(following, (*box[: here.axis], left, *box[here.axis + 1 :]))

        if leads(self.root):
            yield from look(self.root, within or self.space.full)

    def example(self, wanted: Callable[[Said], bool], within: Region | None = None) -> LabeledRegion[Said] | None:
        """Return the first box where what is so is wanted; None where it nowhere is."""
        in_vain: set[int] = set()

        def look(here: "Node[Said] | Leaf[Said]", box: Region) -> LabeledRegion[Said] | None:
            if isinstance(here, Leaf):
                return LabeledRegion(box, here.said) if wanted(here.said) else None
            if id(here) in in_vain:
                return None
            for mask, following in here.edges:
                left = mask & box[here.axis]
                found = look(following, (*box[: here.axis], left, *box[here.axis + 1 :])) if left else None
                if found is not None:
                    return found
            in_vain.add(id(here))
            return None

        return look(self.root, within or self.space.full)

    def below(
        self, axis: int, within: Region | None = None, *, once: bool = True
    ) -> "Iterator[tuple[Region, Node[Said] | Leaf[Said]]]":
        """Yield each distinct part of the diagram from this axis on, with the first box that leads to it.

        Without `once` it comes with every such box; there may be many. What lies outside the box `within` is left out.
        """
        seen: set[int] = set()

        def look(here: "Node[Said] | Leaf[Said]", box: Region) -> "Iterator[tuple[Region, Node[Said] | Leaf[Said]]]":
            if once and id(here) in seen:
                return
            seen.add(id(here))
            if isinstance(here, Leaf) or here.axis >= axis:
                yield box, here
                return
            for mask, following in here.edges:
                left = mask & box[here.axis]
                if left:
                    yield from look(following, (*box[: here.axis], left, *box[here.axis + 1 :]))

        yield from look(self.root, within or self.space.full)

    def told_as(self, name: Callable[[Said], Other]) -> "Diagram[Other]":
        """Return the diagram of something that follows from what is so, such as the action of a rule."""
        made = _Maker[Other]()
        known: dict[int, Node[Other] | Leaf[Other]] = {}

        def look(here: "Node[Said] | Leaf[Said]") -> "Node[Other] | Leaf[Other]":
            if id(here) not in known:
                known[id(here)] = (
                    made.leaf(name(here.said))
                    if isinstance(here, Leaf)
                    else made.node(here.axis, [(mask, look(following)) for mask, following in here.edges])
                )
            return known[id(here)]

        return Diagram(self.space, look(self.root))


class _Maker(Generic[Said]):
    """Makes each node once."""

    def __init__(self) -> None:
        self._leaves: dict[Said, Leaf[Said]] = {}
        self._nodes: dict[tuple[int, tuple[tuple[int, int], ...]], Node[Said]] = {}

    def leaf(self, said: Said) -> Leaf[Said]:
        return self._leaves.setdefault(said, Leaf(said))

    def node(self, axis: int, edges: "Sequence[tuple[int, Node[Said] | Leaf[Said]]]") -> "Node[Said] | Leaf[Said]":
        merged: dict[int, tuple[int, Node[Said] | Leaf[Said]]] = {}
        for mask, following in edges:
            before = merged.get(id(following), (0, following))[0]
            merged[id(following)] = before | mask, following
        if len(merged) == 1:
            return next(iter(merged.values()))[1]
        ordered = tuple(sorted(merged.values(), key=lambda edge: edge[0] & -edge[0]))
        key = axis, tuple((mask, id(following)) for mask, following in ordered)
        if key not in self._nodes:
            if len(self._nodes) >= MOST_NODES:
                raise InvalidInput([f"the policy is too entangled to be looked through: over {MOST_NODES:,} parts"])
            self._nodes[key] = Node(axis, ordered)
        return self._nodes[key]


class _Table:
    """The boxes of the rules of one policy, in the order the rules are tried, and which of them a step leaves alive."""

    def __init__(self, space: FactSpace, held: Sequence[Sequence[Region]]) -> None:
        listed = [(place, box) for place, many in enumerate(held) for box in many]
        self.rule_of = [place for place, _ in listed]
        self.all = (1 << len(listed)) - 1
        self.alive = [
            [
                sum(1 << number for number, (_, box) in enumerate(listed) if box[axis] >> step & 1)
                for step in range(size)
            ]
            for axis, size in enumerate(one.size for one in space.axes)
        ]
        # What asks nothing of this axis and all after it holds for sure once it is alive here.
        sure, self.sure = self.all, [self.all]
        for axis in reversed(range(len(space.axes))):
            sure &= sum(1 << number for number, (_, box) in enumerate(listed) if box[axis] == space.full[axis])
            self.sure.insert(0, sure)

    def settled(self, alive: int, axis: int) -> int:
        """Return what may still decide from this axis on: nothing after the first that surely holds."""
        sure = alive & self.sure[axis]
        return alive & ((sure & -sure) << 1) - 1 if sure else alive

    def first(self, alive: int) -> int:
        return self.rule_of[(alive & -alive).bit_length() - 1] if alive else FALLBACK_INDEX


def deciding(space: FactSpace, tables: Sequence[Sequence[Sequence[Region]]]) -> Diagram[tuple[int, ...]]:
    """Return the diagram of which rule decides: for each list of rules' boxes, the place of the first that holds.

    Raises:
        InvalidInput: it would become too large.
    """
    made, made_of = _Maker[tuple[int, ...]](), [_Table(space, held) for held in tables]
    known: dict[tuple[int, tuple[int, ...]], Node[tuple[int, ...]] | Leaf[tuple[int, ...]]] = {}

    def grow(axis: int, alive: tuple[int, ...]) -> "Node[tuple[int, ...]] | Leaf[tuple[int, ...]]":
        if axis == len(space.axes):
            return made.leaf(tuple(table.first(left) for table, left in zip(made_of, alive, strict=True)))
        if (axis, alive) not in known:
            if len(known) >= MOST_NODES:
                raise InvalidInput([f"the policy is too entangled to be looked through: over {MOST_NODES:,} parts"])
            grouped: dict[tuple[int, ...], int] = {}
            for step in range(space.axes[axis].size):
                left = tuple(
                    table.settled(mask & table.alive[axis][step], axis + 1)
                    for table, mask in zip(made_of, alive, strict=True)
                )
                grouped[left] = grouped.get(left, 0) | 1 << step
            known[axis, alive] = made.node(axis, [(mask, grow(axis + 1, left)) for left, mask in grouped.items()])
        return known[axis, alive]

    root = grow(0, tuple(table.settled(table.all, 0) for table in made_of))
    return Diagram(space, root, sum(space.axes[axis].size for axis, _ in known))


def diagram_of(policy: Policy, space: FactSpace | None = None) -> Diagram[int]:
    """Return which rule of a policy decides where: its place in `policy.by_priority`, or `FALLBACK_INDEX`."""
    space = space or FactSpace([policy])
    return deciding(space, [held_by(policy.by_priority, policy, space)]).told_as(lambda places: places[0])


def held_by(rules: Sequence[Rule], policy: Policy, space: FactSpace) -> list[tuple[Region, ...]]:
    """Return the boxes in which each of these rules of a policy holds."""
    return [boxes(rule, policy, space) for rule in rules]
