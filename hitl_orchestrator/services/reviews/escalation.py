"""The next review of a case: for another reviewer of the role, or for a role above."""

from datetime import timedelta

from hitl_orchestrator.domain.review import ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.review.deadlines import timeout_action
from hitl_orchestrator.review.decision_checks import role_to_pass_to
from hitl_orchestrator.review.rights import Rights

__all__ = ["escalated_to", "next_review"]


def escalated_to(rights: Rights, role: str, chain: RoleChain) -> str:
    """Return the next role up that a reviewer can fill, or else the next role up. Raises `TopOfChain`."""
    above = role_to_pass_to(rights.row, role, chain)
    higher = chain.roles[chain.roles.index(above) :]
    return next((each for each in higher if rights.left(role=each)), above)


def next_review(
    row: StoredReview,
    role: str,
    because: str,
    chain: RoleChain,
    answer_within: timedelta | None,
    *,
    escalated: bool = False,
) -> ReviewSnapshot:
    """Return the content of the next review of a case."""
    level = row.level + 1
    fields = {
        "review_id": f"{row.case_id}.{level}",
        "level": level,
        "role": role,
        "on_timeout": None if row.shown.replayed else timeout_action(row.shown.routing.decision, role, chain),
        "passed_up_because": because,
        "escalations": row.shown.escalations + escalated,
        "answer_within": answer_within,
    }
    return row.shown.model_copy(update=fields)
