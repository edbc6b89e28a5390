"""Addresses of stores in tests."""

from pathlib import Path


def address_of(store: str, folder: Path) -> str:
    """Return the address of a store that needs no server."""
    return {"memory": "memory://", "sqlite": f"sqlite:///{folder / 'hitl.db'}"}[store]
