"""The entries that govern a store: about policies, people and the configuration."""

from collections.abc import Sequence

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, link


def as_read(drafts: Sequence[Draft], after: int) -> list[Event]:
    """Return the events that reading these drafts will return once they follow the entry `after`.

    Raises:
        LedgerDamaged: an event could not be parsed.
    """
    return [event_of(entry.entry, entry.digest) for entry in link(Head(after, GENESIS), drafts)]
