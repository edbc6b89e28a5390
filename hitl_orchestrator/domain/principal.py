"""The principal: who uses the orchestrator, as the face that they use has established it."""

from enum import StrEnum
from typing import Self

from hitl_orchestrator.domain.value import Identifier, Label, UtcDatetime, Value, public

__all__ = ["Principal", "PrincipalKind"]

_LOCAL = "local"


class PrincipalKind(StrEnum):
    """The kind of a principal, which bounds what it may do."""

    HUMAN = "human"
    """A person: reads the cases of their domains, and decides those that their roles allow."""
    AGENT = "agent"
    """A program that submits tasks: reads and cancels its own cases."""
    OPERATOR = "operator"
    """Keeps the store running: recovers, maintains, submits for others."""
    AUDITOR = "auditor"
    """Reads and verifies everything, and changes nothing."""
    SYSTEM = "system"
    """The orchestrator itself."""


@public
class Principal(Value):
    """An authenticated identity. Only a face makes one; calls never name it.

    `subject` is the name of the login. `person` is the id of the reviewer behind it, where there is one: the rights of
    that reviewer are those of the principal. `authenticated_by` is the method, such as `oidc`; `local` is code or a
    command that has the store itself, and is trusted. `tenant` is the organization, if a deployment has several.
    """

    subject: Identifier
    kind: PrincipalKind
    person: Identifier | None = None
    authenticated_by: Label
    authenticated_at: UtcDatetime | None = None
    tenant: Label | None = None

    @classmethod
    def local(cls) -> Self:
        """Return the trusted local principal: the library and the command line without a configuration."""
        return cls(subject=_LOCAL, kind=PrincipalKind.OPERATOR, authenticated_by=_LOCAL)

    @property
    def is_local(self) -> bool:
        """Whether this is a trusted local principal, which may do everything that needs no named person."""
        return self.kind is PrincipalKind.OPERATOR and self.authenticated_by == _LOCAL

    @property
    def name(self) -> str:
        """The name under which the ledger records this principal: its person, or else its login."""
        return self.person or self.subject
