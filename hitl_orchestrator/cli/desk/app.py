"""The Textual application of the desk: themes, screens, and threads for calls to the store."""

import asyncio
import io
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, TypeVar

from rich.console import Console
from textual.app import App
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.theme import Theme

from hitl_orchestrator.cli.desk.client import DeskClient, DeskError, run_plainly
from hitl_orchestrator.cli.desk.draft import Draft
from hitl_orchestrator.cli.desk.queue import QueueScreen
from hitl_orchestrator.cli.desk.widgets import Notice

T = TypeVar("T")
EVERY = 5.0
"""Seconds between two refreshes."""

DARK = Theme(
    name="desk-dark",
    primary="#6cb0f5",
    secondary="#9ba5b0",
    success="#57ab5a",
    warning="#d9a514",
    error="#f47067",
    foreground="#d5dce4",
    background="#0f1318",
    surface="#171c23",
    panel="#1d242d",
    dark=True,
)
LIGHT = Theme(
    name="desk-light",
    primary="#0b5cad",
    secondary="#59636e",
    success="#1a7f37",
    warning="#9a6700",
    error="#cf222e",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f3f5f8",
    panel="#e8ecf1",
    dark=False,
)


class DeskApp(App[None]):
    """One reviewer's desk on one store."""

    CSS_PATH = "desk.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - declared so by Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", "Quit", priority=True, show=False),
        Binding("ctrl+t", "other_light", "Light or dark", show=False),
    ]

    def __init__(self, client: DeskClient, *, now: Callable[[], datetime], every: float = EVERY) -> None:
        """Create the desk of `client`'s reviewer. It refreshes `every` seconds; `now` is this machine's clock."""
        super().__init__()
        self.client, self.now, self.every = client, now, every
        self.drafts: dict[str, Draft] = {}
        self.claimed: str | None = None
        self.active = False
        self.counts = Content()
        self._warned: dict[str, str] = {}
        self.error_console = Console(file=io.StringIO())  # `main` reports errors, without a traceback

    def on_mount(self) -> None:
        """Show the queue."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        self.push_screen(QueueScreen())

    def on_key(self, event: Key) -> None:
        """Note activity, which extends the claim."""
        self.active = True

    async def ask(self, call: Callable[[], T]) -> T:
        """Run a call to the store in a thread.

        Raises:
            DeskError: the call failed; with plain sentences.
        """
        return await asyncio.to_thread(run_plainly, call)

    @property
    def fault(self) -> Exception | None:
        """The unexpected error that ended the desk."""
        return self._exception

    def draft_of(self, review_id: str) -> Draft:
        """Return the draft about a review."""
        return self.drafts.setdefault(review_id, Draft())

    async def release_claim(self) -> None:
        """Release the claim, if there is one. If that fails, the claim lapses later."""
        claimed, self.claimed = self.claimed, None
        if claimed is not None:
            try:
                await self.ask(lambda: self.client.release(claimed))
            except DeskError:
                return

    def action_other_light(self) -> None:
        """Switch between the dark and the light theme."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    async def action_leave(self) -> None:
        """Quit; warn first if an unrecorded decision would be lost."""
        typed = {review_id: draft.typed for review_id, draft in self.drafts.items() if draft.typed}
        if typed and typed != self._warned:
            self._warned = typed
            warning = "Your decision is not recorded yet. The same key again quits without it."
            self.screen.query_one(Notice).show(warning)
            return
        await self.release_claim()
        self.exit()
