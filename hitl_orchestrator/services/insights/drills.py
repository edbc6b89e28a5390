"""The stricter policies of a store that came into force: each is a drill of its kill switch."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.insights.report.controls import Switch
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.analysis.diff import Direction, compare
from hitl_orchestrator.policies.lifecycle.in_force import recorded_policy

__all__ = ["switches_in"]

_MOST_COMPARED = 20


def switches_in(ledger: Ledger, roles: RoleChain = DEFAULT_CHAIN) -> list[Switch]:
    """Return the stricter policies that came into force, oldest first, of the latest changes.

    A canary counts if it is stricter: it restricts a share of the cases. Policies that cannot be read are left out.
    """
    found = list(_candidates(ledger.governance_events()))[-_MOST_COMPARED:]
    return [switch for switch, active in found if _is_stricter(ledger, active, switch.policy_hash, roles)]


def _candidates(events: Sequence[Event]) -> Iterator[tuple[Switch, str]]:
    """Yield the policies that came into force, each with the policy that was active before."""
    active: str | None = None
    for event in events:
        name = event.body.get("policy_hash")
        if event.kind is EventKind.POLICY_RECORDED:
            active = name
        elif event.kind in (EventKind.POLICY_ACTIVATED, EventKind.POLICY_UNDONE) and name is not None:
            if active is not None and name != active:
                yield Switch(event.seq, event.at, name, active), active
            active = name
        elif event.kind is EventKind.POLICY_CANARY and name is not None and active is not None:
            yield Switch(event.seq, event.at, name, None), active


def _is_stricter(ledger: Ledger, before: str, after: str, roles: RoleChain) -> bool:
    """Return whether a policy is stricter than the one before somewhere, and looser nowhere."""
    try:
        base, policy = (recorded_policy(name, ledger.policy) for name in (before, after))
        differences, unchecked = compare(base, policy, roles)
    except HitlError:
        return False
    directions = {each.direction for each in differences}
    return Direction.STRICTER in directions and Direction.LOOSER not in directions and not unchecked
