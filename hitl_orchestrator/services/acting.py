"""The acting reviewer, the channel and the case: values that every service takes."""

from typing import NamedTuple

from hitl_orchestrator.domain.principal import Principal
from hitl_orchestrator.errors import InvalidInput, NotAuthorized

__all__ = ["Acting", "CaseKey"]


class Acting(NamedTuple):
    """The identity that a face has established: the principal, the reviewer, and the channel that the ledger records.

    The reviewer of a local principal is stated by the call; that of another principal is its own person.
    """

    reviewer: str | None = None
    channel: str = "library"
    principal: Principal = Principal.local()

    def named(self, reviewer: str | None) -> "Acting":
        """Return this identity with the reviewer whom a call names.

        Raises:
            NotAuthorized: the call names a reviewer other than the acting one.
        """
        if self.reviewer is not None and reviewer is not None and reviewer != self.reviewer:
            raise NotAuthorized(self.reviewer, f"the call names {reviewer!r}; reviewers act for themselves only")
        return self if reviewer is None else self._replace(reviewer=reviewer)

    @property
    def reviewer_id(self) -> str:
        """The acting reviewer. Raises `InvalidInput` where neither the call nor `acting_as` names one."""
        if self.reviewer is None:
            raise InvalidInput(["reviewer: missing; pass reviewer=, or bind one with acting_as(reviewer)"])
        return self.reviewer


class CaseKey(NamedTuple):
    """Names one case: by its own id, or by the id of its task, which means the latest attempt."""

    case_id: str | None = None
    task_id: str | None = None

    @classmethod
    def of(cls, case_id: str | None, task_id: str | None) -> "CaseKey":
        """Return the key that the caller passed. Raises `InvalidInput` unless exactly one id was passed."""
        if (case_id is None) == (task_id is None):
            raise InvalidInput(["pass a case_id, or task_id=; exactly one of them"])
        for name, value in (("case_id", case_id), ("task_id", task_id)):
            if not isinstance(value, str | None):
                raise InvalidInput([f"{name}: {value!r} is not text"])
        return cls(case_id, task_id)

    @property
    def text(self) -> str:
        """The id as the caller passed it, for messages."""
        return str(self.case_id if self.task_id is None else self.task_id)
