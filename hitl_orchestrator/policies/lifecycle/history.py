"""The history of policies as the ledger records it: versions, the active one, canary, shadow and proposals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.audit import Event, is_drawn
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value
from hitl_orchestrator.errors import TamperedPolicy


class Version(Value):
    """A version of the policy, under its hash.

    `author` and `reason` come from the command that first recorded it; they are None and empty for a policy that the
    store was opened with. `findings` are those of its check on that day.
    """

    policy_hash: Label
    policy_id: Label
    at: UtcDatetime | None = None
    author: Identifier | None = None
    reason: Text = ""
    findings: tuple[dict[str, Any], ...] = ()


class Proposal(Value):
    """A change that waits for a second person.

    `base` is the policy that was active, `people_hash` names the people in force when it was proposed.
    """

    case_id: Identifier
    change: PolicyChange
    policy_hash: Label
    base: Label
    people_hash: Label
    share: Confidence | None = None
    by: Identifier
    reason: Text
    at: UtcDatetime


class Canary(Value):
    """A policy that decides a share of the new cases alone."""

    policy_hash: Label
    share: Confidence = Field(gt=0)


class ShadowPolicy(Value):
    """A shadow policy, evaluated from a ledger entry on."""

    policy_hash: Label
    since: int


@dataclass(frozen=True)
class PolicyHistory:
    """The state after the ledger entry `seen`.

    `active` is None in a store that was just made, and whose first policy is not recorded yet. `track` are the versions
    before the active one, the latest last. `compared_under` names the people in force when it became active.
    """

    seen: int = 0
    active: str | None = None
    track: tuple[str, ...] = ()
    compared_under: str | None = None
    canary: Canary | None = None
    shadow: ShadowPolicy | None = None
    versions: Mapping[str, Version] = field(default_factory=dict)
    pending: Mapping[str, Proposal] = field(default_factory=dict)

    def after(self, events: Iterable[Event]) -> "PolicyHistory":
        """Return the state after these entries; entries of other kinds only count.

        Raises:
            TamperedPolicy: an entry does not have the fields of its kind.
        """
        history = self
        for event in events:
            if event.seq > history.seen:
                try:
                    history = replace(_AFTER.get(event.kind, _same)(history, event), seen=event.seq)
                except (KeyError, TypeError, ValueError) as exc:
                    why = f"entry {event.seq} of the ledger does not have the fields of its kind"
                    raise TamperedPolicy(None, why) from exc
        return history

    def states(self, policy_hash: str) -> tuple[str, ...]:
        """Return the current states of a version, of active, canary, shadow and proposed."""
        states = {
            "active": policy_hash == self.active,
            "canary": self.canary is not None and self.canary.policy_hash == policy_hash,
            "shadow": self.shadow is not None and self.shadow.policy_hash == policy_hash,
            "proposed": any(proposal.policy_hash == policy_hash for proposal in self.pending.values()),
        }
        return tuple(state for state, applies in states.items() if applies)


def in_canary(canary: Canary, case_id: str) -> bool:
    """Return whether the canary decides a case. A larger share includes every case of a smaller one.

    The id of the case is made here, not by the submitter, who could choose a task id that is in the share.
    """
    return is_drawn(canary.share, "canary", canary.policy_hash, case_id)


def _recorded(history: PolicyHistory, event: Event) -> PolicyHistory:
    if history.active is not None:
        raise ValueError("another policy was active already")
    return replace(history, active=event.body["policy_hash"], compared_under=event.body["people_hash"])


def _version(history: PolicyHistory, event: Event) -> PolicyHistory:
    fields = {name: event.body[name] for name in ("policy_hash", "policy_id", "reason", "findings")}
    version = Version(at=event.at, author=event.actor.id, **fields)
    return replace(history, versions={**history.versions, version.policy_hash: version})


def _proposed(history: PolicyHistory, event: Event) -> PolicyHistory:
    fields = {name: event.body[name] for name in _PROPOSED}
    proposal = Proposal(by=str(event.actor.id), at=event.at, **fields)
    return replace(history, pending={**history.pending, proposal.case_id: proposal})


def _activated(history: PolicyHistory, event: Event) -> PolicyHistory:
    now, before = event.body["policy_hash"], event.body["before"]
    track = history.track if before is None else (*history.track, before)
    if event.body["change"] == PolicyChange.ROLLBACK and now in history.track:
        track = history.track[: history.track.index(now)]
    shadow = None if history.shadow is None or history.shadow.policy_hash == now else history.shadow
    # The canary was compared with the previous policy; compared with another one it may be looser than approved.
    changed = {"active": now, "track": track, "canary": None, "shadow": shadow}
    return replace(_without_proposal(history, event), compared_under=event.body["people_hash"], **changed)


def _canary(history: PolicyHistory, event: Event) -> PolicyHistory:
    policy_hash, share = event.body["policy_hash"], event.body["share"]
    canary = None if policy_hash is None else Canary(policy_hash=policy_hash, share=share)
    return replace(_without_proposal(history, event), canary=canary)


def _shadow(history: PolicyHistory, event: Event) -> PolicyHistory:
    policy_hash = event.body["policy_hash"]
    shadow = None if policy_hash is None else ShadowPolicy(policy_hash=policy_hash, since=event.seq)
    return replace(history, shadow=shadow)


def _without_proposal(history: PolicyHistory, event: Event) -> PolicyHistory:
    case_id = event.body["case_id"]
    return replace(history, pending={name: proposal for name, proposal in history.pending.items() if name != case_id})


def _same(history: PolicyHistory, event: Event) -> PolicyHistory:
    return history


_PROPOSED = ("case_id", "change", "policy_hash", "base", "people_hash", "share", "reason")
_AFTER = {
    EventKind.POLICY_RECORDED: _recorded,
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _without_proposal,
}
