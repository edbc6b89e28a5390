"""`hitl.policy`: activate, roll back, canary, shadow and backtest routing policies."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.policy.admin import Governed, PolicySource

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.canary import CanaryReport
    from hitl_orchestrator.insights.queue_forecast import Capacity
    from hitl_orchestrator.wiring.build import Services

__all__ = ["PolicyAdministration"]


@checked_arguments
class PolicyAdministration:
    """Changes of the routing policy. A change that is looser anywhere waits for a second person in a case."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def activate(self, policy: PolicySource, *, reason: str, reviewer: str | None = None) -> Governed:
        """Activate a policy for new cases. A looser one becomes a `policy_change` case for a second person instead.

        Activating the active policy changes nothing.

        Raises:
            NotAuthorized: the reviewer is unknown or lacks the role, or there is no second person.
            InvalidInput: the policy is unusable, its check reports an error, or the reason is empty.
        """
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.activate(policy, reason=reason, acting=acting)

    def rollback(self, version: str | None = None, *, reason: str, reviewer: str | None = None) -> Governed:
        """Activate the previous version, or another one, under the rules of `activate`.

        `version` is its number, such as `v3`, or the begin of its hash.

        Raises:
            NoPreviousPolicy: there is no such version.
            NotAuthorized, InvalidInput: as `activate`.
        """
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.rollback(version, reason=reason, acting=acting)

    def undo(self, *, reason: str, reviewer: str | None = None) -> Governed:
        """Undo one's own latest activation, made alone within the last hour by the store's clock.

        It restores exactly what was in force before, also a canary. Only activations that are nowhere looser are made
        alone, so that a tightening and its undo together loosen nothing.

        Raises:
            UndoRefused: the latest change was made by another account or with a second person, is older, or is an undo;
                or other people came into force since.
            NotAuthorized, InvalidInput: as `activate`.
        """
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.undo(reason=reason, acting=acting)

    def start_canary(self, policy: PolicySource, share: float, *, reason: str, reviewer: str | None = None) -> Governed:
        """Route a share of new cases, in (0, 1], with another policy, drawn by a hash of the case id.

        It replaces a running canary, and ends with the next activation.

        Raises:
            InvalidInput: the share is out of range, or no policy is active; or as `activate`.
            NotAuthorized: as `activate`.
        """
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.start_canary(policy, share, reason=reason, acting=acting)

    def stop_canary(self, *, reason: str, reviewer: str | None = None) -> bool:
        """End the canary; False if none is running. Cases routed by it keep the stricter of both policies."""
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.stop_canary(reason=reason, acting=acting)

    def start_shadow(self, policy: PolicySource, *, reason: str, reviewer: str | None = None) -> str:
        """Evaluate a shadow policy on each new case, record its answer, and return its hash.

        Raises:
            NotAuthorized, InvalidInput: as `activate`; findings of its check are recorded and do not reject it.
        """
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.start_shadow(policy, reason=reason, acting=acting)

    def stop_shadow(self, *, reason: str, reviewer: str | None = None) -> bool:
        """End the shadow evaluation; False if none is running."""
        services, acting = self._gate.to(Verb.CHANGE_POLICY, reviewer=reviewer)
        return services.policy.stop_shadow(reason=reason, acting=acting)

    def active(self) -> Policy:
        """Return the policy that routes new cases."""
        return self._gate.to(Verb.READ_POLICY).services.registry.active.policy

    def version(self, name: str) -> Policy:
        """Return a policy of the store by its number, such as `v3`, or by the begin of its hash.

        Raises:
            NoPreviousPolicy: there is no such version, or there are several.
        """
        return self._gate.to(Verb.READ_POLICY).services.policy.version(name)

    def status(self) -> PolicyHistory:
        """Return the active policy, canary, shadow, pending changes, and every version that the store keeps."""
        return self._gate.to(Verb.READ_POLICY).services.policy.status()

    def history(self) -> list[Event]:
        """Return all ledger entries about policies, in order."""
        return self._gate.to(Verb.READ_POLICY).services.policy.history()

    def shadow_report(self) -> ShadowReport | None:
        """Return how often the shadow policy differed from the active one so far; None without a shadow policy."""
        return self._gate.to(Verb.READ_POLICY).services.policy.shadow_report()

    def canary_report(self, version: str | None = None) -> "CanaryReport | None":
        """Return how the cases of the latest canary ended, beside all other cases of its time; None without a canary.

        With `version`, a number such as `v3` or the begin of a hash, it is the latest canary of that version. See
        `CanaryReport` for its fields.

        Raises:
            NoPreviousPolicy: no canary has such a hash.
            InvalidInput: the extra `lab` is not installed.
        """
        from hitl_orchestrator.services.insights.canary import canary_in  # noqa: PLC0415 - polars is an extra

        services = self._gate.to(Verb.READ_POLICY).services
        numbered = None if version is None else services.registry.history.with_number(version)
        return canary_in(services.ledger, numbered or version)

    def fit_unusual(self) -> str | None:
        """Compare new outputs with the cases that reviewers let through by now, and return the name of the snapshot.

        The first case that this process scores fits one, which stays the same until this is called. The audit record
        names it as `reviewed`. None if the rules of the signals compare with no cases.

        Raises:
            InvalidInput: the extra `learn` is not installed.
        """
        return self._gate.to(Verb.MAINTAIN).services.reviewed.fit()

    def backtest(self, policy: PolicySource, *, capacity: "Mapping[str, Capacity] | None" = None) -> "Backtest":
        """Return the decisions that a policy would have made on every finished case. Records nothing.

        Raises:
            InvalidInput: the policy is unusable, there are no cases, or the extra `lab` is not installed.
        """
        return self._gate.to(Verb.BACKTEST).services.policy.backtest(policy, capacity=capacity)
