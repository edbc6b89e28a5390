"""Entries about the ledger itself: changes of the key that seals it, and jumps of the clock that dates it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.enums import ActorKind, EventKind
from hitl_orchestrator.domain.value import UtcDatetime, Value
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.builders import SYSTEM, TIMEOUT
from hitl_orchestrator.ledger.events.chain import Draft, instant_text

KINDS = EventKind.KEY_CHANGED, EventKind.CLOCK_MOVED_BACK

CLOCK_JUMP = timedelta(seconds=60)
"""An entry that is dated this much before an earlier one shows that a clock was moved back, not that writers waited."""


class KeyChange(Value):
    """A change of the key that seals a ledger: the ids of both keys, and the first entry under the new one."""

    old_key: str
    new_key: str
    valid_from: int
    at: UtcDatetime


def key_changed(old_key: str, new_key: str, seq: int, actor: Actor, at: datetime) -> Draft:
    """Record, as the entry `seq`, that from the next entry on another key seals the ledger."""
    body = {"old_key": old_key, "new_key": new_key, "valid_from": seq + 1}
    return Draft(None, EventKind.KEY_CHANGED, at, actor, body)


def key_change_in(event: Event) -> KeyChange:
    """Return the change that an entry records. Raises `LedgerDamaged`."""
    try:
        change = KeyChange.model_validate({**event.body, "at": event.at})
    except ValueError as exc:
        raise LedgerDamaged(f"entry {event.seq} records no change of the key that can be read") from exc
    if change.valid_from != event.seq + 1:
        raise LedgerDamaged(f"entry {event.seq} makes a key valid from entry {change.valid_from}, not from the next")
    return change


def clock_moved_back(before: str, to: datetime) -> Draft:
    """Record that the clock shows a time before that of an earlier entry, given as text."""
    body = {"from": before, "to": instant_text(to)}
    return Draft(None, EventKind.CLOCK_MOVED_BACK, to, SYSTEM, body)


def times_of_clock(drafts: Sequence[Draft]) -> list[datetime]:
    """Return the times of entries that the clock of this process gave.

    An imported decision has its own past time, and the clock of the store dates a missed deadline.
    """
    if any(draft.actor.kind is ActorKind.RECORD or draft.actor == TIMEOUT for draft in drafts):
        return []
    return [draft.at for draft in drafts]


def jump_back(latest: str, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the entry to write before these: none, or one that the clock moved back since the time `latest`."""
    times = times_of_clock(drafts)
    if not latest or not times or datetime.fromisoformat(latest) - min(times) <= CLOCK_JUMP:
        return []
    return [clock_moved_back(latest, min(times))]


def latest_after(latest: str, drafts: Sequence[Draft]) -> str:
    """Return the time with which the next entry is compared, after these: after a jump, the new time."""
    times = times_of_clock(drafts)
    if not times:
        return latest
    new = instant_text(max(times))
    return new if jump_back(latest, drafts) else max(latest, new)
