"""Policies and what becomes of them, in a ledger in memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.memory.leased_work import MemoryWork


class MemoryPolicies(MemoryWork):
    """The `Policies` of a ledger in memory."""

    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one, keep it under its hash, and say so in the ledger."""
        with self._lock:
            if policy_hash != self._policies.current:
                self._keep([entries.policy_recorded(policy_id, policy_hash, body, at)])
                self._policies.current = policy_hash

    def current_policy(self) -> dict[str, Any] | None:
        """Return the policy that was made the current one last."""
        return None if self._policies.current is None else self.policy(self._policies.current)

    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy."""
        return self._policies[policy_hash]

    def policy_events(self, behind: int = 0) -> Sequence[Event]:
        """Return the entries about policies behind this one."""
        with self._lock:
            return list(self._journal.about_policies(behind))

    def change_policy(self, drafts: Sequence[Draft], seen: int) -> bool:
        """Write entries about policies, if none came in between."""
        with self._lock:
            if self._journal.latest_of_policies != seen:
                return False
            self._keep(drafts)
            return True

    def watched(self, behind: int) -> Iterator[Event]:
        """Yield the routings behind this entry."""
        return (event for event in self._journal.events() if event.kind is EventKind.ROUTED and event.seq > behind)

    def _keep(self, drafts: Sequence[Draft]) -> None:
        """Append entries about policies, and keep those that they bring."""
        for draft in drafts:
            self._journal.append(draft)
            said = draft.body
            if "policy" in said:
                seq = self._journal.head.seq
                self._policies.record(said["policy_id"], said["policy_hash"], said["policy"], seq)
