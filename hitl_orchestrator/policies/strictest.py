"""Which of two decisions asks for more, and what both together ask of people: nothing is taken away."""

from datetime import timedelta
from typing import Any

from hitl_orchestrator.domain.decision import Asking, RoutingDecision
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.words import Agreement


def demand(decision: RoutingDecision, roles: RoleChain) -> tuple[int, int, int]:
    """Return how much a decision asks for: the strictness of its action, the height of its role, its approvals."""
    role = decision.assigned_human_role
    rank = roles.roles.index(role) if role in roles.roles else -1
    return decision.action.strictness, rank, decision.asking.approvals


def asked_together(more: RoutingDecision, less: RoutingDecision, roles: RoleChain) -> Asking:
    """Return what both want of the people who are asked, as far as there are roles to be distinct."""
    both = (more.asking, less.asking)
    approvals = max(one.approvals for one in both)
    of_several = {one.agreement for one in both if one.approvals > 1} or {more.asking.agreement}
    above = roles.upward(more.assigned_human_role or "")
    return more.asking.model_copy(
        update={
            "approvals": approvals,
            "agreement": Agreement.MAJORITY if of_several == {Agreement.MAJORITY} else Agreement.UNANIMITY,
            "distinct_roles": any(one.distinct_roles for one in both) and approvals <= len(above),
            "blind": any(one.blind for one in both),
        }
    )


def strictest(one: RoutingDecision, other: RoutingDecision, roles: RoleChain) -> RoutingDecision:
    """Return whichever of two layers' decisions asks for more, with all that the other asks besides; `one` on a tie.

    Reviewers are told the messages of both, and answer in the shorter of two times. Of cases that both let go ahead,
    the larger share is looked at afterwards.
    """
    more, less = (other, one) if demand(other, roles) > demand(one, roles) else (one, other)
    if not more.needs_human:
        return more.model_copy(update={"spot_check": max(more.spot_check, less.spot_check)})
    if not less.needs_human:
        return more
    messages = [told for told in (more.message, less.message) if told]
    update: dict[str, Any] = {
        "asking": asked_together(more, less, roles),
        "message": "\n".join(dict.fromkeys(messages)) or None,
    }
    if less.respond_within is not None and less.respond_within < (more.respond_within or timedelta.max):
        update |= {"respond_within": less.respond_within, "on_timeout": less.on_timeout}
    return more.model_copy(update=update)
