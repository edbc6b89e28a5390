"""The screen of one case: its content, the pending decision, and its recording."""

from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_sections import FAINT
from hitl_orchestrator.cli.desk.client import DeskError, Opened, changed
from hitl_orchestrator.cli.desk.dialogs import ColleagueDialog, HelpDialog
from hitl_orchestrator.cli.desk.draft import DELEGATE, OUTPUT_OPTIONAL, Draft, why_not_offered
from hitl_orchestrator.cli.desk.editor import EditorScreen
from hitl_orchestrator.cli.desk.pending import Blind, Pending
from hitl_orchestrator.cli.desk.ports import DeskHost
from hitl_orchestrator.cli.desk.widgets import CaseBody, Header, Keys, Notice, begin
from hitl_orchestrator.cli.output.blocks import inline
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DECISION_SPECS, WITH_OUTPUT, WITH_REASON, HumanDecision
from hitl_orchestrator.orchestrator import CaseView

DECISION_KEYS = {spec.key: decision for decision, spec in DECISION_SPECS.items()}
OTHER_KEYS = (("Esc", "queue"), ("n", "next"), ("d", "delegate"), ("l", "release"), ("?", "help"))
READ_KEYS = (("n", "next"), ("Esc", "queue"), ("?", "help"))


class CaseScreen(Screen[None]):
    """An opened case. It is claimed while it is on the screen, and released when it is left undecided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"decide('{decision}')", show=False, priority=True) for key, decision in DECISION_KEYS.items()),
        Binding("enter", "commit", show=False, priority=True),
        Binding("u", "undo", show=False, priority=True),
        Binding("t", "edit_text", show=False, priority=True),
        Binding("c", "reason_code", show=False, priority=True),
        Binding("w", "write", show=False, priority=True),
        Binding("d", "delegate", show=False, priority=True),
        Binding("l", "leave", show=False, priority=True),
        Binding("n", "next", show=False, priority=True),
        Binding("ctrl+r,f5", "reload", show=False),
        Binding("question_mark,f1", "help", show=False, priority=True),
        Binding("q", "leave", show=False, priority=True),
        Binding("escape", "back", show=False),
    ]

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self.view, self.rejection = opened
        self._over = self._busy = False
        self._confirmed = ""

    @property
    def desk(self) -> DeskHost:
        """The application, as its screens use it."""
        return cast("DeskHost", self.app)

    @property
    def draft(self) -> Draft:
        """The draft about this review."""
        return self.desk.draft_of(self.view.review_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable letter keys while a field has the focus.

        The bindings have priority over fields, so that text typed right after the key that opens a field reaches it.
        """
        return action in {"back", "reload"} or not isinstance(self.focused, Input)

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header(self.desk.client.reviewer)
        with Horizontal(id="title"):
            yield Static(id="name")
            yield Static(id="when")
        yield Notice()
        yield CaseBody()
        yield Pending()
        yield Blind()
        yield Keys()

    async def on_mount(self) -> None:
        """Show the case, and watch it for changes."""
        await self._show(self.view, self.rejection)
        self.set_interval(self.desk.every, self.action_watch)

    async def _show(self, view: CaseView, rejection: str) -> None:
        """Show a view. Keeps the draft about an earlier review of the case."""
        if view.review_id != self.view.review_id and self.view.review_id in self.desk.drafts:
            draft = self.desk.drafts.pop(self.view.review_id)
            draft.turn_to(None)
            self.desk.drafts[view.review_id] = draft
        self.view, self.rejection = view, rejection or view.why_not
        self.desk.claimed = None if self.rejection else view.case_id
        now = self.desk.now()
        self.query_one("#name", Static).update(styled.title(view, view.state))
        text, style = styled.due(view.due_at, now)
        self.query_one("#when", Static).update(Content.styled(text.replace("in ", "due in "), style or FAINT))
        await self.query_one(CaseBody).show(*styled.sections(view, now))
        if self.rejection:
            self._report(f"You may read this case, but not decide it: {self.rejection}")
        self._draw()
        self.query_one(Blind).offer(view)
        self.set_focus(self.query_one("#case"))

    @property
    def _can_decide(self) -> bool:
        return not (self._over or self.rejection)

    def _draw(self) -> None:
        """Show the pending decision and the available keys."""
        self.query_one(Pending).show(self.view, self.draft, self._can_decide)
        self.query_one(Blind).set_class(bool(self.view.hidden) and self._can_decide, "-shown")
        offered = {choice.decision for choice in self.view.choices}
        keys = [(key, each.value) for key, each in DECISION_KEYS.items() if each in offered and not self.view.hidden]
        keys += [("t", "your label")] if self.view.hidden else []
        self.query_one(Keys).show([*keys, *OTHER_KEYS] if self._can_decide else READ_KEYS)

    def _report(self, sentence: str, kind: str = "warn") -> None:
        self.query_one(Notice).show(sentence, kind)

    # Prepare a decision

    def action_decide(self, word: str) -> None:
        """Make a decision pending. Nothing is recorded."""
        decision = HumanDecision(word)
        if not self._check_open():
            return
        if decision not in {choice.decision for choice in self.view.choices}:
            self._report(f"{decision} is not available: {why_not_offered(decision, self.view)}.")
            return
        if decision.spec.needs_output:
            self._edit(decision)
            return
        self._pend(decision)
        if decision in WITH_REASON and not self.draft.text.strip():
            self.query_one(Pending).edit_text()

    def _check_open(self) -> bool:
        if self._over:
            self._report("This case is decided. n opens the next one, Esc the queue.")
        elif self.rejection:
            self._report(f"You may read this case, but not decide it: {self.rejection}")
        elif self.view.hidden:
            self._report("Commit your own label first (t types it): the agent's answer is hidden until then.")
        return self._can_decide and not self.view.hidden and not self._busy

    def _check_pending(self) -> bool:
        if self._check_open() and self.draft.act is None:
            offered = {choice.decision for choice in self.view.choices}
            keys = ", ".join(f"{key} {each}" for key, each in DECISION_KEYS.items() if each in offered)
            self._report(f"Choose a decision first: {keys}.")
            return False
        return self._check_open()

    def _pend(self, act: HumanDecision | str, to: str | None = None) -> None:
        self.draft.turn_to(act, to)
        self._report("")
        self._draw()
        self.set_focus(self.query_one("#case"))

    def action_write(self) -> None:
        """Edit the output of a pending decision that may have one."""
        act = self.draft.act
        if not self._check_pending():
            return
        if isinstance(act, HumanDecision) and act in WITH_OUTPUT:
            self._edit(act)
        else:
            self._report(f"{act} takes no output; {' and '.join(WITH_OUTPUT)} do.")

    def _edit(self, decision: HumanDecision) -> None:
        def edited(done: bool | None) -> None:
            if done:
                self._pend(decision)
            elif self.draft.outputs.get(decision):
                key = "w" if decision in OUTPUT_OPTIONAL else decision.spec.key
                self.draft.turn_to(None)  # Enter must not record a decision that the edit was to replace
                self._draw()
                self._report(f"Your output is kept, and no decision is pending; {key} continues the edit.")

        self.app.push_screen(EditorScreen(self.view, self.draft, decision, self.desk.client.reviewer), edited)

    def action_edit_text(self) -> None:
        """Focus the text field; in a blind review, that of the own label."""
        if self.view.hidden and self._can_decide:
            self.query_one(Blind).start(self.draft)
        elif self._check_pending():
            self.query_one(Pending).edit_text()

    def action_reason_code(self) -> None:
        """Select the next reason code."""
        if not self._check_pending():
            return
        if self.draft.act == DELEGATE or not self.view.reason_codes:
            why = f"{DELEGATE} takes no reason code" if self.view.reason_codes else "there are no reason codes"
            self._report(f"{why[0].upper()}{why[1:]}; t types a text.")
        else:
            self.draft.next_reason(self.view.reason_codes)
            self._draw()

    def action_undo(self) -> None:
        """Withdraw the pending decision."""
        if self.draft.act is None:
            self._report("No decision is pending.")
        elif not self._busy:
            act = self.draft.act
            self.draft.withdraw()
            self._report(f"Withdrawn: {act} was not recorded.", "good")
            self._draw()

    def action_delegate(self) -> None:
        """Choose the reviewer who receives this case."""
        if not self._check_open():
            return
        colleagues = self.desk.client.colleagues(self.view)
        if not colleagues:
            self._report("No other reviewer may decide this case; escalate it, or release it.")
            return
        self.app.push_screen(ColleagueDialog(colleagues), lambda to: self._pend(DELEGATE, to) if to else None)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Store every keystroke in the draft."""
        if event.input.id == "why":
            self.draft.write(event.value)
        elif event.input.id == "own-label":
            self.draft.own_label = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave the field; Enter twice commits an own label."""
        if event.input.id != "own-label":
            self.set_focus(self.query_one("#case"))
            return
        label = self.draft.own_label = event.value
        if label.strip() and self._confirmed != label:
            self._confirmed = label
            self._report(f"Enter again records your label {inline(label.strip())} for good; it cannot be changed.")
            return
        self.set_focus(self.query_one("#case"))
        begin(self, self._label, group="store", exclusive=True)

    # Record it

    def action_commit(self) -> None:
        """Record the pending decision."""
        if self._busy or not self._check_pending():
            return
        missing = self.draft.missing()
        if missing:
            self._report(missing)
            self.query_one(Pending).edit_text()
            return
        self._busy = True
        begin(self, self._commit, group="store")

    async def _commit(self) -> None:
        view, draft = self.view, self.draft
        try:
            result = await self.desk.ask(lambda: self.desk.client.commit(view, draft))
        except DeskError as error:
            self._report(_with_draft(f"Not recorded: {error}"), "bad")
            if error.rejected:
                await self._explain_change()
        else:
            self._over, self.desk.claimed = True, None
            self.desk.drafts.pop(view.review_id, None)
            await self._show_recorded(result.case)
            self._report(result.sentence, "good")
        finally:
            self._busy = False
        self._draw()

    async def _show_recorded(self, case: Case) -> None:
        """Show the facts of a case after this reviewer's decision."""
        self.query_one("#name", Static).update(styled.title(self.view, styled.state(case)))
        self.query_one("#when", Static).update("")
        try:
            history = await self.desk.ask(lambda: self.desk.client.history(case.case_id))
        except DeskError:  # the decision is recorded; Ctrl+R reads the rest later
            history = self.view.history
        await self.query_one(CaseBody).show_around(styled.recorded(case, history))

    async def _explain_change(self) -> None:
        """If the review is closed, explain by whom, and remove the decision keys."""
        try:
            case = await self.desk.ask(lambda: self.desk.client.case(self.view.case_id))
        except DeskError:
            return
        self._over = case.open_review is None or case.open_review.review_id != self.view.review_id
        if self._over:
            change = changed(self.view, case, self.desk.client.reviewer.reviewer_id, self.desk.now())
            self._report(_with_draft(f"Not recorded: {change}"), "bad")

    async def _label(self) -> None:
        label = self.draft.own_label.strip()
        if not label:
            self._report("A label needs at least one character. Esc leaves it for later.")
            return
        view = self.view
        try:
            view_now = await self.desk.ask(lambda: self.desk.client.label(view, label))
        except DeskError as error:
            self._report(_with_draft(f"Not recorded: {error}"), "bad")
            return
        self.draft.own_label = ""
        self._report("Your label is recorded. The agent's answer is shown now.", "good")
        await self._show(view_now, "")

    # Changes by others

    def action_watch(self) -> None:
        """Check the case for changes, and extend the claim of an active reviewer."""
        if self.is_current and not (self._over or self._busy):
            begin(self, self._watch, group="watch", exclusive=True)

    async def _watch(self) -> None:
        desk, view = self.desk, self.view
        try:
            case = await desk.ask(lambda: desk.client.case(view.case_id))
            change = changed(view, case, desk.client.reviewer.reviewer_id, desk.now())
            if not change and desk.active and not self.rejection:
                desk.active = False
                self.view = await desk.ask(lambda: desk.client.view(view.case_id))
        except DeskError as error:
            self._report(_with_draft(str(error)), "bad")
            return
        if change:
            self._over = case.open_review is None or case.open_review.review_id != view.review_id
            self._report(_with_draft(change) if self.draft.typed else change, "bad")
            self._draw()

    def action_reload(self) -> None:
        """Claim the case again, and show its current state."""
        begin(self, self._reload, group="store", exclusive=True)

    async def _reload(self) -> None:
        case_id = self.view.case_id
        try:
            opened = await self.desk.ask(lambda: self.desk.client.open(case_id))
        except DeskError as error:
            self._report(_with_draft(str(error)), "bad")
            return
        self._over = False
        self._report("")
        await self._show(opened.view, opened.rejection)

    # Leave the case

    def action_back(self) -> None:
        """Leave the field, or the case."""
        if isinstance(self.focused, Input):
            self.set_focus(self.query_one("#case"))
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Release the case, and return to the queue."""
        begin(self.app, self._leave)

    async def _leave(self) -> None:
        await self.desk.release_claim()
        if self.is_current:
            self.app.pop_screen()

    def action_next(self) -> None:
        """Open the next case, and release this one."""
        if not self._busy:
            begin(self.app, self._next)

    async def _next(self) -> None:
        desk = self.desk
        self._busy = True
        claimed = None if self._over or self.rejection else self.view.case_id
        try:
            opened = await desk.ask(lambda: desk.client.next_after(claimed))
        except DeskError as error:
            self._report(_with_draft(str(error)), "bad")
            return
        finally:
            self._busy = False
        if opened is None:
            self._report("No other review waits for you. Esc opens the queue.", "good")
        elif self.is_current:
            self.app.switch_screen(CaseScreen(opened))

    def action_help(self) -> None:
        """List the keys."""
        self.app.push_screen(HelpDialog())


def _with_draft(sentence: str) -> str:
    """Add that the draft remains."""
    return f"{sentence.rstrip('.')}. Your draft is kept."
