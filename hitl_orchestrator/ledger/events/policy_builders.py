"""What each kind of entry about a policy says. They are about no case, so that nothing of them is ever erased. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, link

KINDS = (
    EventKind.POLICY_VERSION,
    EventKind.POLICY_PROPOSED,
    EventKind.POLICY_ACTIVATED,
    EventKind.POLICY_CANARY,
    EventKind.POLICY_SHADOW,
    EventKind.POLICY_DECLINED,
)
"""The entries that tell the life of a policy. That one was used, with a store opened on it, is not among them."""


def version(said: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Write down a policy itself, with the reason for it and the report of its check.

    `said` are policy_id, policy_hash, policy, reason and findings.
    """
    return Draft(None, EventKind.POLICY_VERSION, at, actor, dict(said))


def proposed(case_id: str, said: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Write down a change that waits for a second person, and the case in which they decide it.

    `said` are change, policy_hash, base, share and reason.
    """
    return Draft(None, EventKind.POLICY_PROPOSED, at, actor, {"case_id": case_id, **said})


def activated(change: PolicyChange, said: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Write down that a policy rules from now on.

    `said` are policy_hash, before, reason, and where a second person agreed to it case_id, by and approved_by.
    """
    alone = {"case_id": None, "by": actor.id, "approved_by": None}
    return Draft(None, EventKind.POLICY_ACTIVATED, at, actor, {"change": change.value, **alone, **said})


def canary(said: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Write down that a policy decides a share of the new cases from now on; None decides none any more.

    `said` are policy_hash, share, reason, and where a second person agreed to it case_id, by and approved_by.
    """
    alone = {"case_id": None, "by": actor.id, "approved_by": None}
    return Draft(None, EventKind.POLICY_CANARY, at, actor, {**alone, **said})


def shadow(policy_hash: str | None, reason: str, actor: Actor, at: datetime) -> Draft:
    """Write down that a policy is evaluated beside the active one from now on; None: that none is any more."""
    return Draft(None, EventKind.POLICY_SHADOW, at, actor, {"policy_hash": policy_hash, "reason": reason})


def enacted(change: PolicyChange, said: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Write down that a policy is put in force, for all new cases or for a share of them. `said` holds all of it."""
    left_out = "before" if change is PolicyChange.CANARY else "share"
    kept = {name: value for name, value in said.items() if name != left_out}
    return canary(kept, actor, at) if change is PolicyChange.CANARY else activated(change, kept, actor, at)


def declined(case_id: str, why: str, actor: Actor, at: datetime) -> Draft:
    """Write down that a proposed change was not carried out, and why."""
    return Draft(None, EventKind.POLICY_DECLINED, at, actor, {"case_id": case_id, "why": why})


def as_read(drafts: Sequence[Draft], behind: int) -> list[Event]:
    """Return what will be read of drafts that are written behind this entry.

    Raises:
        LedgerDamaged: one of them could not be read.
    """
    return [event_of(entry.entry, entry.digest) for entry in link(Head(behind, GENESIS), drafts)]
