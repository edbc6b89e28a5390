"""Which of two decisions asks for more, and what both together ask of people: nothing is taken away."""

from datetime import timedelta
from math import inf
from typing import Any

from hitl_orchestrator.domain.decision import ReviewRequirements, RoutingDecision
from hitl_orchestrator.domain.enums import Agreement, OnTimeout
from hitl_orchestrator.domain.roles import RoleChain


def demand(decision: RoutingDecision, roles: RoleChain) -> tuple[int, int, int]:
    """Return how much a decision asks for: the strictness of its action, the height of its role, its approvals."""
    role = decision.assigned_human_role
    rank = roles.roles.index(role) if role in roles.roles else -1
    return decision.action.strictness, rank, decision.requirements.approvals


def demands_in_time(decision: RoutingDecision) -> tuple[float, ...]:
    """Return what a decision asks for by its deadline: how soon, on which clock, and what then; most is asked by most.

    No deadline at all asks for least: nobody has to answer, and nobody above is asked. That a case is passed up, and
    that it is rejected unseen, cannot be weighed against each other: each asks for something that the other does not.
    """
    if decision.respond_within is None:
        return -inf, 0, 0, 0
    on_the_clock = 1 if decision.requirements.business_hours else 2
    passed_up, rejected = (decision.on_timeout is then for then in (OnTimeout.ESCALATE, OnTimeout.REJECT))
    return -decision.respond_within.total_seconds(), on_the_clock, passed_up, rejected


def in_order(one: RoutingDecision, other: RoutingDecision, roles: RoleChain) -> tuple[RoutingDecision, RoutingDecision]:
    """Return the decision that asks for more, then the other; `one` first on a tie."""
    return (other, one) if demand(other, roles) > demand(one, roles) else (one, other)


def strictest(one: RoutingDecision, other: RoutingDecision, roles: RoleChain) -> RoutingDecision:
    """Return whichever of two decisions asks for more, with all that the other asks besides; `one` on a tie.

    The higher role decides, by the larger number of approvals. Reviewers are told the messages of both, and no answer
    is due later than either wants it. Of cases that both let go ahead, the larger share is looked at afterwards.
    """
    more, less = in_order(one, other, roles)
    if not more.needs_human:
        update: dict[str, Any] = {"spot_check": max(more.spot_check, less.spot_check)}
    else:
        less = less if less.needs_human else more
        role = roles.higher(more.assigned_human_role or "", less.assigned_human_role or "")
        messages = [told for told in (more.message, less.message) if told]
        update = {"assigned_human_role": role, "message": "\n".join(dict.fromkeys(messages)) or None}
        requirements, times = _asked_together(more, less, roles.upward(role)), _times(more, less)
        update |= {name: times.pop(name) for name in ("respond_within", "on_timeout")}
        update["requirements"] = requirements.model_copy(update=times)
    changed = {name: value for name, value in update.items() if getattr(more, name) != value}
    return more.model_copy(update=changed) if changed else more


def stricter(one: RoutingDecision, other: RoutingDecision, roles: RoleChain) -> RoutingDecision:
    """Return the `strictest` of what two policies say, telling in its reason where the other asks for more."""
    more, less = in_order(one, other, roles)
    both = strictest(one, other, roles)
    if (both.requirements, both.assigned_human_role) == (more.requirements, more.assigned_human_role):
        return both
    reason = f"{more.reason}; {less.rule_id} of policy {less.policy_hash[:12]} asks for more of who decides"
    return both.model_copy(update={"reason": reason})


def _asked_together(more: RoutingDecision, less: RoutingDecision, able: tuple[str, ...]) -> ReviewRequirements:
    """Return what both want of the people who are asked, as far as there are roles to be distinct."""
    both = (more.requirements, less.requirements)
    approvals = max(one.approvals for one in both)
    of_several = {one.agreement for one in both if one.approvals > 1} or {more.requirements.agreement}
    return more.requirements.model_copy(
        update={
            "approvals": approvals,
            "agreement": Agreement.MAJORITY if of_several == {Agreement.MAJORITY} else Agreement.UNANIMITY,
            "distinct_roles": any(one.distinct_roles for one in both) and approvals <= len(able),
            "blind": any(one.blind for one in both),
        }
    )


def _times(more: RoutingDecision, less: RoutingDecision) -> dict[str, Any]:
    """Return until when an answer is due, and what then: no later than either of them wants it.

    What then happens is as the earlier one says; if that only waits, as the other says.
    Working time lasts longer than time on the clock; where one of them counts the one and the other the other, the
    shorter of the two lengths is counted on the clock. The earlier reminder that still comes after the opening counts.
    """
    timed = [one for one in (more, less) if one.respond_within is not None]
    first = min(timed, key=lambda one: one.respond_within or timedelta.max, default=more)
    within = first.respond_within
    thens = [one.on_timeout for one in (first, *timed) if one.on_timeout is not OnTimeout.WAIT]
    reminders = [one.requirements.remind_before for one in timed if one.requirements.remind_before is not None]
    return {
        "respond_within": within,
        "on_timeout": next(iter(thens), first.on_timeout),
        "business_hours": bool(timed) and all(one.requirements.business_hours for one in timed),
        "remind_before": max((each for each in reminders if within is not None and each < within), default=None),
    }
