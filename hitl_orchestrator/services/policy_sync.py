"""Keep policies and people in memory in step with the ledger, which another process may have changed."""

import logging
from collections.abc import Mapping

from hitl_orchestrator.ledger.events.people_builders import configuration
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.governance.changes import governing_persons
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.governance.in_force import PeopleRegistry
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.case_reader import Clock

__all__ = ["Configuration", "PolicySync"]

_log = logging.getLogger(__name__)

Configuration = Mapping[str, str | None]
"""The digests of the rules and schemas that a process uses, by name; None for one that it lacks."""


class PolicySync:
    """Applies changes of policies and people from the ledger, and records the configuration of this process."""

    def __init__(
        self,
        ledger: Ledger,
        registry: PolicyRegistry,
        people: PeopleRegistry,
        clock: Clock,
        uses: Configuration | None = None,
    ) -> None:
        """Keep these registries in step. `uses` is the configuration here, where it differs from the recorded one."""
        self._ledger, self._registry, self._people, self._clock = ledger, registry, people, clock
        self._to_record = uses

    @property
    def seen(self) -> int:
        """The last entry about policies, people or keys that was applied here."""
        return min(self._registry.history.seen, self._people.history.seen)

    @property
    def policies(self) -> PolicyHistory:
        """The recorded history of policies, as of the last refresh."""
        return self._registry.history

    @property
    def people(self) -> PeopleHistory:
        """The recorded history of people, as of the last refresh."""
        return self._people.history

    def version(self, people_hash: str) -> People:
        """Return the people of a recorded version. Raises `TamperedPeople`."""
        return self._people.version(people_hash)

    def refresh(self) -> PolicyHistory:
        """Apply all changes since the last call, with one small read, and return the current history of policies.

        Raises:
            TamperedPolicy, TamperedPeople: the new policy or people differ from the recorded ones.
        """
        before = self._registry.history, self._people.history
        events = self._ledger.governance_events(self.seen)
        if events:
            policies, people = before
            if self._people.put_in_force(people.after(events)):
                self._registry.use_roles(self._people.people.chain)
                self._report("people", self._people.people.hash)
            history = policies.after(events)
            self._registry.put_in_force(history)
            if history.active != policies.active:
                self._report("policy", str(history.active))
        return self._registry.history

    def record_configuration(self) -> None:
        """Record the rules and schemas of this process before their first use, where others were recorded last."""
        if self._to_record is not None:
            uses, self._to_record = self._to_record, None
            while not self._ledger.govern([configuration(uses, self._clock())], self.refresh().seen):
                pass

    def newcomers(self, case_id: str, people: People) -> dict[str, str]:
        """Return the persons who may not decide the proposed change of a case, each with the reason.

        Only persons who might have made the change when it was proposed may approve it.
        """
        change = self._registry.history.pending.get(case_id)
        proposed = self._people.history.pending.get(case_id)
        base = change.people_hash if change else proposed.base if proposed else None
        if base is None:
            return {}
        then = governing_persons(self.version(base))
        why = "they had no right to change the policy and the people when this change was proposed"
        return dict.fromkeys(governing_persons(people) - then, why)

    def _report(self, which: str, name: str) -> None:
        _log.info("%s in force: %s", which, name, extra={"case_id": None, "event": f"{which}_in_force"})
