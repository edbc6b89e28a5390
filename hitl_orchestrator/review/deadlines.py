"""The consequence of a missed deadline. It is never an approval."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import OnTimeout
from hitl_orchestrator.domain.roles import RoleChain


def what_then(decision: RoutingDecision, role: str, chain: RoleChain) -> OnTimeout | None:
    """Return what happens to a review for `role` at its deadline; None if the rule sets none.

    At the top of the chain there is no role to escalate to, so the review stays open.
    """
    if decision.respond_within is None:
        return None
    if decision.on_timeout is OnTimeout.ESCALATE and chain.above(role) is None:
        return OnTimeout.WAIT
    return decision.on_timeout
