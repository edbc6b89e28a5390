"""What a rule asks, multiplied out into boxes of cells. Exact: a cell is in one of them just if the rule holds in it.

`any` and `not` turn into several boxes; what is unknown on a step counts as the rule's action wants it (see
`conditions`): as not holding where the rule approves, as holding where it asks for a person.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.engine.partition import (
    Cell,
    ConfidenceAxis,
    FactSpace,
    MetadataAxis,
    Region,
    SignalsAxis,
    TimeAxis,
    WordAxis,
    mask_of,
)
from hitl_orchestrator.policies.engine.timezones import TimesAxis
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions, FieldType, Signals, Window
from hitl_orchestrator.policies.language.model import Policy, Rule, type_of

_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge}


class Literal(NamedTuple):
    """What is asked of one axis: the steps on which it surely holds, and those on which it surely does not."""

    axis: int
    holds: int
    fails: int


def boxes(rule: Rule, policy: Policy, space: FactSpace) -> tuple[Region, ...]:
    """Return the boxes in which a rule of the policy holds; none where its conditions contradict each other.

    The policy must be one of those that the space was made of. What `auto_approve` needs whatever its rule says, a
    proposal with a confidence, is asked for too.
    """
    surely = rule.action is Action.AUTO_APPROVE
    whole = space.full
    if surely:
        approvable = whole[space.confidence] & ~0b11
        whole = (*whole[: space.confidence], approvable)
    found = _Boxes(space, policy, surely).of(rule.conditions, (whole,), denied=False)
    return tuple(dict.fromkeys(found))


def surely_holds_somewhere(said: Conditions, policy: Policy, space: FactSpace) -> bool:
    """Whether there is a case in which all that these conditions ask is known, or needs not be, and they hold."""
    return any(True for _ in _Boxes(space, policy, surely=True).of(said, (space.full,), denied=False))


def both(one: Region, other: Region) -> Region | None:
    """Return the cells that stand in both boxes; None where there are none."""
    shared = tuple(mask & also for mask, also in zip(one, other, strict=True))
    return shared if all(shared) else None


class _Boxes:
    def __init__(self, space: FactSpace, policy: Policy, surely: bool) -> None:
        self._space, self._policy, self._surely = space, policy, surely

    def of(self, said: Conditions, within: Iterable[Region], *, denied: bool) -> Iterable[Region]:
        """Return the boxes, within these, in which the conditions hold, or where `denied` their contrary does."""
        literals = list(self._literals(said))
        parts = [(one, denied) for one in said.all] + ([] if said.not_ is None else [(said.not_, not denied)])
        if not denied:
            within = [left for box in within if (left := self._cut(box, literals)) is not None]
            within = reduce(lambda boxes, part: list(self.of(part[0], boxes, denied=part[1])), parts, within)
            return [box for one in said.any for box in self.of(one, within, denied=False)] if said.any else within
        within = list(within)
        found = [box for literal in literals for box in self._denying(literal, within)]
        found += [box for one, contrary in parts for box in self.of(one, within, denied=contrary)]
        if said.any:
            found += reduce(lambda boxes, one: list(self.of(one, boxes, denied=True)), said.any, within)
        return found

    def _cut(self, box: Region, literals: Iterable[Literal]) -> Region | None:
        masks = list(box)
        for axis, holds, fails in literals:
            masks[axis] &= holds if self._surely else ~fails
        return tuple(masks) if all(masks) else None

    def _denying(self, literal: Literal, within: Iterable[Region]) -> Iterator[Region]:
        axis, holds, fails = literal
        wanted = fails if self._surely else ~holds
        for box in within:
            mask = box[axis] & wanted
            if mask:
                yield (*box[:axis], mask, *box[axis + 1 :])

    def _literals(self, said: Conditions) -> Iterator[Literal]:
        if said.risk_level:
            yield self._known("risk_level", mask_of(tuple(RiskLevel).index(level) for level in said.risk_level))
        for name, words in (("domain", said.domain), ("task_type", said.task_type)):
            if words:
                axis: WordAxis = self._axis(name)
                yield self._known(name, mask_of(axis.places[word] for word in words))
        if said.min_confidence is not None or said.max_confidence is not None:
            yield self._known("confidence", self._confident(said.min_confidence, said.max_confidence))
        if not said.signals.says_nothing:
            yield self._known("signals", self._raised(said.signals))
        for field, comparison in said.metadata.items():
            yield self._compared(field, comparison)
        if said.time is not None:
            yield self._during(said.time)

    def _axis(self, name: str) -> Any:
        return self._space.axes[self._space.index[name]]

    def _known(self, name: str, mask: int) -> Literal:
        """Return what holds on these steps, and on no other."""
        axis = self._space.index[name]
        return Literal(axis, mask, self._space.full[axis] & ~mask)

    def _confident(self, lowest: float | None, highest: float | None) -> int:
        axis: ConfidenceAxis = self._axis("confidence")
        return mask_of(
            step
            for step, bound in enumerate(axis.bounds, start=2)
            if (lowest is None or bound >= lowest) and (highest is None or bound < highest)
        )

    def _raised(self, said: Signals) -> int:
        axis: SignalsAxis = self._axis("signals")
        some, each, no = (
            mask_of(axis.signals.index(one) for one in named) for named in (said.any, said.all, said.none)
        )
        return mask_of(
            step for step in range(axis.size) if (not some or step & some) and step & each == each and not step & no
        )

    def _compared(self, field: str, said: Comparison) -> Literal:
        axis: MetadataAxis = self._axis(f"metadata.{field}")
        kind = self._policy.metadata[field]
        verdicts = dict(enumerate(_verdicts(axis.samples, said, kind)))
        holds, fails = (mask_of(step for step, one in verdicts.items() if one is wanted) for wanted in (True, False))
        return Literal(self._space.index[axis.name], holds, fails)

    def _during(self, window: Window) -> Literal:
        axis: TimeAxis | TimesAxis = self._axis("time")
        stretches, told = window.minutes, axis.opened(self._policy.timezone)
        begun = mask_of(step for step, edge in told if any(begins <= edge < ends for begins, ends in stretches))
        index = self._space.index[axis.name]
        return Literal(index, begun, self._space.full[index] & ~begun & ~1)


def _verdicts(values: Iterable[Any], said: Comparison, kind: FieldType) -> Iterator[bool | None]:
    """Yield what the comparison says of each value; None where that is unknown."""
    compared = [(_NUMBERS[operator], other) for operator, other in said.operands if operator != "in"]
    # Looked up in a set, for a list of thousands has as many steps.
    listed = frozenset(said.in_)
    for value in values:
        found: list[bool | None] = [] if said.exists is None else [(value is not None) is said.exists]
        fits = type_of(value) is kind
        found += [relation(value, other) if fits else None for relation, other in compared]
        if listed:
            found.append(value in listed if fits else None)
        yield False if False in found else None if None in found else True


def merged(found: Iterable[Region]) -> list[Region]:
    """Return the same cells in fewer boxes: two that differ on one axis alone are one."""
    left = list(dict.fromkeys(found))
    for axis in reversed(range(len(left[0]) if left else 0)):
        together: dict[Region, int] = {}
        for box in left:
            rest = (*box[:axis], 0, *box[axis + 1 :])
            together[rest] = together.get(rest, 0) | box[axis]
        left = [(*rest[:axis], mask, *rest[axis + 1 :]) for rest, mask in together.items()]
    return left


def holds(box: Region, cell: Cell) -> bool:
    """Whether a cell stands in a box."""
    return all(mask >> step & 1 for mask, step in zip(box, cell, strict=True))
