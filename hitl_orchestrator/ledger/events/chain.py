"""How one entry of the ledger holds the one before: the canonical text of an entry, and its digest. Pure."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import LedgerDamaged

GENESIS = "0" * 64


class Head(NamedTuple):
    """Where the ledger ends: the number and the digest of its last entry."""

    seq: int
    digest: str


class Draft(NamedTuple):
    """What is to be appended, before it has its place in the ledger."""

    case_id: str | None
    kind: EventKind
    at: datetime
    actor: Actor
    body: dict[str, Any]


class Entry(NamedTuple):
    """One entry as it is stored: the columns that are searched, the canonical text, and the digest of that text."""

    seq: int
    case_id: str | None
    kind: str
    entry: str
    digest: str


def instant_text(at: datetime) -> str:
    """Write a UTC time so that texts sort as times do: always with microseconds, always with Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


NEVER = "9999-12-31T23:59:59.999999Z"
"""What stands where no time is set. It sorts behind every time."""


def time_text(at: datetime | None) -> str:
    """Write a UTC time that may not be set."""
    return NEVER if at is None else instant_text(at)


def time_of(text: str) -> datetime | None:
    """Read a stored time; None where none is set."""
    return None if text == NEVER else datetime.fromisoformat(text).astimezone(UTC)


def link(head: Head, drafts: Sequence[Draft]) -> list[Entry]:
    """Give drafts their place behind `head`, each holding the digest of the entry before it."""
    entries: list[Entry] = []
    for draft in drafts:
        content = {
            "seq": head.seq + 1,
            "case_id": draft.case_id,
            "kind": draft.kind.value,
            "at": instant_text(draft.at),
            "actor": draft.actor.model_dump(mode="json"),
            "body": draft.body,
            "previous": head.digest,
        }
        text = canonical_json(content)
        head = Head(head.seq + 1, sha256(text.encode()).hexdigest())
        entries.append(Entry(head.seq, draft.case_id, draft.kind.value, text, head.digest))
    return entries


def event_of(entry: str, digest: str) -> Event:
    """Read a stored entry back. Raises `LedgerDamaged` where it cannot be read."""
    try:
        return Event.model_validate({**read_canonical(entry), "digest": digest})
    except _UNREADABLE as exc:
        raise _damaged(entry) from exc


def body_of(entry: str) -> dict[str, Any]:
    """Return what a stored entry says. Raises `LedgerDamaged` where it cannot be read."""
    try:
        return dict(read_canonical(entry)["body"])
    except _UNREADABLE as exc:
        raise _damaged(entry) from exc


def record_of(entry: str, restored: Callable[[dict[str, Any]], dict[str, Any]]) -> AuditRecord:
    """Return the outcome that a stored entry tells of, with what was said. Raises as `body_of`."""
    try:
        return AuditRecord.model_validate(restored(body_of(entry)))
    except ValueError as exc:
        raise _damaged(entry) from exc


def policy_of(entry: str) -> tuple[str, dict[str, Any]]:
    """Return the hash and the body of the policy that a stored entry tells of. Raises as `body_of`."""
    said = body_of(entry)
    try:
        return str(said["policy_hash"]), dict(said["policy"])
    except _UNREADABLE as exc:
        raise _damaged(entry) from exc


_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)


def _damaged(entry: object) -> LedgerDamaged:
    return LedgerDamaged(f"an entry about a case or a policy cannot be read: {str(entry)[:60]!r}")
