"""Widgets that all screens of the desk share."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.events import Resize
from textual.widgets import Static

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_sections import FAINT, KEY, STRONG, Section
from hitl_orchestrator.domain.review import Reviewer


def begin(node: DOMNode, task: Callable[[], Awaitable[None]], *, group: str = "", exclusive: bool = False) -> None:
    """Start a background task; an `exclusive` one cancels earlier tasks of its group."""
    worker: Any = task  # Textual's type does not fit a function that returns None
    node.run_worker(worker, group=group, exclusive=exclusive)


class Header(Horizontal):
    """The first line: the reviewer, their roles, and the number of open reviews."""

    def __init__(self, reviewer: Reviewer) -> None:
        super().__init__(id="header")
        self._reviewer = reviewer

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield Static(Content.styled("review desk", KEY))
        roles = ", ".join(self._reviewer.roles)
        yield Static(Content.assemble((self._reviewer.reviewer_id, STRONG), (f"  {roles}", FAINT)), id="who")
        yield Static(id="counts")

    def on_mount(self) -> None:
        """Show the latest counts."""
        self.show(getattr(self.app, "counts", Content()))

    def show(self, counts: Content) -> None:
        """Show the number of open reviews."""
        self.query_one("#counts", Static).update(counts)


class Keys(Static):
    """The last line: the available keys. A narrow screen leaves out the least important ones."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(id="keys")
        self._pairs = list(pairs)

    def show(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Show these keys."""
        self._pairs = list(pairs)
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw the keys that fit."""
        self._draw()

    def _draw(self) -> None:
        if self._pairs:
            self.update(styled.keys(self._pairs, self.content_size.width))


class Notice(Static):
    """A line with a result or a problem; visible only while there is one."""

    def __init__(self) -> None:
        super().__init__(id="notice")

    def show(self, sentence: str, kind: str = "warn") -> None:
        """Show a sentence; an empty one hides the line. `kind` is good, warn or bad."""
        self.set_class(bool(sentence), "-shown")
        for name in ("good", "warn", "bad"):
            self.set_class(name == kind, f"-{name}")
        self.update(Content(styled.one_line(sentence)))


class Piece(Horizontal):
    """A section of a case: its name in the margin, its content to the right."""

    def __init__(self, section: Section, *, aside: bool) -> None:
        super().__init__(classes="-aside" if aside else None)
        self._section = section

    def compose(self) -> ComposeResult:
        """Lay out the section."""
        yield Static(Content(self._section.name), classes="name")
        if not self._section.rows:
            yield Static(self._section.body, classes="body -quoted" if self._section.quoted else "body")
            return
        longest = max(first.cell_length for first, _ in self._section.rows)
        with Vertical(classes="body"):
            for first, second in self._section.rows:
                with Horizontal(classes="pair"):
                    left = Static(first)
                    left.styles.width = longest + 2
                    yield left
                    yield Static(second, classes="body")


class CaseBody(VerticalScroll):
    """The sections of a case: those about the proposal, and those about the review, side by side if there is room."""

    def __init__(self) -> None:
        super().__init__(id="case")

    def compose(self) -> ComposeResult:
        """Lay out the columns."""
        with Container(id="columns-of-case"):
            yield Vertical(id="judged")
            yield Vertical(id="around")

    async def show(self, judged: Iterable[Section], around: Iterable[Section]) -> None:
        """Show a case."""
        await fill(self.query_one("#judged", Vertical), judged)
        await self.show_around(around)

    async def show_around(self, around: Iterable[Section]) -> None:
        """Show the sections about the review again."""
        await fill(self.query_one("#around", Vertical), around, aside=True)


async def fill(column: Vertical, sections: Iterable[Section], *, aside: bool = False) -> None:
    """Show sections in a column, in place of its present ones."""
    await column.remove_children()
    pieces = [Piece(section, aside=aside) for section in sections]
    pieces[0].add_class("-first")
    await column.mount_all(pieces)
