"""The bounds of a policy as the map of trust boundaries shows them."""

from hitl_orchestrator.insights.plots import Bound
from hitl_orchestrator.policies import Policy
from hitl_orchestrator.policies.analysis.automatic_from import automatic_from


def policy_bounds(policy: Policy) -> tuple[Bound, ...]:
    """Return the confidence from which a policy approves automatically, for each risk.

    Raises:
        InvalidInput: the policy is too complex to analyze.
    """
    return tuple(Bound(found.risk, found.confidence, found.label) for found in automatic_from(policy))
