"""The entries that govern a store: about policies, people and the configuration."""

from collections.abc import Sequence

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.events import people_builders, policy_builders
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, link

KINDS = (*policy_builders.KINDS, *people_builders.KINDS, EventKind.CONFIGURATION_RECORDED)
"""The kinds of these entries. A change is written only if no other one of them was written since it was checked."""


def as_read(drafts: Sequence[Draft], after: int) -> list[Event]:
    """Return the events that reading these drafts will return once they follow the entry `after`.

    Raises:
        LedgerDamaged: an event could not be parsed.
    """
    return [event_of(entry.entry, entry.digest) for entry in link(Head(after, GENESIS), drafts)]
