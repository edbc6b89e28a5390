"""The few pieces that every screen of the desk is made of."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.events import Resize
from textual.widgets import Static

from hitl_orchestrator.cli.desk import styled_text as telling
from hitl_orchestrator.cli.desk.styled_text import FAINT, KEY, STRONG, Section
from hitl_orchestrator.domain.review import Reviewer


def begin(node: DOMNode, doing: Callable[[], Awaitable[None]], *, group: str = "", exclusive: bool = False) -> None:
    """Begin something that takes a while; of an `exclusive` group what was begun before is dropped."""
    work: Any = doing  # Textual's own type for it fits no function that returns nothing
    node.run_worker(work, group=group, exclusive=exclusive)


class Header(Horizontal):
    """The first line: where one is, as whom, and how much waits."""

    def __init__(self, reviewer: Reviewer) -> None:
        super().__init__(id="header")
        self._reviewer = reviewer

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield Static(Content.styled("review desk", KEY))
        one = self._reviewer
        roles = ", ".join(one.roles)
        yield Static(Content.assemble((one.reviewer_id, STRONG), (f"  {roles}", FAINT)), id="who")
        yield Static(id="counts")

    def on_mount(self) -> None:
        """Show what was counted last."""
        self.tell(getattr(self.app, "counts", Content()))

    def tell(self, counts: Content) -> None:
        """Show how much waits."""
        self.query_one("#counts", Static).update(counts)


class Keys(Static):
    """The last line: which keys do something here. On a narrow screen the least important are left out."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(id="keys")
        self._pairs = list(pairs)

    def tell(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Show other keys."""
        self._pairs = list(pairs)
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw what fits."""
        self._draw()

    def _draw(self) -> None:
        if self._pairs:
            self.update(telling.keys(self._pairs, self.content_size.width))


class Notice(Static):
    """A line that says what came of something, or why it did not; there only while there is something to say."""

    def __init__(self) -> None:
        super().__init__(id="notice")

    def tell(self, sentence: str, kind: str = "warn") -> None:
        """Say a sentence; an empty one takes the line away. `kind` is good, warn or bad."""
        self.set_class(bool(sentence), "-shown")
        for one in ("good", "warn", "bad"):
            self.set_class(one == kind, f"-{one}")
        self.update(Content(telling.one_line(sentence)))


class Piece(Horizontal):
    """One thing to know about a case: its name in the margin, the rest beside it."""

    def __init__(self, section: Section, *, aside: bool) -> None:
        super().__init__(classes="-aside" if aside else None)
        self._section = section

    def compose(self) -> ComposeResult:
        """Lay out the piece."""
        yield Static(Content(self._section.name), classes="name")
        if not self._section.rows:
            yield Static(self._section.body, classes="body")
            return
        longest = max(first.cell_length for first, _ in self._section.rows)
        with Vertical(classes="body"):
            for first, second in self._section.rows:
                with Horizontal(classes="pair"):
                    left = Static(first)
                    left.styles.width = longest + 2
                    yield left
                    yield Static(second, classes="body")
