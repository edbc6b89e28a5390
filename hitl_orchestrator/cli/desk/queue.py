"""The queue of open reviews, the earliest deadline first, with filters and automatic refresh."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize, ScreenResume
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_screen import CaseScreen
from hitl_orchestrator.cli.desk.case_sections import ALARM, FAINT, KEY, STRONG, WARN
from hitl_orchestrator.cli.desk.client import DeskError, Filters, Opened
from hitl_orchestrator.cli.desk.dialogs import FilterDialog, HelpDialog
from hitl_orchestrator.cli.desk.ports import DeskHost
from hitl_orchestrator.cli.desk.widgets import Header, Keys, Notice, begin, fill
from hitl_orchestrator.domain.review import Page, ReviewRequest

KEYS = (
    ("Enter", "open"),
    ("n", "next"),
    ("f", "filter"),
    ("m", "mine"),
    ("u", "unclaimed"),
    ("v", "overdue"),
    ("q", "quit"),
    ("x", "clear"),
    ("?", "help"),
)


class QueueScreen(Screen[None]):
    """The open reviews of this reviewer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", show=False),
        Binding("f", "filter", show=False),
        Binding("m", "turn('mine')", show=False),
        Binding("u", "turn('unclaimed')", show=False),
        Binding("v", "turn('overdue')", show=False),
        Binding("e", "turn('all_roles')", show=False),
        Binding("x", "clear", show=False),
        Binding("ctrl+r,f5", "reload", show=False),
        Binding("question_mark,f1", "help", show=False),
        Binding("q", "app.leave", show=False),
        Binding("escape", "stay", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filters = Filters()
        self.page: Page[ReviewRequest] | None = None
        self._problem, self._loaded = "", False

    @property
    def desk(self) -> DeskHost:
        """The application, as its screens use it."""
        return cast("DeskHost", self.app)

    @property
    def rows(self) -> Sequence[ReviewRequest]:
        """The reviews that were read last."""
        return self.page or ()

    @property
    def now(self) -> datetime:
        """The time of the database when the reviews were read, by which they are late."""
        return self.desk.now() if self.page is None else self.page.as_of

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header(self.desk.client.reviewer)
        yield Notice()
        yield Static(id="filtered")
        yield Static(id="columns")
        yield OptionList(id="rows")
        yield Static(id="empty")
        yield Vertical(id="preview")
        yield Keys(KEYS)

    def on_mount(self) -> None:
        """Load the queue, and refresh it regularly."""
        self.set_focus(self.query_one("#rows"))
        self.set_interval(self.desk.every, self.action_reload)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Refresh after a case was closed."""
        self.action_reload()

    def on_resize(self, event: Resize) -> None:
        """Lay out the rows again."""
        self.call_after_refresh(self._draw)

    def action_reload(self) -> None:
        """Load the queue from the store."""
        if self.is_current:
            begin(self, self._reload, group="reload", exclusive=True)

    async def _reload(self) -> None:
        filters = self.filters
        try:
            self.page = await self.desk.ask(lambda: self.desk.client.queue(filters))
        except DeskError as error:
            self._problem = str(error)
            self.query_one(Notice).show(self._problem, "bad")
            return
        self._loaded = True
        if self._problem:
            self._problem = ""
            self.query_one(Notice).show("")
        self._draw()

    def _draw(self) -> None:
        """Draw the rows, and keep the cursor on its case."""
        options, me, now = self.query_one(OptionList), self.desk.client.reviewer.reviewer_id, self.now
        width = options.scrollable_content_region.width or self.size.width - 2
        self.query_one("#columns", Static).update(styled.heading(width))
        current = options.highlighted_option.id if options.highlighted_option else None
        index = options.highlighted or 0
        options.set_options([Option(styled.queue_line(row, me, now, width), id=row.review_id) for row in self.rows])
        indices = {row.review_id: index for index, row in enumerate(self.rows)}
        options.highlighted = indices.get(current or "", min(index, len(self.rows) - 1)) if self.rows else None
        self.set_class(self._loaded and not self.rows, "-empty")
        if self.rows and self.focused is None:  # an empty list is hidden and loses the focus
            self.set_focus(options)
        self._draw_around()

    def _draw_around(self) -> None:
        active = self.filters.active
        filtered = Content.assemble("showing ", (", ".join(active), KEY), (" only   x clears", FAINT))
        everything = Content.styled("reviews you may decide, the earliest deadline first", FAINT)
        more = self.page is not None and self.page.more
        rest = f"  first {len(self.rows)}, more follow" if more else ""
        shown = Content.assemble(filtered if active else everything, (rest, WARN))
        self.query_one("#filtered", Static).update(shown)
        nothing = "No reviews match. Press x to clear the filters." if active else "No reviews wait for you."
        self.query_one("#empty", Static).update(Content(nothing))
        me, now = self.desk.client.reviewer.reviewer_id, self.now
        late = sum(row.due_at is not None and row.due_at <= now for row in self.rows)
        mine = sum(row.claimed_by == me for row in self.rows)
        counts = [Content.assemble((f"{len(self.rows)}{'+' * more}", STRONG), (" open", FAINT))]
        counts += [Content.styled(f"{late} overdue", ALARM)] if late else []
        counts += [Content.styled(f"{mine} yours", KEY)] if mine else []
        self.desk.counts = Content("  ").join(counts)
        self.query_one(Header).show(self.desk.counts)

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show a preview of the case below the list, if there is room."""
        row = next((each for each in self.rows if each.review_id == event.option_id), None)
        if row is not None:
            await fill(self.query_one("#preview", Vertical), styled.preview(row))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open a case."""
        row = next((each for each in self.rows if each.review_id == event.option_id), None)
        if row is not None:
            self._start_opening(row.case_id)

    def _start_opening(self, case_id: str | None) -> None:
        async def open_case() -> None:
            await self._open(case_id)

        begin(self, open_case, group="open", exclusive=True)

    async def _open(self, case_id: str | None) -> None:
        client = self.desk.client
        try:
            opened: Opened | None = await self.desk.ask(
                client.next if case_id is None else lambda: client.open(case_id)
            )
        except DeskError as error:
            self.query_one(Notice).show(str(error), "bad")
            return
        if opened is None:
            self.query_one(Notice).show("No unclaimed reviews are available to you.", "good")
        elif self.is_current:
            self.query_one(Notice).show("")
            self.app.push_screen(CaseScreen(opened))

    def action_next(self) -> None:
        """Claim the most urgent case."""
        self._start_opening(None)

    def action_turn(self, name: str) -> None:
        """Switch a filter on or off."""
        self._narrow(self.filters.toggled(name))

    def action_clear(self) -> None:
        """Clear the filters."""
        self._narrow(Filters())

    def action_filter(self) -> None:
        """Open the filter dialog."""
        self.app.push_screen(FilterDialog(self.filters, self.desk.client.roles(), self.rows), self._narrow)

    def action_stay(self) -> None:
        """Name the key that quits: Esc leaves dialogs and cases, and is often pressed once too often."""
        self.query_one(Notice).show("q quits the desk.")

    def action_help(self) -> None:
        """List the keys."""
        self.app.push_screen(HelpDialog())

    def _narrow(self, filters: Filters | None) -> None:
        if filters is not None:
            self.filters = filters
            self.action_reload()
