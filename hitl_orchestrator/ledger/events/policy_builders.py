"""Entries about policies. They belong to no case, so that redaction never touches them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft

KINDS = (
    EventKind.POLICY_RECORDED,
    EventKind.POLICY_VERSION,
    EventKind.POLICY_PROPOSED,
    EventKind.POLICY_ACTIVATED,
    EventKind.POLICY_CANARY,
    EventKind.POLICY_SHADOW,
    EventKind.POLICY_DECLINED,
    EventKind.POLICY_UNDONE,
)
"""The kinds of entries that make up the history of policies."""

UNDO_WITHIN = timedelta(hours=1)
"""How long a person who activated a policy alone may undo that alone, by the store's clock."""


def recorded(policy_id: str, policy_hash: str, policy: Mapping[str, Any], people_hash: str, at: datetime) -> Draft:
    """Record the first policy of a store, which is active from then on."""
    names = {"policy_id": policy_id, "policy_hash": policy_hash, "people_hash": people_hash}
    body = {**names, "policy": dict(policy)}
    return Draft(None, EventKind.POLICY_RECORDED, at, SYSTEM, body)


def version(body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record a version of a policy.

    `body` has policy_id, policy_hash, policy, reason and findings (of its check).
    """
    return Draft(None, EventKind.POLICY_VERSION, at, actor, dict(body))


def proposed(case_id: str, body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record a proposed change and the case in which a second person decides it.

    `body` has change, policy_hash, base, share, reason, and review: what its case says about the policy.
    """
    return Draft(None, EventKind.POLICY_PROPOSED, at, actor, {"case_id": case_id, **body})


def activated(change: PolicyChange, body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record that a policy becomes active.

    `body` has policy_hash, before, reason, and after a second person's approval case_id, by and approved_by. `clock`
    is the time of the store's clock, of an activation by one person alone.
    """
    defaults = {"case_id": None, "by": actor.id, "approved_by": None, "clock": None}
    return Draft(None, EventKind.POLICY_ACTIVATED, at, actor, {"change": change.value, **defaults, **body})


def canary(body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record that a policy decides a share of the new cases; the policy_hash None ends the canary.

    `body` has policy_hash, share, reason, and after a second person's approval case_id, by and approved_by.
    """
    defaults = {"case_id": None, "by": actor.id, "approved_by": None}
    return Draft(None, EventKind.POLICY_CANARY, at, actor, {**defaults, **body})


def shadow(policy_hash: str | None, reason: str, actor: Actor, at: datetime) -> Draft:
    """Record that a shadow policy is evaluated; the hash None ends the shadow evaluation."""
    return Draft(None, EventKind.POLICY_SHADOW, at, actor, {"policy_hash": policy_hash, "reason": reason})


def enacted(change: PolicyChange, body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record an activation or a canary. `body` has the fields of both."""
    omitted = ("before", "clock") if change is PolicyChange.CANARY else ("share",)
    fields = {name: value for name, value in body.items() if name not in omitted}
    return canary(fields, actor, at) if change is PolicyChange.CANARY else activated(change, fields, actor, at)


def undone(body: Mapping[str, Any], actor: Actor, at: datetime) -> Draft:
    """Record that an activation is undone by the person who made it alone.

    `body` has undoes (the number of its entry), policy_hash, before, reason, and clock, the time of the store's clock.
    """
    return Draft(None, EventKind.POLICY_UNDONE, at, actor, {"change": PolicyChange.UNDO.value, "by": actor.id, **body})


def declined(case_id: str, why: str, actor: Actor, at: datetime) -> Draft:
    """Record that a proposed change was declined, and why."""
    return Draft(None, EventKind.POLICY_DECLINED, at, actor, {"case_id": case_id, "why": why})
