"""The lowest confidence from which a policy approves automatically, for each risk. Exact."""

from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, diagram_of
from hitl_orchestrator.policies.analysis.layer_scope import space_of
from hitl_orchestrator.policies.analysis.monotonicity import decision_grid
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy


class AutomaticFrom(NamedTuple):
    """The lowest `confidence` at which some case of a risk is approved automatically; None where none ever is.

    `rule_id` is the rule that approves there, and `everywhere` whether the bound is the same in all other respects,
    such as task types. Layers of domains and users may be stricter.
    """

    risk: RiskLevel
    confidence: float | None
    rule_id: str | None
    everywhere: bool

    @property
    def label(self) -> str:
        """The rule, or that it applies to some cases only: `by rule_004`."""
        return "" if self.rule_id is None else f"by {self.rule_id}" if self.everywhere else "in some cases"


def automatic_from(policy: Policy) -> tuple[AutomaticFrom, ...]:
    """Return the bounds of the organization's layer, for each risk from low to high.

    Raises:
        InvalidInput: the policy is too complex to analyze.
    """
    layer = dict(policy.parts)[ORGANIZATION]
    space, rules = space_of(ORGANIZATION, layer), layer.by_priority
    starts: dict[RiskLevel, set[tuple[float, str] | None]] = {risk: set() for risk in RiskLevel}
    for _, part in diagram_of(layer, space).below(space.risk):
        for risk, row in zip(RiskLevel, decision_grid(part, space), strict=True):
            approving = (
                (bound, rules[rule].rule_id)
                for bound, rule in zip(space.bounds, row[FIRST_CONFIDENCE:], strict=True)
                if rule != FALLBACK_INDEX and rules[rule].action is Action.AUTO_APPROVE
            )
            starts[risk].add(next(approving, None))
    found = []
    for risk, ends in starts.items():
        confidence, rule_id = min((end for end in ends if end is not None), default=(None, None))
        found.append(AutomaticFrom(risk, confidence, rule_id, everywhere=len(ends) == 1))
    return tuple(found)
