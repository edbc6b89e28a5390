"""The review that a decision and its separate fields make."""

from typing import Any

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.errors import InvalidInput

__all__ = ["review_of"]


def review_of(decision: Review | HumanDecision | str | None, **fields: object) -> Review:
    """Return the review that a decision and its fields make; fields that are None or empty are left out.

    Raises:
        InvalidInput: the decision is missing or unknown, or a `Review` comes together with separate fields.
    """
    stated = {name: value for name, value in fields.items() if value not in (None, "")}
    if isinstance(decision, Review):
        if stated:
            raise InvalidInput([f"decide: {', '.join(sorted(stated))}: put these into the Review"])
        return decision
    if decision is None:
        raise InvalidInput([f"decide: decision: missing; one of {', '.join(HumanDecision)}"])
    try:
        return Review.model_validate({"human_decision": decision, **stated})
    except ValueError as exc:
        problems: list[dict[str, Any]] = getattr(exc, "errors", list)()
        raise InvalidInput([f"decide: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems]) from exc
