"""The order of decisions by their requirements for reviewers, and their combination without loss of a requirement."""

from datetime import timedelta
from math import inf
from typing import Any

from hitl_orchestrator.domain.decision import ReviewRequirements, RoutingDecision
from hitl_orchestrator.domain.enums import Agreement, OnTimeout
from hitl_orchestrator.domain.roles import RoleChain


def demand(decision: RoutingDecision, roles: RoleChain) -> tuple[int, int, int]:
    """Return the strictness of the action, the rank of the role, and the number of approvals.

    A role outside the chain ranks with the top, which decides in its place; having no role ranks lowest.
    """
    role = decision.assigned_human_role
    rank = -1 if role is None else roles.roles.index(roles.filled(role))
    return decision.action.strictness, rank, decision.requirements.approvals


def deadline_demands(decision: RoutingDecision) -> tuple[float, ...]:
    """Return how strict the deadline is: the time, the clock, and the action at the timeout; larger is stricter.

    Having no deadline is the least strict: no response is required and nothing escalates. Escalation and rejection at
    the timeout are not comparable, so each counts separately.
    """
    if decision.respond_within is None:
        return -inf, 0, 0, 0
    clock = 1 if decision.requirements.business_hours else 2
    escalates, rejects = (decision.on_timeout is action for action in (OnTimeout.ESCALATE, OnTimeout.REJECT))
    return -decision.respond_within.total_seconds(), clock, escalates, rejects


def in_order(
    first: RoutingDecision, second: RoutingDecision, roles: RoleChain
) -> tuple[RoutingDecision, RoutingDecision]:
    """Return the stricter decision, then the other; `first` comes first on a tie."""
    return (second, first) if demand(second, roles) > demand(first, roles) else (first, second)


def strictest(first: RoutingDecision, second: RoutingDecision, roles: RoleChain) -> RoutingDecision:
    """Return the stricter of two decisions, with every requirement of the other one added; `first` on a tie.

    The higher role, the larger number of approvals, and the earlier deadline apply. Reviewers see the messages of both.
    Where both approve automatically, the larger share of spot checks and of cases held for a person applies.
    """
    more, less = in_order(first, second, roles)
    if not more.needs_human:
        update: dict[str, Any] = {
            name: max(getattr(more, name), getattr(less, name)) for name in ("spot_check", "hold")
        }
    else:
        less = less if less.needs_human else more
        role = roles.higher(more.assigned_human_role or "", less.assigned_human_role or "")
        messages = [message for message in (more.message, less.message) if message]
        update = {"assigned_human_role": role, "message": "\n".join(dict.fromkeys(messages)) or None}
        requirements, deadline = _combined_asking(more, less, roles.upward(role)), _combined_deadline(more, less)
        update |= {name: deadline.pop(name) for name in ("respond_within", "on_timeout")}
        update["requirements"] = requirements.model_copy(update=deadline)
    changes = {name: value for name, value in update.items() if getattr(more, name) != value}
    return more.model_copy(update=changes) if changes else more


def stricter(first: RoutingDecision, second: RoutingDecision, roles: RoleChain) -> RoutingDecision:
    """Return `strictest` of the answers of two policies, with a reason that names both where both contribute."""
    more, less = in_order(first, second, roles)
    combined = strictest(first, second, roles)
    if (combined.requirements, combined.assigned_human_role) == (more.requirements, more.assigned_human_role):
        return combined
    reason = f"{more.reason}; {less.rule_id} of policy {less.policy_hash[:12]} adds requirements for the review"
    return combined.model_copy(update={"reason": reason})


def _combined_asking(more: RoutingDecision, less: RoutingDecision, able: tuple[str, ...]) -> ReviewRequirements:
    """Return the requirements of both; distinct roles only as far as there are enough roles."""
    both = (more.requirements, less.requirements)
    approvals = max(requirements.approvals for requirements in both)
    agreements = {requirements.agreement for requirements in both if requirements.approvals > 1} or {
        more.requirements.agreement
    }
    return more.requirements.model_copy(
        update={
            "approvals": approvals,
            "agreement": Agreement.MAJORITY if agreements == {Agreement.MAJORITY} else Agreement.UNANIMITY,
            "distinct_roles": any(requirements.distinct_roles for requirements in both) and approvals <= len(able),
            "blind": any(requirements.blind for requirements in both),
            "teams": tuple(sorted({team for requirements in both for team in requirements.teams})),
            "not_by": tuple(sorted({each for requirements in both for each in requirements.not_by})),
        }
    )


def _combined_deadline(more: RoutingDecision, less: RoutingDecision) -> dict[str, Any]:
    """Return a deadline that is no later than either: its length, clock, reminder, and the action at the timeout.

    The action is that of the earlier deadline; where that only waits, that of the other. Working time lasts longer than
    time on the clock, so where the two differ, the shorter length counts on the clock. The earlier reminder that still
    comes after the opening applies.
    """
    timed = [decision for decision in (more, less) if decision.respond_within is not None]
    first = min(timed, key=lambda decision: decision.respond_within or timedelta.max, default=more)
    within = first.respond_within
    actions = [each.on_timeout for each in (first, *timed) if each.on_timeout is not OnTimeout.WAIT]
    reminders = [each.requirements.remind_before for each in timed if each.requirements.remind_before is not None]
    return {
        "respond_within": within,
        "on_timeout": next(iter(actions), first.on_timeout),
        "business_hours": bool(timed) and all(each.requirements.business_hours for each in timed),
        "remind_before": max((each for each in reminders if within is not None and each < within), default=None),
    }
