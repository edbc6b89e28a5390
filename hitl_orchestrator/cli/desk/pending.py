"""The pending decision at the foot of a case: its effect, the changes, the reason, and the keys to record it."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_sections import FAINT, STRONG, WARN
from hitl_orchestrator.cli.desk.draft import DELEGATE, OUTPUT_OPTIONAL, Draft, differences
from hitl_orchestrator.domain.enums import WITH_OUTPUT, WITH_REASON
from hitl_orchestrator.orchestrator import CaseView


class Pending(Vertical):
    """The decision that Enter would record; visible only while there is one."""

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

    def show(self, view: CaseView, draft: Draft, possible: bool) -> None:
        """Show a draft, or hide the box if nothing is pending. A draft that is no longer `possible` stays readable."""
        self.set_class(draft.act is not None, "-shown")
        if draft.act is None:
            return
        self.query_one("#what", Static).update(_what(view, draft, possible))
        edits = draft.act in WITH_OUTPUT and bool(draft.edited)
        self.query_one("#difference").display = edits
        if edits:
            self.query_one("#changed", Static).update(styled.changes(differences(view.proposal, draft.output())))
        code = (draft.reason_code, STRONG) if draft.reason_code else ("none", FAINT)
        self.query_one("#code", Static).update(Content.assemble(code, ("   c changes it", FAINT)))
        why = self.query_one("#why", Input)
        why.placeholder = "required" if draft.act in WITH_REASON else "feedback for the agent (optional)"
        if why.value != draft.text:
            why.value = draft.text
        own = [("w", "write your own output")] if draft.act in OUTPUT_OPTIONAL else []
        pairs = [("Enter", "record"), ("u", "withdraw"), ("t", "type text"), *own]
        self._keys = pairs if possible else pairs[1:2]
        self._show_keys(typing=why.has_focus)

    def on_descendant_focus(self) -> None:
        """Show the meaning of Enter while text is typed."""
        self._show_keys(typing=True)

    def on_descendant_blur(self) -> None:
        """Show the usual keys again."""
        self._show_keys(typing=False)

    def _show_keys(self, *, typing: bool) -> None:
        pairs = [("Enter", "finish the text")] if typing else self._keys
        self.query_one("#pending-keys", Static).update(styled.keys(pairs, 78))

    def edit_text(self) -> None:
        """Focus the text field."""
        self.screen.set_focus(self.query_one("#why", Input))


def _what(view: CaseView, draft: Draft, possible: bool) -> Content:
    if draft.act == DELEGATE:
        title, does = (
            f"delegate to {draft.delegate_to}",
            "only they may decide it for a while; when released, it returns to you",
        )
    else:
        title = str(draft.act)
        does = next((choice.does for choice in view.choices if choice.decision == draft.act), "")
        if draft.act in OUTPUT_OPTIONAL:
            nothing = "you give no output, so nothing will be executed; w writes one"
            does = "your own output is carried out" if draft.edited else nothing
    head = Content.assemble(
        (title, f"bold {WARN}"),
        ("   pending, not recorded yet" if possible else "   not recorded, and no longer possible", FAINT),
    )
    return Content("\n").join([head, Content(styled.one_line(does))]) if does else head


def known_labels(view: CaseView) -> list[str]:
    """Return the labels that the output schema of the task type allows, if it lists them."""
    properties = (view.output_schema or {}).get("properties", {})
    label = properties.get("predicted_label", {}) if isinstance(properties, dict) else {}
    values = label.get("enum", ()) if isinstance(label, dict) else ()
    return [value for value in values if isinstance(value, str)]


class Blind(Vertical):
    """Asks for the reviewer's own label before the agent's answer is shown."""

    def __init__(self) -> None:
        super().__init__(id="blind")

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        yield Static(Content.styled("The agent's answer is hidden until you commit your own label.", STRONG))
        with Horizontal(classes="row"):
            yield Static("your label", classes="tag")
            yield Input(id="own-label", placeholder="t types it; Enter twice records it for good")
        yield Static(id="known-labels")

    def offer(self, view: CaseView) -> None:
        """Offer the labels that the output schema of the task type allows."""
        labels = known_labels(view)
        self.query_one("#own-label", Input).suggester = SuggestFromList(labels, case_sensitive=False)
        named = f"known labels: {', '.join(map(styled.one_line, labels))}; the right arrow completes" if labels else ""
        self.query_one("#known-labels", Static).update(Content.styled(named, FAINT))

    def start(self, draft: Draft) -> None:
        """Focus the label field."""
        field = self.query_one("#own-label", Input)
        field.value = draft.own_label
        self.screen.set_focus(field)
