"""Where a store of each kind is kept in a test."""

from pathlib import Path


def address_of(store: str, folder: Path) -> str:
    """The address of a store that needs no server."""
    return {"memory": "memory://", "sqlite": f"sqlite:///{folder / 'hitl.db'}"}[store]
