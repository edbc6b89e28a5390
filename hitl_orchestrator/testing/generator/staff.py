"""The reviewers of the generated organization, with their habits: the routine one approves some outputs unseen."""

from typing import Any

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer

_FIRST, _MIDDLE, _TOP = DEFAULT_CHAIN.roles
_CUSTOMERS = ("customer_support", "trust_and_safety", "insurance_claims")
_INSIDE = ("lending", "finance", "it_operations", "insurance_claims")
ROUTINE = "ben"
"""The reviewer who approves a quarter of the outputs without looking."""


def _one(reviewer_id: str, role: str, domains: tuple[str, ...], habits: Habits) -> SimulatedReviewer:
    reviewer = Reviewer(reviewer_id=reviewer_id, name=reviewer_id.title(), roles=(role,), domains=domains)
    return SimulatedReviewer(reviewer, habits)


STAFF = (
    _one("ana", _FIRST, _CUSTOMERS, Habits(accuracy=0.985, strictness=0.2, overrides=0.1, doubt=0.03, seconds=180)),
    _one(ROUTINE, _FIRST, ("*",), Habits(accuracy=0.96, bias=0.25, strictness=0.3, overrides=0.05, seconds=45)),
    _one("chloe", _FIRST, _INSIDE, Habits(accuracy=0.98, strictness=0.35, overrides=0.1, doubt=0.05, seconds=240)),
    _one("max", _MIDDLE, ("*",), Habits(accuracy=0.985, strictness=0.3, overrides=0.35, seconds=300)),
    _one("nadia", _MIDDLE, ("*",), Habits(accuracy=0.99, strictness=0.4, overrides=0.2, doubt=0.02, seconds=420)),
    _one("olga", _TOP, ("*",), Habits(accuracy=0.995, strictness=0.5, overrides=0.2, seconds=600)),
)
REPLAYS = "max"
"""The reviewer who may replay the recorded reviews."""


def able(role: str, domain: str) -> list[SimulatedReviewer]:
    """Return the staff that decides reviews for this role in this domain."""
    return [
        each
        for each in STAFF
        if role in each.reviewer.roles and ("*" in each.reviewer.domains or domain in each.reviewer.domains)
    ]


def reviewers_file() -> dict[str, Any]:
    """Return the reviewers file of the staff."""
    fields = {"reviewer_id", "name", "roles", "domains"}
    return {
        "escalation_chain": list(DEFAULT_CHAIN.roles),
        "reviewers": [each.reviewer.model_dump(mode="json", include=fields) for each in STAFF],
    }
