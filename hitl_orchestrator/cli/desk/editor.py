"""The editor of an output as JSON, with its problems and its differences from the proposal."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static, TextArea

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_sections import FAINT, STRONG
from hitl_orchestrator.cli.desk.draft import Draft, as_text, differences, problems, read_output
from hitl_orchestrator.cli.desk.widgets import Header, Keys, Notice
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.orchestrator import CaseView

KEYS = (("Ctrl+S", "done"), ("Ctrl+O", "restore the proposal"), ("Esc", "back, keep this text"))


class EditorScreen(Screen[bool]):
    """Edits the output of a draft. The draft keeps every keystroke. Returns True if the edit is done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "done", show=False, priority=True),
        Binding("ctrl+o", "again", show=False, priority=True),
        Binding("escape", "back", show=False, priority=True),
    ]

    def __init__(self, view: CaseView, draft: Draft, decision: HumanDecision, reviewer: Reviewer) -> None:
        super().__init__()
        self._view, self._draft, self._decision, self._reviewer = view, draft, decision, reviewer

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header(self._reviewer)
        yield Notice()
        title = (styled.one_line(self._view.task_id), STRONG), ("  your output, as JSON", FAINT)
        with Horizontal(id="title"):
            yield Static(Content.assemble(*title), id="name")
            yield Static(id="when")
        with Container(id="sheet"):
            text = self._draft.outputs.get(self._decision) or as_text(self._view.proposal)
            yield TextArea(text, id="editor", show_line_numbers=True, tab_behavior="focus")
            with VerticalScroll(id="beside", can_focus=False):
                yield Static(id="problems")
                yield Static(id="live")
        yield Keys(KEYS)

    def on_mount(self) -> None:
        """Focus the editor."""
        self.set_focus(self.query_one(TextArea))
        self._check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Store and check the text."""
        if event.text_area.text != as_text(self._view.proposal) or self._decision in self._draft.outputs:
            self._draft.outputs[self._decision] = event.text_area.text
        self._check()

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """Show the cursor position as problems name positions."""
        line, column = event.text_area.cursor_location
        self.query_one("#when", Static).update(Content.styled(f"line {line + 1} column {column + 1}", FAINT))

    def action_done(self) -> None:
        """Accept the text if it is valid."""
        text = self.query_one(TextArea).text
        errors = problems(text, self._view)
        if errors:
            self.query_one(Notice).show(f"Not yet: {errors[0]}", "bad")
            return
        if not differences(self._view.proposal, read_output(text)):
            self.query_one(Notice).show("The output equals the proposal. Esc goes back; a approves it unchanged.")
            return
        self._draft.outputs[self._decision] = text
        self.dismiss(True)

    def action_again(self) -> None:
        """Restore the proposal. Ctrl+Z restores the text."""
        area = self.query_one(TextArea)
        area.replace(as_text(self._view.proposal), area.document.start, area.document.end)
        self.query_one(Notice).show("The agent's proposal is restored; Ctrl+Z brings your text back.")

    def action_back(self) -> None:
        """Return to the case; the draft keeps the text."""
        self.dismiss(False)

    def _check(self) -> None:
        text = self.query_one(TextArea).text
        errors = problems(text, self._view)
        self.query_one("#problems").set_class(not errors, "-none")
        self.query_one("#problems", Static).update(Content("\n".join(styled.one_line(error) for error in errors)))
        differing = Content() if errors else styled.changes(differences(self._view.proposal, read_output(text)))
        self.query_one("#live", Static).update(differing)
