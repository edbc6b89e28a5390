"""The risk level of a task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.domain_and_type import OneOf
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.phrases import join

_LEVELS = tuple(RiskLevel)


@dataclass(frozen=True)
class RiskAxis(base.Axis):
    """The risk levels, from low to high."""

    name: str = "risk_level"
    size: int = len(_LEVELS)
    phrase_order: int = 0
    source: str = "risk_level"

    def locate(self, facts: Facts) -> int:
        return _LEVELS.index(facts.risk_level)

    def place(self, facts: Facts, step: int) -> Facts:
        return replace(facts, risk_level=_LEVELS[step])

    def problem(self, facts: Facts) -> str | None:
        if isinstance(facts.risk_level, RiskLevel):
            return None
        return f"facts: risk_level: {facts.risk_level!r} is not a risk level"

    def reads(self, conditions: Conditions) -> bool:
        return bool(conditions.risk_level)

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return the named levels, and all others."""
        holds = base.mask_of(map(_LEVELS.index, reading[0].risk_level))
        return base.Steps(holds, (1 << self.size) - 1 & ~holds)

    def describe(self, mask: int) -> str:
        """Return such as `low or medium risk`."""
        return f"{join((_LEVELS[step] for step in base.steps_of(mask)), 'or')} risk"

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `if the risk were low or medium`."""
        return f"if the risk were {self.describe(mask).removesuffix(' risk')}"

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        return base.SAME_KIND, abs(step - self.locate(facts)), 0

    def ordered(self, step: int) -> range:
        return range(self.size)


def _conditions(reading: base.Reading) -> Iterator[base.Condition]:
    if reading[0].risk_level:
        yield OneOf("risk_level", "the risk", reading[0].risk_level)


def _axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
    yield RiskAxis()


RISK = base.Kind(_conditions, _axes)
