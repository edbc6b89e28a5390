"""Addresses of stores in tests, and the queue of open reviews as one list."""

from pathlib import Path
from typing import Any

from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger


def address_of(store: str, folder: Path) -> str:
    """Return the address of a store that needs no server."""
    return {"memory": "memory://", "sqlite": f"sqlite:///{folder / 'hitl.db'}"}[store]


def open_rows(ledger: Ledger, limit: int = 200, **wanted: Any) -> list[StoredReview]:
    """Return the first open reviews under a filter."""
    return list(ledger.queue_page([InboxFilter(**wanted)], limit).reviews)
