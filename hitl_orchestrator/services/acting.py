"""The acting reviewer, the channel and the case: values that every service takes."""

from typing import NamedTuple

from hitl_orchestrator.domain.enums import Authentication
from hitl_orchestrator.domain.principal import LOCAL, Principal, PrincipalKind
from hitl_orchestrator.errors import InvalidInput, NotAuthorized

__all__ = ["Acting", "CaseKey"]


RESERVED_CHANNELS = frozenset({"graph", "replay", "timeout"})
"""The channels that the system records itself; no caller may name them."""


class Acting(NamedTuple):
    """The identity that a face has established: the principal, the reviewer, and the channel that the ledger records.

    The reviewer of a local principal is stated by the call; that of another principal is its own person.
    """

    reviewer: str | None = None
    channel: str = "library"
    principal: Principal = LOCAL

    @classmethod
    def of(cls, reviewer: str | None, channel: str, principal: Principal | None) -> "Acting":
        """Return the identity that `acting_as` binds.

        Raises:
            InvalidInput: the channel is reserved.
            NotAuthorized: a principal that is not local is bound to another reviewer than its own person.
        """
        if channel.strip().casefold() in RESERVED_CHANNELS:
            others = ", ".join(sorted(RESERVED_CHANNELS))
            raise InvalidInput([f"channel: {channel!r} is reserved for the system ({others}); name your own"])
        if principal is None or principal.is_local:
            return cls(reviewer, channel, principal or LOCAL)
        return cls(_person_of(principal), channel, principal).named(reviewer)

    def named(self, reviewer: str | None) -> "Acting":
        """Return this identity with the reviewer whom a call names.

        Raises:
            NotAuthorized: the call names a reviewer other than the acting one.
        """
        if reviewer is None or reviewer == self.reviewer:
            return self
        if self.reviewer is None and self.principal.is_local:
            return self._replace(reviewer=reviewer)
        why = f"the call names {reviewer!r}; reviewers act for themselves only"
        if self.principal.is_local:
            raise NotAuthorized(str(self.reviewer), why)
        raise NotAuthorized(self.principal.name, why, "act for another", kind=self.principal.kind.value)

    @property
    def reviewer_id(self) -> str:
        """The acting reviewer. Raises `InvalidInput` where neither the call nor `acting_as` names one."""
        if self.reviewer is None:
            raise InvalidInput(["reviewer: missing; pass reviewer=, or bind one with acting_as(reviewer)"])
        return self.reviewer

    @property
    def subject(self) -> Principal:
        """The principal with the acting reviewer as its person, whose authority counts."""
        if self.reviewer is None or not self.principal.is_local:
            return self.principal
        return self.principal.model_copy(update={"person": self.reviewer})

    @property
    def namespace(self) -> str | None:
        """The submitter whose tasks an id names first; None for a local principal, who sees the tasks of all."""
        return None if self.principal.is_local else self.principal.name

    @property
    def is_confined(self) -> bool:
        """Whether the tasks of other submitters do not exist for this principal."""
        return not self.principal.is_local and self.principal.kind is not PrincipalKind.OPERATOR

    @property
    def authenticated(self) -> Authentication:
        """How the acting reviewer was established: stated by the call, or authenticated by the face."""
        return Authentication.STATED if self.principal.is_local else Authentication.AUTHENTICATED

    @property
    def os_user(self) -> str | None:
        """The user of the operating system behind a local command, None elsewhere."""
        principal = self.principal
        is_command = principal.is_local and principal.kind is PrincipalKind.HUMAN
        return principal.subject if is_command else None

    def submitter(self, stated: str | None) -> str | None:
        """Return who submits or cancels a case: the principal, or for a local one or an operator whom the call states.

        Raises:
            NotAuthorized: another principal states a name that is not its own.
        """
        principal = self.principal
        if principal.is_local:
            return stated
        if principal.kind is PrincipalKind.OPERATOR:
            return stated or principal.name
        if stated not in (None, principal.name):
            why = f"the call states {stated!r} as the submitter; leave it out"
            raise NotAuthorized(principal.name, why, "submit for another", kind=principal.kind.value)
        return principal.name


def _person_of(principal: Principal) -> str | None:
    """Return the reviewer who acts; an auditor only reads, whatever account they have."""
    return principal.person if principal.kind in (PrincipalKind.HUMAN, PrincipalKind.OPERATOR) else None


class CaseKey(NamedTuple):
    """Names one case: by its own id, or by the id of its task, which means the latest attempt.

    The id of a task belongs to its `submitter`, whose task is meant before that of another one.
    """

    case_id: str | None = None
    task_id: str | None = None
    submitter: str | None = None

    @classmethod
    def of(cls, case_id: str | None, task_id: str | None, submitter: str | None = None) -> "CaseKey":
        """Return the key that the caller passed. Raises `InvalidInput` unless exactly one id was passed."""
        if (case_id is None) == (task_id is None):
            raise InvalidInput(["pass a case_id, or task_id=; exactly one of them"])
        for name, value in (("case_id", case_id), ("task_id", task_id)):
            if not isinstance(value, str | None):
                raise InvalidInput([f"{name}: {value!r} is not text"])
        return cls(case_id, task_id, submitter)

    @property
    def text(self) -> str:
        """The id as the caller passed it, for messages."""
        return str(self.case_id if self.task_id is None else self.task_id)
