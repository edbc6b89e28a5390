"""The part of the desk application that its screens use."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from textual.content import Content

from hitl_orchestrator.cli.desk.client import DeskClient
from hitl_orchestrator.cli.desk.draft import Draft

T = TypeVar("T")


class DeskHost(Protocol):
    """One reviewer's desk on one store."""

    client: DeskClient
    drafts: dict[str, Draft]
    counts: Content
    now: Callable[[], datetime]
    every: float
    active: bool
    claimed: str | None

    async def ask(self, call: Callable[[], T]) -> T:
        """Run a call to the store in a thread. Raises `DeskError`."""

    def draft_of(self, review_id: str) -> Draft:
        """Return the draft about a review."""

    async def release_claim(self) -> None:
        """Release the claim, if there is one."""
