"""The history of policies as the ledger records it: versions, the active one, canary, shadow and proposals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.audit import Event, is_drawn
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, UtcDatetime, Value
from hitl_orchestrator.errors import TamperedPolicy

Lot = Callable[..., str]
"""Returns a digest of names under a key of the ledger, in hexadecimal, by which something is drawn at random."""

SHORT = 12
"""The number of characters of a hash that people are shown."""


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

    `base` is the policy that was active, `people_hash` names the people in force when it was proposed. `names` are both
    policies as people read them, with the numbers that they had then. `review` is what the case says about the policy.
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
    names: tuple[str, str]
    review: tuple[Text, ...] = ()


class Canary(Value):
    """A policy that decides a share of the new cases alone."""

    policy_hash: Label
    share: Confidence = Field(gt=0)


class OwnChange(NamedTuple):
    """An activation by one person alone, which that person may undo for a while.

    `seq` is its entry, `by` the account, `people_hash` names the people in force, and `at` is the time of the store's
    clock. `before` is the state that undoing it restores.
    """

    seq: int
    by: str
    people_hash: str
    at: datetime
    before: "PolicyHistory"


class ShadowPolicy(Value):
    """A shadow policy, evaluated from a ledger entry on."""

    policy_hash: Label
    since: int


@dataclass(frozen=True)
class PolicyHistory:
    """The state after the ledger entry `seen`.

    `active` is None in a store that was just made, and whose first policy is not recorded yet. `track` are the versions
    before the active one, the latest last. `compared_under` names the people in force when it became active. `numbered`
    are the versions in the order in which they first came into force, for all cases or as a canary. `undoable` is the
    latest change, if one person made it alone, and `undone` the entry of the change that was undone last.
    """

    seen: int = 0
    active: str | None = None
    track: tuple[str, ...] = ()
    compared_under: str | None = None
    canary: Canary | None = None
    shadow: ShadowPolicy | None = None
    versions: Mapping[str, Version] = field(default_factory=dict)
    pending: Mapping[str, Proposal] = field(default_factory=dict)
    numbered: tuple[str, ...] = ()
    undoable: OwnChange | None = None
    undone: int | None = None

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

    def number(self, policy_hash: str | None) -> int | None:
        """Return the number of a version, from 1 on; None for one that was never in force."""
        return self.numbered.index(policy_hash) + 1 if policy_hash in self.numbered else None

    def name(self, policy_hash: str | None) -> str:
        """Return a version as people read it: its number, and the begin of its hash."""
        number, short = self.number(policy_hash), str(policy_hash)[:SHORT]
        return short if number is None else f"v{number} ({short})"

    def with_number(self, name: str) -> str | None:
        """Return the hash of the version with a number, such as `v3`; None if `name` is no such number."""
        digits = name[1:] if name[:1] in {"v", "V"} else ""
        index = int(digits) - 1 if digits.isascii() and digits.isdigit() and len(digits) < _MOST_DIGITS else -1
        return self.numbered[index] if 0 <= index < len(self.numbered) else None

    def stale(self, proposal: Proposal) -> str | None:
        """Return that another policy is active than the one with which a proposal was compared; None if it is not."""
        if proposal.base == self.active:
            return None
        since = f"{self.name(self.active)} is active, and it was compared with {self.name(proposal.base)}"
        return f"{since}; an approval carries it out only where that is not looser now, so propose it again"

    def states(self, policy_hash: str) -> tuple[str, ...]:
        """Return the current states of a version, of active, canary, shadow and proposed."""
        states = {
            "active": policy_hash == self.active,
            "canary": self.canary is not None and self.canary.policy_hash == policy_hash,
            "shadow": self.shadow is not None and self.shadow.policy_hash == policy_hash,
            "proposed": any(proposal.policy_hash == policy_hash for proposal in self.pending.values()),
        }
        return tuple(state for state, applies in states.items() if applies)


def in_canary(canary: Canary, task_id: str, lot: Lot) -> bool:
    """Return whether the canary decides a task. A larger share includes every task of a smaller one.

    All attempts at a task have one lot, so that submitting it again neither evades the canary nor reaches it, and the
    lot is under a key of the ledger, so that no submitter can choose an id that is in the share.
    """
    return is_drawn(canary.share, lot("canary", canary.policy_hash, task_id))


def _recorded(history: PolicyHistory, event: Event) -> PolicyHistory:
    if history.active is not None:
        raise ValueError("another policy was active already")
    policy_hash = event.body["policy_hash"]
    return replace(_numbered(history, policy_hash), active=policy_hash, compared_under=event.body["people_hash"])


def _version(history: PolicyHistory, event: Event) -> PolicyHistory:
    fields = {name: event.body[name] for name in ("policy_hash", "policy_id", "reason", "findings")}
    version = Version(at=event.at, author=event.actor.id, **fields)
    return replace(history, versions={**history.versions, version.policy_hash: version})


def _proposed(history: PolicyHistory, event: Event) -> PolicyHistory:
    fields = {name: event.body[name] for name in _PROPOSED}
    names = (history.name(fields["base"]), history.name(fields["policy_hash"]))
    proposal = Proposal(by=str(event.actor.id), at=event.at, names=names, review=event.body.get("review", ()), **fields)
    return replace(history, pending={**history.pending, proposal.case_id: proposal})


def _activated(history: PolicyHistory, event: Event) -> PolicyHistory:
    now, before = event.body["policy_hash"], event.body["before"]
    track = history.track if before is None else (*history.track, before)
    if event.body["change"] == PolicyChange.ROLLBACK and now in history.track:
        track = history.track[: history.track.index(now)]
    shadow = None if history.shadow is None or history.shadow.policy_hash == now else history.shadow
    # The canary was compared with the previous policy; compared with another one it may be looser than approved.
    changed = {"active": now, "track": track, "canary": None, "shadow": shadow, "undoable": _own(history, event)}
    kept = _numbered(_without_proposal(history, event), now)
    return replace(kept, compared_under=event.body["people_hash"], **changed)


def _own(history: PolicyHistory, event: Event) -> OwnChange | None:
    """Return an activation that its author may undo: one that no second person approved."""
    body = event.body
    if body["case_id"] is not None or body["clock"] is None or body["before"] is None:
        return None
    at, before = datetime.fromisoformat(body["clock"]), replace(history, undoable=None)
    return OwnChange(event.seq, body["by"], body["people_hash"], at, before)


def _undone(history: PolicyHistory, event: Event) -> PolicyHistory:
    """Restore what was in force before the latest change; proposals, the shadow and all versions stay."""
    own, body = history.undoable, event.body
    if own is None or (own.seq, own.before.active) != (body["undoes"], body["policy_hash"]):
        raise ValueError("another change was the latest")
    now = own.before
    restored: dict[str, Any] = {name: getattr(now, name) for name in ("active", "track", "compared_under", "canary")}
    return replace(history, **restored, undoable=None, undone=own.seq)


def _canary(history: PolicyHistory, event: Event) -> PolicyHistory:
    policy_hash, share = event.body["policy_hash"], event.body["share"]
    canary = None if policy_hash is None else Canary(policy_hash=policy_hash, share=share)
    return replace(_numbered(_without_proposal(history, event), policy_hash), canary=canary, undoable=None)


def _shadow(history: PolicyHistory, event: Event) -> PolicyHistory:
    policy_hash = event.body["policy_hash"]
    shadow = None if policy_hash is None else ShadowPolicy(policy_hash=policy_hash, since=event.seq)
    return replace(history, shadow=shadow)


def _numbered(history: PolicyHistory, policy_hash: str | None) -> PolicyHistory:
    """Give the next number to a version that comes into force for the first time."""
    is_new = policy_hash is not None and policy_hash not in history.numbered
    return replace(history, numbered=(*history.numbered, str(policy_hash))) if is_new else history


def _without_proposal(history: PolicyHistory, event: Event) -> PolicyHistory:
    case_id = event.body["case_id"]
    return replace(history, pending={name: proposal for name, proposal in history.pending.items() if name != case_id})


def _same(history: PolicyHistory, event: Event) -> PolicyHistory:
    return history


_MOST_DIGITS = 10
_PROPOSED = ("case_id", "change", "policy_hash", "base", "people_hash", "share", "reason")
_AFTER = {
    EventKind.POLICY_RECORDED: _recorded,
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _without_proposal,
    EventKind.POLICY_UNDONE: _undone,
}
