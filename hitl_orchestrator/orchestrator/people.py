"""`hitl.people`: the people of a store, and changes of them."""

from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.review.governance.changes import PeopleDifference
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.people.admin import PeopleChange, PeopleSource

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["PeopleAdministration"]


@checked_arguments
class PeopleAdministration:
    """Reviewers, roles and the escalation chain, kept in the store. A change that widens a right takes two persons."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def propose(self, source: PeopleSource, *, reason: str, reviewer: str | None = None) -> PeopleChange:
        """Put people in force: a file or a value. A change that widens any right waits in a case for a second person.

        Both persons must have had the right to change the people when it was proposed. In a store in which only one
        person has it, that person acts alone, and the ledger records this.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role.
            InvalidInput: the people are unusable, or the reason is empty.
        """
        services, acting = self._gate.to(Verb.CHANGE_PEOPLE, reviewer=reviewer)
        return services.people_admin.propose(source, reason=reason, acting=acting)

    def active(self) -> People:
        """Return the people in force."""
        return self._gate.to(Verb.READ_PEOPLE).services.people_admin.active()

    def version(self, prefix: str) -> People:
        """Return the people of a recorded version, by the start of its hash. Raises `InvalidInput`."""
        return self._gate.to(Verb.READ_PEOPLE).services.people_admin.version(prefix)

    def status(self) -> PeopleHistory:
        """Return which people are in force, all versions, and the proposals that wait for a second person."""
        return self._gate.to(Verb.READ_PEOPLE).services.people_admin.status()

    def differences(self, source: PeopleSource) -> list[PeopleDifference]:
        """Return the differences of a file or a value from the people in force, those that widen rights first."""
        return self._gate.to(Verb.READ_PEOPLE).services.people_admin.differences(source)

    def history(self) -> list[Event]:
        """Return all ledger entries about people, in order."""
        return self._gate.to(Verb.READ_PEOPLE).services.people_admin.history()
