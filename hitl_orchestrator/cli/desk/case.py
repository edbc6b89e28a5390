"""One case: what there is to know, the answer that is being made, and the moment in which it is recorded."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from hitl_orchestrator.cli.desk import styled_text as telling
from hitl_orchestrator.cli.desk.client import DeskError, Opened, changed
from hitl_orchestrator.cli.desk.dialogs import ColleagueDialog, HelpDialog
from hitl_orchestrator.cli.desk.draft import DELEGATE, WITH_REASON, Draft
from hitl_orchestrator.cli.desk.editor import EditorScreen
from hitl_orchestrator.cli.desk.pending import Blind, Pending
from hitl_orchestrator.cli.desk.styled_text import FAINT, RISK, STRONG
from hitl_orchestrator.cli.desk.widgets import Header, Keys, Notice, Piece, begin
from hitl_orchestrator.domain.enums import DECISION_SPECS, HumanDecision
from hitl_orchestrator.review.view import CaseView

if TYPE_CHECKING:
    from hitl_orchestrator.cli.desk.app import DeskApp

DECIDING = {spec.key: decision for decision, spec in DECISION_SPECS.items()}
AROUND = (("d", "delegate"), ("l", "release"), ("Esc", "queue"), ("?", "help"))
LEFT = (("n", "next"), ("Esc", "queue"), ("?", "help"))


class CaseScreen(Screen[None]):
    """A case that was opened. It is claimed while this is on the screen, and let go when it is left undecided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"decide('{decision}')", show=False, priority=True) for key, decision in DECIDING.items()),
        Binding("enter", "commit", show=False, priority=True),
        Binding("u", "undo", show=False, priority=True),
        Binding("t", "say_why", show=False, priority=True),
        Binding("c", "reason_code", show=False, priority=True),
        Binding("w", "write", show=False, priority=True),
        Binding("d", "delegate", show=False, priority=True),
        Binding("l", "leave", show=False, priority=True),
        Binding("n", "next", show=False, priority=True),
        Binding("ctrl+r,f5", "look_again", show=False),
        Binding("question_mark,f1", "help", show=False, priority=True),
        Binding("q", "leave", show=False, priority=True),
        Binding("escape", "back", show=False),
    ]

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self.view, self.refusal = opened
        self._over = self._busy = False

    @property
    def desk(self) -> "DeskApp":
        """The app, by its own type."""
        return cast("DeskApp", self.app)

    @property
    def draft(self) -> Draft:
        """What was typed about this review so far."""
        return self.desk.draft_of(self.view.review_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let letters be text while a field is typed into.

        The keys come before the fields, so that what is typed in one go with the key that opens a field gets there.
        """
        return action in {"back", "look_again"} or not isinstance(self.focused, Input)

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header(self.desk.work.reviewer)
        with Horizontal(id="title"):
            yield Static(id="name")
            yield Static(id="when")
        yield Notice()
        with VerticalScroll(id="case"), Container(id="columns-of-case"):
            yield Vertical(id="judged")
            yield Vertical(id="around")
        yield Pending()
        yield Blind()
        yield Keys()

    async def on_mount(self) -> None:
        """Show the case, and look now and then what becomes of it."""
        await self._show(self.view, self.refusal)
        self.set_interval(self.desk.every, self.action_watch)

    async def _show(self, view: CaseView, refusal: str) -> None:
        """Put a view on the screen. Nothing that was typed about the review before goes away."""
        if view.review_id != self.view.review_id and self.view.review_id in self.desk.drafts:
            typed = self.desk.drafts.pop(self.view.review_id)
            typed.take_back()
            self.desk.drafts[view.review_id] = typed
        self.view, self.refusal = view, refusal or view.why_not
        self.desk.held = None if self.refusal else view.case_id
        now = self.desk.now()
        name = (telling.one_line(view.task_id), STRONG), "  ", (f"{view.risk_level} risk", RISK[view.risk_level])
        self.query_one("#name", Static).update(Content.assemble(*name, (f"  {telling.one_line(view.state)}", FAINT)))
        text, style = telling.due(view.due_at, now)
        self.query_one("#when", Static).update(Content.styled(text.replace("in ", "due in "), style or FAINT))
        for place, told in zip(("#judged", "#around"), telling.sections(view, now), strict=True):
            column = self.query_one(place, Vertical)
            await column.remove_children()
            pieces = [Piece(section, aside=place == "#around") for section in told]
            pieces[0].add_class("-first")
            await column.mount_all(pieces)
        if self.refusal:
            self._say(f"You may read this case, and not decide it: {self.refusal}")
        self._draw()
        if view.hidden and self._open_to_me:
            self.query_one(Blind).start(self.draft)
        else:
            self.set_focus(self.query_one("#case"))

    @property
    def _open_to_me(self) -> bool:
        return not (self._over or self.refusal)

    def _draw(self) -> None:
        """Show what is pending, and the keys that do something now."""
        self.query_one(Pending).tell(self.view, self.draft, self._open_to_me)
        self.query_one(Blind).set_class(self.view.hidden and self._open_to_me, "-shown")
        offered = {choice.decision for choice in self.view.choices}
        keys = [(key, one.value) for key, one in DECIDING.items() if one in offered and not self.view.hidden]
        self.query_one(Keys).tell([*keys, ("n", "next"), *AROUND] if self._open_to_me else LEFT)

    def _say(self, sentence: str, kind: str = "warn") -> None:
        self.query_one(Notice).tell(sentence, kind)

    # An answer is made

    def action_decide(self, word: str) -> None:
        """Make an answer pending. Nothing is recorded."""
        decision = HumanDecision(word)
        if not self._may_answer():
            return
        if decision not in {choice.decision for choice in self.view.choices}:
            self._say(f"{decision} would not be taken here: {_why_not_offered(decision, self.view)}.")
            return
        if decision is HumanDecision.MODIFY:
            self._edit(decision)
            return
        self._pend(decision)
        if decision in WITH_REASON and not self.draft.text.strip():
            self.query_one(Pending).say_why()

    def _may_answer(self) -> bool:
        if self._over:
            self._say("This case is decided. n goes on to the next one, Esc to the queue.")
        elif self.refusal:
            self._say(f"You may read this case, and not decide it: {self.refusal}")
        elif self.view.hidden:
            self._say("Give your own label first: the agent's answer is hidden until then.")
            self.query_one(Blind).start(self.draft)
        return self._open_to_me and not self.view.hidden and not self._busy

    def _pend(self, act: HumanDecision | str, to: str | None = None) -> None:
        if self.draft.act != act or self.draft.delegate_to != to:
            self.draft.take_back()
        self.draft.act, self.draft.delegate_to = act, to
        self._say("")
        self._draw()
        self.set_focus(self.query_one("#case"))

    def action_write(self) -> None:
        """Write an own output to an override."""
        if self._may_answer() and self.draft.act is HumanDecision.OVERRIDE:
            self._edit(HumanDecision.OVERRIDE)

    def _edit(self, decision: HumanDecision) -> None:
        def edited(done: bool | None) -> None:
            if done:
                self._pend(decision)
            elif self.draft.edited:
                self._say(
                    f"Your edited output is kept; {'m' if decision is HumanDecision.MODIFY else 'w'} goes on with it."
                )

        self.app.push_screen(EditorScreen(self.view, self.draft, self.desk.work.reviewer), edited)

    def action_say_why(self) -> None:
        """Type the free text."""
        if self.draft.act and self._may_answer():
            self.query_one(Pending).say_why()

    def action_reason_code(self) -> None:
        """Go on to the next reason code."""
        if self.draft.act and self._may_answer():
            self.draft.next_reason(self.view.reason_codes)
            self._draw()

    def action_undo(self) -> None:
        """Take the pending answer back."""
        if self.draft.act and not self._busy:
            was = self.draft.act
            self.draft.take_back()
            self._say(f"Taken back: nothing was recorded of {was}.", "good")
            self._draw()

    def action_delegate(self) -> None:
        """Choose who is to have this case."""
        if not self._may_answer():
            return
        colleagues = self.desk.work.colleagues(self.view)
        if not colleagues:
            self._say("Nobody else may decide this case; escalate it, or release it.")
            return
        self.app.push_screen(ColleagueDialog(colleagues), lambda to: self._pend(DELEGATE, to) if to else None)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep every keystroke."""
        if event.input.id == "why":
            self.draft.text = event.value
        elif event.input.id == "own-label":
            self.draft.own_label = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave the field; an own label is committed with it."""
        self.set_focus(self.query_one("#case"))
        if event.input.id == "own-label":
            self.draft.own_label = event.value
            begin(self, self._label, group="store", exclusive=True)

    # It is recorded

    def action_commit(self) -> None:
        """Record what is pending."""
        if not self.draft.act or self._busy or not self._may_answer():
            return
        lacking = self.draft.lacks()
        if lacking:
            self._say(lacking)
            self.query_one(Pending).say_why()
            return
        self._busy = True
        begin(self, self._commit, group="store")

    async def _commit(self) -> None:
        view, draft = self.view, self.draft
        try:
            done = await self.desk.ask(lambda: self.desk.work.commit(view, draft))
        except DeskError as trouble:
            self._say(_kept(f"Not recorded: {trouble}"), "bad")
            if trouble.refused:
                await self._see_what_became_of_it()
        else:
            self._over, self.desk.held = True, None
            self.desk.drafts.pop(view.review_id, None)
            self._say(done, "good")
        finally:
            self._busy = False
        self._draw()

    async def _see_what_became_of_it(self) -> None:
        """Say it in plainer words where the review is open no more, and take the keys for deciding away."""
        try:
            case = await self.desk.ask(lambda: self.desk.work.stands(self.view.case_id))
        except DeskError:
            return
        self._over = case.open_review is None or case.open_review.review_id != self.view.review_id
        if self._over:
            told = changed(self.view, case, self.desk.work.reviewer.reviewer_id, self.desk.now())
            self._say(_kept(f"Not recorded: {told}"), "bad")

    async def _label(self) -> None:
        label = self.draft.own_label.strip()
        if not label:
            self._say("An own label is at least one character. Esc leaves it for later.")
            return
        view = self.view
        try:
            seen = await self.desk.ask(lambda: self.desk.work.label(view, label))
        except DeskError as trouble:
            self._say(_kept(f"Not recorded: {trouble}"), "bad")
            return
        self.draft.own_label = ""
        self._say("Your label is recorded. This is what the agent says.", "good")
        await self._show(seen, "")

    # What others do meanwhile

    def action_watch(self) -> None:
        """Look what became of the case, and keep the claim of somebody who is there."""
        if self.is_current and not (self._over or self._busy):
            begin(self, self._watch, group="watch", exclusive=True)

    async def _watch(self) -> None:
        desk, view = self.desk, self.view
        try:
            case = await desk.ask(lambda: desk.work.stands(view.case_id))
            told = changed(view, case, desk.work.reviewer.reviewer_id, desk.now())
            if not told and desk.active and not self.refusal:
                desk.active = False
                self.view = await desk.ask(lambda: desk.work.look(view.case_id))
        except DeskError as trouble:
            self._say(_kept(str(trouble)), "bad")
            return
        if told:
            self._over = case.open_review is None or case.open_review.review_id != view.review_id
            self._say(_kept(told) if self.draft.typed else told, "bad")
            self._draw()

    def action_look_again(self) -> None:
        """Claim the case again, and show it as it is now."""
        begin(self, self._look_again, group="store", exclusive=True)

    async def _look_again(self) -> None:
        case_id = self.view.case_id
        try:
            opened = await self.desk.ask(lambda: self.desk.work.open(case_id))
        except DeskError as trouble:
            self._say(_kept(str(trouble)), "bad")
            return
        self._over = False
        self._say("")
        await self._show(opened.view, opened.refusal)

    # The case is left

    def action_back(self) -> None:
        """Leave a field, or else the case."""
        if isinstance(self.focused, Input):
            self.set_focus(self.query_one("#case"))
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Release the case, and go back to the queue."""
        begin(self.app, self._leave)

    async def _leave(self) -> None:
        await self.desk.let_go()
        if self.is_current:
            self.app.pop_screen()

    def action_next(self) -> None:
        """Release the case, and go on to the next one."""
        if not self._busy:
            begin(self.app, self._next)

    async def _next(self) -> None:
        desk = self.desk
        self._busy = True
        before = None if self._over or self.refusal else self.view.case_id
        try:
            opened = await desk.ask(lambda: desk.work.next_but(before))
        except DeskError as trouble:
            self._say(_kept(str(trouble)), "bad")
            return
        finally:
            self._busy = False
        if opened is None:
            self._say("Nothing else waits for you. Esc goes to the queue.", "good")
        elif self.is_current:
            self.app.switch_screen(CaseScreen(opened))

    def action_help(self) -> None:
        """Tell the keys."""
        self.app.push_screen(HelpDialog())


def _kept(told: str) -> str:
    """Return a sentence, and that nothing is lost."""
    return f"{told.rstrip('.')}. What you typed stays here."


def _why_not_offered(decision: HumanDecision, view: CaseView) -> str:
    if decision.spec.approves_proposal and view.proposal is None:
        return "the agent proposes nothing to approve"
    if decision.spec.escalates:
        return "no role above can take the case"
    return "this review does not offer it"
