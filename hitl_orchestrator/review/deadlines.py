"""What becomes of a review that nobody answers in time. Never an approval. Pure."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import OnTimeout
from hitl_orchestrator.domain.roles import RoleChain


def what_then(decision: RoutingDecision, role: str, chain: RoleChain) -> OnTimeout | None:
    """Return what becomes of the review that asks `role`; None where the rule sets no time.

    There is nobody above the top of the chain: what would be passed up from there waits.
    """
    if decision.respond_within is None:
        return None
    if decision.on_timeout is OnTimeout.ESCALATE and chain.above(role) is None:
        return OnTimeout.WAIT
    return decision.on_timeout
