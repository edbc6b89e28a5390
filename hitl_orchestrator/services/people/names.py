"""The names of the people whom a store records."""

from hitl_orchestrator.errors import InvalidInput, LedgerDamaged, TamperedPeople
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.governance.history import PeopleHistory

__all__ = ["names_in"]


def names_in(ledger: Ledger) -> dict[str, str]:
    """Return the names of the people in force by their ids, where they differ; none where they cannot be read."""
    try:
        history = PeopleHistory().after(ledger.governance_events())
        people = () if history.current is None else history.people(history.current)
    except (TamperedPeople, LedgerDamaged, InvalidInput):
        return {}
    return {each.reviewer_id: each.name for each in people if each.name != each.reviewer_id}
