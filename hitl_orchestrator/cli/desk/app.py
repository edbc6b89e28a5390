"""The desk itself: its looks, its screens, and the thread in which the store is asked while the screen stays alive."""

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

from hitl_orchestrator.cli.desk.client import DeskClient, DeskError, told_plainly
from hitl_orchestrator.cli.desk.draft import Draft
from hitl_orchestrator.cli.desk.queue import QueueScreen
from hitl_orchestrator.cli.desk.widgets import Notice

T = TypeVar("T")
EVERY = 5.0
"""So many seconds lie between two looks at what others did."""

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

    def __init__(self, work: DeskClient, *, now: Callable[[], datetime], every: float = EVERY) -> None:
        """`every` so many seconds the screen looks at what others did; `now` is this machine's clock."""
        super().__init__()
        self.work, self.now, self.every = work, now, every
        self.drafts: dict[str, Draft] = {}
        self.held: str | None = None
        self.active = False
        self.counts = Content()
        self._warned = False
        self.error_console = Console(file=io.StringIO())  # a fault is told by the outermost line, without a traceback

    def on_mount(self) -> None:
        """Show the queue."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        self.push_screen(QueueScreen())

    def on_key(self, event: Key) -> None:
        """Note that somebody is there: that keeps their claim."""
        self.active = True

    async def ask(self, doing: Callable[[], T]) -> T:
        """Ask the store for something, in a thread.

        Raises:
            DeskError: it cannot be had; with plain sentences.
        """
        return await asyncio.to_thread(told_plainly, doing)

    @property
    def fault(self) -> Exception | None:
        """What ended the desk that nobody foresaw."""
        return self._exception

    def draft_of(self, review_id: str) -> Draft:
        """Return what was typed about a review so far."""
        return self.drafts.setdefault(review_id, Draft())

    async def let_go(self) -> None:
        """Release the case that is held, if one is. Where that fails its lease will lapse."""
        held, self.held = self.held, None
        if held is not None:
            try:
                await self.ask(lambda: self.work.release(held))
            except DeskError:
                return

    def action_other_light(self) -> None:
        """Change between dark and light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    async def action_leave(self) -> None:
        """Quit, unless something was typed and not recorded: then say so first."""
        typed = [review_id for review_id, draft in self.drafts.items() if draft.typed]
        if typed and not self._warned:
            self._warned = True
            told = "You typed an answer that is not recorded yet. Ctrl+Q again leaves without it."
            self.screen.query_one(Notice).tell(told)
            return
        await self.let_go()
        self.exit()
