"""A policy as a map of its trust boundaries: risk by confidence, one panel for each context where it differs. Pure."""

from collections.abc import Iterator
from itertools import groupby, islice
from math import prod
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, Leaf, Node, diagram_of
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, say_context
from hitl_orchestrator.policies.analysis.layer_scope import region_of, space_of, whole
from hitl_orchestrator.policies.analysis.monotonicity import panel
from hitl_orchestrator.policies.analysis.regions import merged
from hitl_orchestrator.policies.engine.partition import ConfidenceAxis, FactSpace, Region, end_of
from hitl_orchestrator.policies.language.model import FALLBACK, ORGANIZATION, Policy

MOST_PANELS = 12
_MOST_CONTEXTS = 3_000
_CONTEXTS_TOLD = 2
_LONGEST_TITLE = 160


class Field(NamedTuple):
    """A stretch of one row where one rule decides; a layer of which no rule holds is silent, and has no action.

    `low` and `high` are confidences, from the first to before the second; None for tasks without a confidence.
    """

    rule_id: str
    action: Action | None
    low: float | None
    high: float | None


class Row(NamedTuple):
    """One risk: what becomes of tasks without a proposal, without a confidence, and by their confidence."""

    risk: RiskLevel
    missing: tuple[Field, Field]
    fields: tuple[Field, ...]


class Panel(NamedTuple):
    """What the policy does in some contexts, the riskiest row first. `kinds` says how many kinds of contexts."""

    title: str
    rows: tuple[Row, ...]
    kinds: int

    @property
    def parts_missing(self) -> bool:
        """Whether no proposal and no confidence are treated differently in some row."""
        return any(row.missing[0][:2] != row.missing[1][:2] for row in self.rows)


class PolicyMap(NamedTuple):
    """The panels of a policy, those of the most contexts first, and how many more there are. A notebook draws it."""

    policy_id: str
    bounds: tuple[float, ...]
    panels: tuple[Panel, ...]
    more: int

    def _repr_svg_(self) -> str:
        from hitl_orchestrator.policies.analysis.drawing import svg  # noqa: PLC0415 - it draws what stands here

        return svg(self)


def policy_map(policy: Policy, most: int = MOST_PANELS) -> PolicyMap:
    """Draw the map of a policy; each layer has panels of its own, of the cases that it is asked about.

    Raises:
        InvalidInput: the policy is too entangled to be looked through.
    """
    panels: list[Panel] = []
    bounds: set[float] = set()
    for name, layer in policy.parts:
        title = "" if len(policy.parts) == 1 else name
        diagram = diagram_of(layer, space_of(name, layer))
        axis = diagram.space.axes[diagram.space.confidence]
        bounds |= set(axis.bounds) if isinstance(axis, ConfidenceAxis) else set()
        panels += sorted(_panels(diagram, layer, title, name != ORGANIZATION), key=lambda one: -one.kinds)
    return PolicyMap(policy.policy_id, tuple(sorted(bounds)), tuple(panels[:most]), max(0, len(panels) - most))


def _panels(diagram: Diagram[int], policy: Policy, layer: str, silent: bool) -> Iterator[Panel]:
    space = diagram.space
    region = region_of(layer or ORGANIZATION, space)
    known: dict[int, tuple[Node[int] | Leaf[int], list[Region]]] = {
        id(here): (here, [box]) for box, here in diagram.below(space.risk, region)
    }
    listed = list(islice(diagram.below(space.risk, region, once=False), _MOST_CONTEXTS + 1))
    if len(listed) <= _MOST_CONTEXTS:
        known = {key: (here, []) for key, (here, _) in known.items()}
        for box, here in listed:
            known[id(here)][1].append(box)
    for here, boxes in known.values():
        together = merged(boxes)
        rows, told = panel(here, space), [whole(box, region, space) for box in together]
        yield Panel(
            _title(told, space, layer, complete=len(listed) <= _MOST_CONTEXTS),
            tuple(_row(rows[risk], risk, policy, space, silent) for risk in reversed(range(len(RiskLevel)))),
            sum(_kinds(box, space) for box in together),
        )


def _kinds(box: Region, space: FactSpace) -> int:
    return prod(mask.bit_count() for mask in box[: space.risk])


def _title(boxes: list[Region], space: FactSpace, layer: str, *, complete: bool) -> str:
    told = [say_context(box, space) for box in boxes]
    short = [one.removeprefix(f"{EVERY_CASE} ") for one in sorted(told, key=len)[:_CONTEXTS_TOLD]]
    short = short if len("; ".join(short)) <= _LONGEST_TITLE else short[:1]
    more = len(told) - len(short)
    named = "; ".join(short) + (f"; and {more} more" if more else "" if complete else "; and more")
    named = f"{layer}: {named}" if layer else named
    return named[:1].upper() + named[1:]


def _row(row: list[int], risk: int, policy: Policy, space: FactSpace, silent: bool) -> Row:
    axis = space.axes[space.confidence]
    bounds = axis.bounds if isinstance(axis, ConfidenceAxis) else (0.0,)
    rules = policy.by_priority

    def field(place: int, low: float | None = None, high: float | None = None) -> Field:
        if place == FALLBACK_INDEX:
            return Field("" if silent else FALLBACK, None if silent else Action.HUMAN_REVIEW, low, high)
        return Field(rules[place].rule_id, rules[place].action, low, high)

    runs = (list(run) for _, run in groupby(range(2, len(row)), key=row.__getitem__))
    fields = (field(row[run[0]], bounds[run[0] - 2], min(1.0, end_of(bounds, run[-1]))) for run in runs)
    return Row(tuple(RiskLevel)[risk], (field(row[0]), field(row[1])), tuple(fields))
