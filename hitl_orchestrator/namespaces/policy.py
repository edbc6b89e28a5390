"""`hitl.policy`: activate, roll back, canary, shadow and backtest routing policies."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.namespaces.acting import Acting
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport
from hitl_orchestrator.services.policy.admin import GivenPolicy, Governed

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.wait_times import Capacity
    from hitl_orchestrator.services.policy.admin import GoverningOrchestrator

__all__ = ["PolicyAdministration"]


class PolicyAdministration:
    """Changes of the routing policy. A change that is looser anywhere waits for a second person in a case."""

    def __init__(self, services: "GoverningOrchestrator", acting: Acting) -> None:
        self._services, self._acting = services, acting

    def activate(self, policy: GivenPolicy, *, reason: str, reviewer: str | None = None) -> Governed:
        """Activate a policy for new cases. A looser one becomes a `policy_change` case for a second person instead.

        Activating the active policy changes nothing.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role, or there is no second person.
            InvalidInput: the policy is unusable, its check reports an error, or the reason is empty.
        """
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.activate_policy(policy, reviewer_id=who, reason=reason, channel=channel)

    def rollback(self, version: str | None = None, *, reason: str, reviewer: str | None = None) -> Governed:
        """Activate the previous version, or the one whose hash starts with `version`, under the rules of `activate`.

        Raises:
            NoPreviousPolicy: there is no such version.
            NotAuthorized, InvalidInput: as `activate`.
        """
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.rollback_policy(version, reviewer_id=who, reason=reason, channel=channel)

    def start_canary(self, policy: GivenPolicy, share: float, *, reason: str, reviewer: str | None = None) -> Governed:
        """Route a share of new cases, in (0, 1], with another policy, drawn by a stable hash of the task id.

        It replaces a running canary, and ends with the next activation.

        Raises:
            InvalidInput: the share is out of range, or no policy is active; or as `activate`.
            NotAuthorized: as `activate`.
        """
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.canary_policy(policy, share, reviewer_id=who, reason=reason, channel=channel)

    def stop_canary(self, *, reason: str, reviewer: str | None = None) -> bool:
        """End the canary; False if none is running. Cases routed by it keep the stricter of both policies."""
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.end_canary(reviewer_id=who, reason=reason, channel=channel)

    def start_shadow(self, policy: GivenPolicy, *, reason: str, reviewer: str | None = None) -> str:
        """Evaluate a policy beside the active one on each new case, record its answer, and return its hash.

        Raises:
            NotAuthorized, InvalidInput: as `activate`; findings of its check are recorded and do not reject it.
        """
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.shadow_policy(policy, reviewer_id=who, reason=reason, channel=channel)

    def stop_shadow(self, *, reason: str, reviewer: str | None = None) -> bool:
        """End the shadow evaluation; False if none is running."""
        who, channel = self._acting.reviewer_or(reviewer), self._acting.channel
        return self._services.end_shadow(reviewer_id=who, reason=reason, channel=channel)

    def status(self) -> PolicyHistory:
        """Return the active policy, canary, shadow, pending changes, and every version that the store keeps."""
        return self._services.policy_life()

    def history(self) -> list[Event]:
        """Return all ledger entries about policies, in order."""
        return self._services.policy_history()

    def shadow_report(self) -> ShadowReport | None:
        """Return how often the shadow policy differed from the active one so far; None without a shadow policy."""
        return self._services.shadow_report()

    def backtest(self, policy: GivenPolicy, *, capacity: "Mapping[str, Capacity] | None" = None) -> "Backtest":
        """Return what a policy would have decided for every finished case of this store. Records nothing.

        Raises:
            InvalidInput: the policy is unusable, there are no cases, or the extra `lab` is not installed.
        """
        return self._services.backtest_policy(policy, capacity=capacity)
