"""Keep the policies in memory in step with the ledger, which another process may have changed."""

import logging

from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.services.case_reader import Clock

__all__ = ["PolicySync"]

_log = logging.getLogger(__name__)


class PolicySync:
    """Applies policy changes from the ledger, and records the policy of a new store."""

    def __init__(self, ledger: Ledger, registry: PolicyRegistry, clock: Clock) -> None:
        self._ledger, self._registry, self._clock = ledger, registry, clock
        self._recorded = False

    def refresh(self) -> PolicyHistory:
        """Apply all policy changes since the last call, with one small read, and return the current history.

        Raises:
            TamperedPolicy: the newly active policy differs from the recorded one.
        """
        history = self._registry.history
        events = self._ledger.policy_events(history.seen)
        if not events:
            return history
        history = history.after(events)
        self._registry.put_in_force(history)
        _log.info("policy in force: %s", history.active, extra={"case_id": None, "event": "policy_in_force"})
        return history

    def record_if_new(self) -> None:
        """Record the policy before the first case is submitted under it; reading and deciding record no policy.

        Once a policy was activated in the store, it applies, even if the store is opened with another one.
        """
        if self.refresh().active is None and not self._recorded:
            active = self._registry.active
            body = active.policy.model_dump(mode="json")
            self._ledger.record_policy(active.policy.policy_id, active.hash, body, self._clock())
            self._recorded = True
