"""The hash chain: the canonical text of an entry, which contains the digest of the previous entry."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import FIRST_YEAR, ID_PATTERN, LAST_YEAR, canonical_json, read_canonical
from hitl_orchestrator.errors import InvalidInput, LedgerDamaged

GENESIS = "0" * 64

GOVERNING = (
    EventKind.POLICY_RECORDED,
    EventKind.POLICY_VERSION,
    EventKind.POLICY_PROPOSED,
    EventKind.POLICY_ACTIVATED,
    EventKind.POLICY_CANARY,
    EventKind.POLICY_SHADOW,
    EventKind.POLICY_DECLINED,
    EventKind.POLICY_UNDONE,
    EventKind.KEY_CHANGED,
    EventKind.CLOCK_MOVED_BACK,
    EventKind.PEOPLE_RECORDED,
    EventKind.PEOPLE_PROPOSED,
    EventKind.PEOPLE_ACTIVATED,
    EventKind.PEOPLE_DECLINED,
    EventKind.CONFIGURATION_RECORDED,
)
"""The kinds of entries that concern all cases. A partial index lists them; the head row has a digest of them all."""


class Head(NamedTuple):
    """The number and digest of the last entry."""

    seq: int
    digest: str


class Draft(NamedTuple):
    """An entry before it is numbered and chained."""

    case_id: str | None
    kind: EventKind
    at: datetime
    actor: Actor
    body: dict[str, Any]


class Entry(NamedTuple):
    """A row of `events`: search columns, the canonical text, the digest of that text, and the seal."""

    seq: int
    case_id: str | None
    kind: str
    entry: str
    digest: str
    mac: str = ""


class HeadRow(NamedTuple):
    """The row of `ledger_head`: the id of the ledger, its end, the digest of its governing entries, and the seal.

    `latest` is the time that the clock showed at the last live entry, or before by less than a jump; empty without one.
    """

    ledger_id: str
    seq: int
    digest: str
    governed: str
    latest: str = ""
    mac: str = ""


Seal = Callable[[int, str], str]
"""Returns the seal of an entry, from its number and digest."""


def governed_after(governed: str, digest: str) -> str:
    """Return the digest of the governing entries after the next one, which has this digest."""
    return sha256(f"{governed}{digest}".encode()).hexdigest()


def _without_seal(seq: int, digest: str) -> str:
    return ""


def instant_text(at: datetime) -> str:
    """Format a UTC time so that texts sort as times do: always with microseconds and Z."""
    # Not strftime: its %Y leaves out the leading zeros of a year before 1000 on some platforms.
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def short_time(text: str | None) -> str | None:
    """Return an `instant_text` in the form that a time has in a record, which omits microseconds of 0."""
    return text and text.replace(".000000Z", "Z")


NEVER = "9999-12-31T23:59:59.999999Z"
"""The stored form of no time. It sorts after every time."""


def time_text(at: datetime | None) -> str:
    """Format an optional UTC time."""
    return NEVER if at is None else instant_text(at)


def time_of(text: str) -> datetime | None:
    """Parse a stored time; None for `NEVER`."""
    return None if text == NEVER else datetime.fromisoformat(text).astimezone(UTC)


def link(head: Head, drafts: Sequence[Draft], seal: Seal = _without_seal) -> list[Entry]:
    """Return entries numbered from `head` on, each with the digest of the previous one and its seal.

    Raises:
        InvalidInput: an entry would not read as its draft, which would make the ledger unreadable for good.
    """
    entries: list[Entry] = []
    for draft in drafts:
        actor = _stored_actor(draft.actor)
        content = {
            "seq": head.seq + 1,
            "case_id": draft.case_id,
            "kind": draft.kind.value,
            "at": instant_text(draft.at),
            "actor": actor.fields,
            "body": draft.body,
            "previous": head.digest,
        }
        text = canonical_json(content)
        head = Head(head.seq + 1, sha256(text.encode()).hexdigest())
        if not (actor.is_valid and _is_valid(draft) and read_canonical(text) == content):
            _check_reads_back(draft, text, head.digest)
        entries.append(Entry(head.seq, draft.case_id, draft.kind.value, text, head.digest, seal(head.seq, head.digest)))
    return entries


class _StoredActor(NamedTuple):
    """The fields of an actor in an entry, and whether they read as the actor. Never changed."""

    fields: dict[str, Any]
    is_valid: bool


def _stored_actor(actor: Actor) -> _StoredActor:
    try:
        return _known_actor(actor)
    except TypeError:  # it cannot be hashed, since a copy of it was given other fields than an actor has
        return _StoredActor(actor.model_dump(mode="json"), is_valid=False)


@lru_cache(maxsize=1024)
def _known_actor(actor: Actor) -> _StoredActor:
    fields = actor.model_dump(mode="json")
    try:
        return _StoredActor(fields, is_valid=Actor.model_validate(fields) == actor)
    except ValueError:
        return _StoredActor(fields, is_valid=False)


def _is_valid(draft: Draft) -> bool:
    """Return whether the case id and the time of a draft are certainly valid in an event, as its kind always is."""
    named = draft.case_id is None or _IDENTIFIER.fullmatch(draft.case_id)
    return bool(named) and draft.at.tzinfo is UTC and FIRST_YEAR <= draft.at.year <= LAST_YEAR


_IDENTIFIER = re.compile(ID_PATTERN.strip("^$"))


def _check_reads_back(draft: Draft, text: str, digest: str) -> None:
    """Refuse an entry that does not read as its draft; the transaction stores nothing. Raises `InvalidInput`."""
    try:
        event = event_of(text, digest)
        same = (event.at, event.actor) == (draft.at, draft.actor)
        if same and (event.body == draft.body or canonical_json(event.body) == canonical_json(draft.body)):
            return
        why = "it would read differently"
    except (LedgerDamaged, ValueError) as exc:
        why = str(exc.__cause__ or exc)
    about = "no case" if draft.case_id is None else f"case {draft.case_id!r}"
    raise InvalidInput([f"the entry {draft.kind.value!r} about {about} cannot be stored: {why}"])


def event_of(entry: str, digest: str) -> Event:
    """Parse a stored entry. Raises `LedgerDamaged`."""
    try:
        return Event.model_validate({**read_canonical(entry), "digest": digest})
    except _UNREADABLE as exc:
        raise _damaged(entry) from exc


def content_of(entry: str) -> tuple[str | None, str, dict[str, Any]]:
    """Return the case id, the kind and the body of a stored entry. Raises `LedgerDamaged`."""
    try:
        content = read_canonical(entry)
        return content["case_id"], content["kind"], dict(content["body"])
    except _UNREADABLE as exc:
        raise _damaged(entry) from exc


def body_of(entry: str) -> dict[str, Any]:
    """Return the body of a stored entry. Raises `LedgerDamaged`."""
    return content_of(entry)[2]


def record_of(entry: str, restored: Callable[[dict[str, Any]], dict[str, Any]]) -> AuditRecord:
    """Return the audit record in a stored entry; `restored` puts its texts back. Raises `LedgerDamaged`."""
    try:
        return AuditRecord.model_validate(restored(body_of(entry)))
    except ValueError as exc:
        raise _damaged(entry) from exc


_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)


def _damaged(entry: object) -> LedgerDamaged:
    return LedgerDamaged(f"an entry about a case or a policy cannot be read: {str(entry)[:60]!r}")
