"""The finite partition of all possible facts into cells. No condition of the policies changes inside a cell.

Each fact is an axis. A policy names finitely many values of it, and the axis has one step for each of them and for each
interval between them. A cell is one step on each axis; a region is a set of steps on each axis, as a bit mask.

Without a proposal its fields and those of its agent are missing. Cells without a proposal but with such a field stand
for the cell in which they are missing, so that every cell has an answer (see `regions`).
"""

from collections.abc import Iterable
from dataclasses import replace
from math import prod

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies.engine.axes.base import Axis, Kind, steps_of
from hitl_orchestrator.policies.engine.axes.confidence import CONFIDENCE, bounds_of
from hitl_orchestrator.policies.engine.axes.domain_and_type import DOMAIN, TASK_TYPE
from hitl_orchestrator.policies.engine.axes.fields.kinds import FIELDS
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.engine.axes.moment import TIME
from hitl_orchestrator.policies.engine.axes.risk import RISK
from hitl_orchestrator.policies.engine.axes.signals import SIGNALS
from hitl_orchestrator.policies.language.model import Policy

Cell = tuple[int, ...]
"""The step on each axis of a space."""

Region = tuple[int, ...]
"""The steps on each axis of a space, as bit masks: all cells whose every step is among them."""

EVALUATION_ORDER: tuple[Kind, ...] = (RISK, DOMAIN, TASK_TYPE, CONFIDENCE, SIGNALS, *FIELDS, TIME)
"""All kinds of facts, in the order in which the conditions of a rule are evaluated."""

AXIS_ORDER: tuple[Kind, ...] = (DOMAIN, TASK_TYPE, TIME, *FIELDS, SIGNALS, RISK, CONFIDENCE)
"""The same kinds in the order of the axes: the decision map needs risk and confidence last."""


class FactSpace:
    """The axes of all facts that some policies read, those of risk and confidence last.

    Raises:
        InvalidInput: the policies read time windows in different time zones.
    """

    def __init__(self, policies: Iterable[Policy]) -> None:
        readings = [
            (conditions, policy) for policy in policies for rule in policy.rules for _, conditions in rule.when.walk()
        ]
        self.axes: tuple[Axis, ...] = tuple(axis for kind in AXIS_ORDER for axis in kind.axes(readings))
        self.full: Region = tuple((1 << axis.size) - 1 for axis in self.axes)
        self.index = {axis.name: index for index, axis in enumerate(self.axes)}
        self.risk, self.confidence = len(self.axes) - 2, len(self.axes) - 1
        self.of_output = tuple(
            index for index, axis in enumerate(self.axes) if axis.source in SOURCES and SOURCES[axis.source].of_output
        )
        self.bounds = bounds_of(readings)

    @property
    def size(self) -> int:
        """The number of cells."""
        return prod(axis.size for axis in self.axes)

    def locate(self, facts: Facts) -> Cell:
        """Return the cell of facts."""
        return tuple([axis.locate(facts) for axis in self.axes])

    def facts(self, cell: Cell, base: Facts | None = None) -> Facts:
        """Return facts in this cell; facts without an axis are those of `base`."""
        facts = base or Facts(RiskLevel.LOW, "any", "any", None, derived={})
        for axis, step in zip(self.axes, cell, strict=True):
            facts = axis.place(facts, step)
        return facts if facts.has_proposal else replace(facts, proposal={}, agent={})

    def sample(self, region: Region) -> Facts:
        """Return facts in this region, on its lowest steps, avoiding missing values where it can."""
        masks = (mask & ~axis.missing or mask for mask, axis in zip(region, self.axes, strict=True))
        return self.facts(tuple(next(steps_of(mask)) for mask in masks))
