"""The answer that is being made, at the foot of a case: what it would do, what differs, why, and how to record it."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from hitl_orchestrator.cli.desk import styled_text as telling
from hitl_orchestrator.cli.desk.draft import DELEGATE, WITH_OUTPUT, WITH_REASON, Draft, differences
from hitl_orchestrator.cli.desk.styled_text import FAINT, STRONG, WARN
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.review.view import CaseView


class Pending(Vertical):
    """What would be recorded with Enter; there only while something would."""

    def __init__(self) -> None:
        super().__init__(id="pending")
        self._keys: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        yield Static(id="what")
        with VerticalScroll(id="difference", can_focus=False):
            yield Static(id="changed")
        with Horizontal(classes="row"):
            yield Static("code", classes="tag")
            yield Static(id="code")
        with Horizontal(classes="row"):
            yield Static("why", classes="tag")
            yield Input(id="why", placeholder="free text", select_on_focus=False)
        yield Static(id="pending-keys")

    def tell(self, view: CaseView, draft: Draft, possible: bool) -> None:
        """Show a draft; with nothing pending the box goes away. What is not `possible` any more stays to be read."""
        self.set_class(draft.act is not None, "-shown")
        if draft.act is None:
            return
        self.query_one("#what", Static).update(_what(view, draft, possible))
        edits = draft.act in WITH_OUTPUT and bool(draft.edited)
        self.query_one("#difference").display = edits
        if edits:
            self.query_one("#changed", Static).update(telling.changes(differences(view.proposal, draft.output())))
        code = (draft.reason_code, STRONG) if draft.reason_code else ("none", FAINT)
        self.query_one("#code", Static).update(Content.assemble(code, ("   c changes it", FAINT)))
        why = self.query_one("#why", Input)
        why.placeholder = "needed" if draft.act in WITH_REASON else "what the agent should learn from it, if you like"
        if why.value != draft.text:
            why.value = draft.text
        own = [("w", "write an own output")] if draft.act is HumanDecision.OVERRIDE else []
        pairs = [("Enter", "records it"), ("u", "takes it back"), ("t", "says why"), *own]
        self._keys = pairs if possible else pairs[1:2]
        self._say_keys(typing=why.has_focus)

    def on_descendant_focus(self) -> None:
        """Say what Enter does while the free text is typed."""
        self._say_keys(typing=True)

    def on_descendant_blur(self) -> None:
        """Say what Enter does again."""
        self._say_keys(typing=False)

    def _say_keys(self, *, typing: bool) -> None:
        pairs = [("Enter", "ends the text")] if typing else self._keys
        self.query_one("#pending-keys", Static).update(telling.keys(pairs, 78))

    def say_why(self) -> None:
        """Start to type the free text."""
        self.screen.set_focus(self.query_one("#why", Input))


def _what(view: CaseView, draft: Draft, possible: bool) -> Content:
    if draft.act == DELEGATE:
        title, does = (
            f"delegate to {draft.delegate_to}",
            "they alone may decide it for a while; let go, it is yours again",
        )
    else:
        title = str(draft.act)
        does = next((choice.does for choice in view.choices if choice.decision == draft.act), "")
    head = Content.assemble(
        (title, f"bold {WARN}"),
        ("   pending, nothing is recorded yet" if possible else "   not recorded, and cannot be any more", FAINT),
    )
    return Content("\n").join([head, Content(telling.one_line(does))]) if does else head


class Blind(Vertical):
    """Asks for the reviewer's own label, before anything of the agent's answer is shown."""

    def __init__(self) -> None:
        super().__init__(id="blind")

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        yield Static(Content.styled("The agent's answer is hidden until you have said your own.", STRONG))
        with Horizontal(classes="row"):
            yield Static("your label", classes="tag")
            yield Input(id="own-label", placeholder="what you would say; Enter records it, for good")

    def start(self, draft: Draft) -> None:
        """Start to type."""
        field = self.query_one("#own-label", Input)
        field.value = draft.own_label
        self.screen.set_focus(field)
