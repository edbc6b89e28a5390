"""Who acts through a facade, and over which channel."""

from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.errors import InvalidInput, NotAuthorized

__all__ = ["Acting", "one_id", "review_of"]


class Acting(NamedTuple):
    """The identity that a face has established: the reviewer, and the channel that the ledger records."""

    reviewer: str | None = None
    channel: str = "library"

    def reviewer_or(self, reviewer: str | None) -> str:
        """Return the acting reviewer.

        Raises:
            NotAuthorized: the call names a reviewer other than the acting one.
            InvalidInput: neither the call nor `acting_as` names a reviewer.
        """
        name = self.optional(reviewer)
        if name is None:
            raise InvalidInput(["reviewer: missing; pass reviewer=, or bind one with acting_as(reviewer)"])
        return name

    def optional(self, reviewer: str | None) -> str | None:
        """Return the acting reviewer, or None. Raises `NotAuthorized` as `reviewer_or` does."""
        if self.reviewer is not None and reviewer is not None and reviewer != self.reviewer:
            raise NotAuthorized(self.reviewer, f"the call names {reviewer!r}; reviewers act for themselves only")
        return self.reviewer if reviewer is None else reviewer


def one_id(case_id: str | None, task_id: str | None) -> str:
    """Return the id that the caller passed.

    Raises:
        InvalidInput: both ids were passed, or neither.
    """
    if (case_id is None) == (task_id is None):
        raise InvalidInput(["pass either a case_id or task_id=, not both"])
    return str(task_id if case_id is None else case_id)


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
