"""The life of a policy as the ledger tells it: which versions there are, and which of them rules what. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.audit import Event, is_drawn
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value
from hitl_orchestrator.errors import TamperedPolicy


class Version(Value):
    """A version of the policy, under the hash of what it means.

    `author` and `reason` are those of whoever first brought it in by a command; None where it was only used, with the
    store opened on it. `findings` is the report of its check on that day.
    """

    policy_hash: Label
    policy_id: Label
    at: UtcDatetime | None = None
    author: Identifier | None = None
    reason: Text = ""
    findings: tuple[dict[str, Any], ...] = ()


class Proposal(Value):
    """A change that waits for a second person. `base` is the policy that was in force when it was proposed."""

    case_id: Identifier
    change: PolicyChange
    policy_hash: Label
    base: Label
    share: Confidence | None = None
    by: Identifier
    reason: Text
    at: UtcDatetime


class Canary(Value):
    """A policy that decides a share of the new cases by itself."""

    policy_hash: Label
    share: Confidence = Field(gt=0)


class ShadowPolicy(Value):
    """A policy that is evaluated beside the active one, from an entry of the ledger on."""

    policy_hash: Label
    since: int


@dataclass(frozen=True)
class PolicyHistory:
    """What rules now, after the entry `seen`.

    `active` is None where no policy was ever activated: the store is then ruled by what it is opened with.
    `track` are the versions before the active one, the latest last.
    """

    seen: int = 0
    active: str | None = None
    track: tuple[str, ...] = ()
    canary: Canary | None = None
    shadow: ShadowPolicy | None = None
    versions: Mapping[str, Version] = field(default_factory=dict)
    pending: Mapping[str, Proposal] = field(default_factory=dict)

    def after(self, told: Iterable[Event]) -> "PolicyHistory":
        """Return what rules after these entries.

        Raises:
            TamperedPolicy: one of them does not tell what such entries do.
        """
        life = self
        for event in told:
            if event.seq > life.seen:
                try:
                    life = replace(_AFTER[event.kind](life, event), seen=event.seq)
                except (KeyError, TypeError, ValueError) as exc:
                    why = f"entry {event.seq} of the ledger does not tell of it as entries do"
                    raise TamperedPolicy(None, why) from exc
        return life

    def standing(self, policy_hash: str) -> tuple[str, ...]:
        """Return what a version is just now: active, canary, shadow, proposed."""
        holds = {
            "active": policy_hash == self.active,
            "canary": self.canary is not None and self.canary.policy_hash == policy_hash,
            "shadow": self.shadow is not None and self.shadow.policy_hash == policy_hash,
            "proposed": any(one.policy_hash == policy_hash for one in self.pending.values()),
        }
        return tuple(word for word, so in holds.items() if so)


def in_canary(canary: Canary, task_id: str) -> bool:
    """Whether a task comes in under the canary. What a share takes in, every larger one does too."""
    return is_drawn(canary.share, "canary", canary.policy_hash, task_id)


def _version(life: PolicyHistory, event: Event) -> PolicyHistory:
    said = event.body
    kept = {name: said[name] for name in ("policy_hash", "policy_id", "reason", "findings")}
    version = Version(at=event.at, author=event.actor.id, **kept)
    return replace(life, versions={**life.versions, version.policy_hash: version})


def _proposed(life: PolicyHistory, event: Event) -> PolicyHistory:
    said = event.body
    kept = {name: said[name] for name in ("case_id", "change", "policy_hash", "base", "share", "reason")}
    proposal = Proposal(by=str(event.actor.id), at=event.at, **kept)
    return replace(life, pending={**life.pending, proposal.case_id: proposal})


def _activated(life: PolicyHistory, event: Event) -> PolicyHistory:
    now, before = event.body["policy_hash"], event.body["before"]
    track = life.track if before is None else (*life.track, before)
    if event.body["change"] == PolicyChange.ROLLBACK and now in life.track:
        track = life.track[: life.track.index(now)]
    shadow = None if life.shadow is None or life.shadow.policy_hash == now else life.shadow
    # A canary was held against the policy before: beside another one it may be looser than anybody has agreed to.
    return replace(_settled(life, event), active=now, track=track, canary=None, shadow=shadow)


def _canary(life: PolicyHistory, event: Event) -> PolicyHistory:
    named, share = event.body["policy_hash"], event.body["share"]
    canary = None if named is None else Canary(policy_hash=named, share=share)
    return replace(_settled(life, event), canary=canary)


def _shadow(life: PolicyHistory, event: Event) -> PolicyHistory:
    named = event.body["policy_hash"]
    return replace(life, shadow=None if named is None else ShadowPolicy(policy_hash=named, since=event.seq))


def _settled(life: PolicyHistory, event: Event) -> PolicyHistory:
    case_id = event.body["case_id"]
    return replace(life, pending={name: one for name, one in life.pending.items() if name != case_id})


_AFTER = {
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _settled,
}
