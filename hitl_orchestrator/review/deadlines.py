"""The consequence of a missed deadline. It is never an approval."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import OnTimeout
from hitl_orchestrator.domain.roles import RoleChain


def timeout_action(decision: RoutingDecision, role: str, chain: RoleChain) -> OnTimeout | None:
    """Return the action at the deadline of a review for `role`; None if the rule sets no deadline.

    At the top of the chain there is no role to escalate to, so the review stays open.
    """
    if decision.respond_within is None:
        return None
    if decision.on_timeout is OnTimeout.ESCALATE and chain.above(role) is None:
        return OnTimeout.WAIT
    return decision.on_timeout
