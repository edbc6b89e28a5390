"""The principal: who uses the orchestrator, as the face that they use has established it."""

from enum import StrEnum
from typing import Self

from hitl_orchestrator.domain.value import Identifier, Label, UtcDatetime, Value, public

__all__ = ["LOCAL", "Principal", "PrincipalKind"]


class PrincipalKind(StrEnum):
    """The kind of a principal, which bounds what it may do."""

    AGENT = "agent"
    """A program that submits tasks: reads and cancels its own cases."""
    HUMAN = "human"
    """A person: reads the cases of their domains, and decides those that their roles allow."""
    AUDITOR = "auditor"
    """Reads and verifies everything, and changes nothing."""
    OPERATOR = "operator"
    """Keeps the store running: recovers, maintains, submits for others."""
    SYSTEM = "system"
    """A timer or worker of the deployment."""


@public
class Principal(Value):
    """An authenticated identity. Only a face makes one; a call cannot name another.

    `subject` is the name of the login. `person` is the id of the reviewer behind it, if there is one: the principal has
    the rights of that reviewer. `authenticated_by` is the method, such as `oidc`, and `local` for code and commands
    that have the store itself.
    """

    subject: Label
    kind: PrincipalKind
    person: Identifier | None = None
    authenticated_by: Label
    authenticated_at: UtcDatetime | None = None

    @classmethod
    def local(cls, subject: str = "local", kind: PrincipalKind = PrincipalKind.OPERATOR) -> Self:
        """Return a trusted local principal: by default the application that calls the library.

        The command line is a local principal of the kind `human`, whose subject is the user of the operating system.
        """
        return cls(subject=subject, kind=kind, authenticated_by="local")

    @property
    def is_local(self) -> bool:
        """Whether this principal is trusted: it may do everything that needs no named reviewer, and state the name."""
        return self.authenticated_by == "local" and self.kind in (PrincipalKind.OPERATOR, PrincipalKind.HUMAN)

    @property
    def name(self) -> str:
        """The name under which this principal acts: its person, or else its subject."""
        return self.person or self.subject


LOCAL = Principal.local()
"""The application that calls the library."""
