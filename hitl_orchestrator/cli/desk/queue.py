"""The queue: what waits, the soonest due first, narrowed as one likes, and kept up to date by itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize, ScreenResume
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from hitl_orchestrator.cli.desk import styled_text as telling
from hitl_orchestrator.cli.desk.case import CaseScreen
from hitl_orchestrator.cli.desk.client import MOST_LISTED, DeskError, Filters, Opened
from hitl_orchestrator.cli.desk.dialogs import FilterDialog, HelpDialog
from hitl_orchestrator.cli.desk.styled_text import ALARM, FAINT, KEY, STRONG
from hitl_orchestrator.cli.desk.widgets import Header, Keys, Notice, begin
from hitl_orchestrator.domain.review import StoredReview

if TYPE_CHECKING:
    from hitl_orchestrator.cli.desk.app import DeskApp

KEYS = (
    ("Enter", "open"),
    ("n", "next best"),
    ("f", "filter"),
    ("m", "mine"),
    ("u", "unclaimed"),
    ("v", "overdue"),
    ("x", "clear"),
    ("q", "quit"),
    ("?", "help"),
)


class QueueScreen(Screen[None]):
    """All reviews that wait for this reviewer."""

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
        Binding("q,escape", "app.leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filters = Filters()
        self.rows: Sequence[StoredReview] = ()
        self._said, self._read = "", False

    @property
    def desk(self) -> "DeskApp":
        """The app, by its own type."""
        return cast("DeskApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header(self.desk.work.reviewer)
        yield Notice()
        yield Static(id="filtered")
        yield Static(id="columns")
        yield OptionList(id="rows")
        yield Static(id="empty")
        yield Static(id="preview")
        yield Keys(KEYS)

    def on_mount(self) -> None:
        """Look at the store now, and now and then."""
        self.set_focus(self.query_one("#rows"))
        self.set_interval(self.desk.every, self.action_reload)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Look again when a case is left."""
        self.action_reload()

    def on_resize(self, event: Resize) -> None:
        """Lay the rows out anew."""
        self.call_after_refresh(self._draw)

    def action_reload(self) -> None:
        """Read the queue from the store."""
        if self.is_current:
            begin(self, self._reload, group="reload", exclusive=True)

    async def _reload(self) -> None:
        filters = self.filters
        try:
            self.rows = await self.desk.ask(lambda: self.desk.work.queue(filters))
        except DeskError as trouble:
            self._said = str(trouble)
            self.query_one(Notice).tell(self._said, "bad")
            return
        self._read = True
        if self._said:
            self._said = ""
            self.query_one(Notice).tell("")
        self._draw()

    def _draw(self) -> None:
        """Draw what was read, with the cursor on the case on which it stood."""
        shown, me, now = self.query_one(OptionList), self.desk.work.reviewer.reviewer_id, self.desk.now()
        width = shown.scrollable_content_region.width or self.size.width - 2
        self.query_one("#columns", Static).update(telling.heading(width))
        on = shown.highlighted_option.id if shown.highlighted_option else None
        at = shown.highlighted or 0
        shown.set_options([Option(telling.queue_line(row, me, now, width), id=row.review_id) for row in self.rows])
        places = {row.review_id: place for place, row in enumerate(self.rows)}
        shown.highlighted = places.get(on or "", min(at, len(self.rows) - 1)) if self.rows else None
        self.set_class(self._read and not self.rows, "-empty")
        if self.rows and self.focused is None:  # a list that was hidden while it was empty has lost it
            self.set_focus(shown)
        self._draw_around()

    def _draw_around(self) -> None:
        told = self.filters.told
        words = Content.assemble("showing ", (", ".join(told), KEY), (" only   x clears", FAINT))
        everything = Content.styled("all that you may decide, the soonest due first", FAINT)
        self.query_one("#filtered", Static).update(words if told else everything)
        nothing = "Nothing here. Press x to see all that waits for you." if told else "Nothing waits for you."
        self.query_one("#empty", Static).update(Content(nothing))
        me, now = self.desk.work.reviewer.reviewer_id, self.desk.now()
        late = sum(row.due_at is not None and row.due_at <= now for row in self.rows)
        mine = sum(row.claimed_by == me for row in self.rows)
        more = "+" if len(self.rows) >= MOST_LISTED else ""
        counts = [Content.assemble((f"{len(self.rows)}{more}", STRONG), (" open", FAINT))]
        counts += [Content.styled(f"{late} overdue", ALARM)] if late else []
        counts += [Content.styled(f"{mine} yours", KEY)] if mine else []
        self.desk.counts = Content("  ").join(counts)
        self.query_one(Header).tell(self.desk.counts)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show a little more of the case below the list, where there is room."""
        row = next((one for one in self.rows if one.review_id == event.option_id), None)
        if row is not None:
            self.query_one("#preview", Static).update(telling.preview(row))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open a case."""
        row = next((one for one in self.rows if one.review_id == event.option_id), None)
        if row is not None:
            self._begin_to_open(row.case_id)

    def _begin_to_open(self, case_id: str | None) -> None:
        async def opening() -> None:
            await self._open(case_id)

        begin(self, opening, group="open", exclusive=True)

    async def _open(self, case_id: str | None) -> None:
        work = self.desk.work
        try:
            opened: Opened | None = await self.desk.ask(work.next if case_id is None else lambda: work.open(case_id))
        except DeskError as trouble:
            self.query_one(Notice).tell(str(trouble), "bad")
            return
        if opened is None:
            self.query_one(Notice).tell("Nothing waits for you that nobody else is at.", "good")
        elif self.is_current:
            self.query_one(Notice).tell("")
            self.app.push_screen(CaseScreen(opened))

    def action_next(self) -> None:
        """Claim the case that is best taken next."""
        self._begin_to_open(None)

    def action_turn(self, name: str) -> None:
        """Turn one filter on or off."""
        self._narrow(self.filters.toggled(name))

    def action_clear(self) -> None:
        """Show all again."""
        self._narrow(Filters())

    def action_filter(self) -> None:
        """Ask for the filters."""
        roles = self.desk.work.hitl.services.people.chain.roles
        self.app.push_screen(FilterDialog(self.filters, roles, self.rows), self._narrow)

    def action_help(self) -> None:
        """Tell the keys."""
        self.app.push_screen(HelpDialog())

    def _narrow(self, filters: Filters | None) -> None:
        if filters is not None:
            self.filters = filters
            self.action_reload()
