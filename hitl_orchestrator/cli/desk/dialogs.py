"""What is asked or told in a box above the screen: filters, a colleague, the keys."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from hitl_orchestrator.cli.desk import styled_text as telling
from hitl_orchestrator.cli.desk.client import Filters
from hitl_orchestrator.cli.desk.styled_text import FAINT, KEY, STRONG
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.review import Reviewer, StoredReview

HELP = (
    ("In the queue", ""),
    ("Enter", "open the case under the cursor, and claim it"),
    ("n", "claim the case that is best taken next"),
    ("f  m  u  v  e  x", "filters, mine, unclaimed, overdue, everybody's, clear"),
    ("In a case", ""),
    ("a  r  m  o  e", "approve, reject, modify, override, escalate; pending"),
    ("Enter  u", "record what is pending, or take it back"),
    ("t  c  w", "say why, reason code, an own output to an override"),
    ("d  l", "delegate to a colleague, or release the case"),
    ("n  Esc", "the next case, or the queue; this one is released"),
    ("Everywhere", ""),
    ("Ctrl+R", "look again"),
    ("Ctrl+T  Ctrl+Q", "light or dark, quit"),
)


class HelpDialog(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="help", classes="dialog") as box:
            box.border_title = "keys"
            for key, does in HELP:
                line = Content.assemble((key.ljust(18), KEY), does) if does else Content.styled(key, STRONG)
                yield Static(line)


class ColleagueDialog(ModalScreen[str | None]):
    """Who is to have the case."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", show=False)]

    def __init__(self, colleagues: Sequence[Reviewer]) -> None:
        super().__init__()
        self._colleagues = colleagues

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(classes="dialog") as box:
            box.border_title = "delegate to"
            yield OptionList(*(Option(_person(one), id=one.reviewer_id) for one in self._colleagues))
            yield Static("Enter chooses, Esc goes back. Nothing is recorded yet.", classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return who was chosen."""
        self.dismiss(event.option_id)


def _person(one: Reviewer) -> Content:
    where = "every domain" if "*" in one.domains else ", ".join(one.domains)
    about = f"  {', '.join(one.roles)} in {where}"
    return Content.assemble((one.reviewer_id, STRONG), (telling.one_line(about), FAINT))


class FilterDialog(ModalScreen[Filters | None]):
    """Which reviews are listed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("left", "step(-1)", show=False),
        Binding("right,space", "step(1)", show=False),
    ]

    def __init__(self, filters: Filters, roles: Sequence[str], rows: Sequence[StoredReview]) -> None:
        super().__init__()
        self.filters = filters
        domains, types = {row.domain for row in rows}, {row.shown.task.task_type for row in rows}
        switch: tuple[Any, ...] = (False, True)
        self._values: dict[str, tuple[Any, ...]] = {
            "role": (None, *roles),
            "domain": (None, *sorted({*domains, *filter(None, [filters.domain])})),
            "task_type": (None, *sorted({*types, *filter(None, [filters.task_type])})),
            "risk_level": (None, *(one.value for one in reversed(RiskLevel))),
            "overdue": switch,
            "mine": switch,
            "unclaimed": switch,
            "all_roles": switch,
        }

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(classes="dialog") as box:
            box.border_title = "filter"
            yield OptionList(*(Option(self._line(name), id=name) for name in self._values))
            yield Static("Left and right change, Enter shows the queue, Esc leaves it as it was.", classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the filters."""
        self.dismiss(self.filters)

    def action_step(self, step: int) -> None:
        """Go to the value before or behind."""
        shown = self.query_one(OptionList)
        if shown.highlighted_option is None or shown.highlighted_option.id is None:
            return
        name = shown.highlighted_option.id
        values = self._values[name]
        place = (values.index(getattr(self.filters, name)) + step) % len(values)
        changes: dict[str, Any] = {name: values[place]}
        self.filters = replace(self.filters, **changes)
        shown.replace_option_prompt(name, self._line(name))

    def _line(self, name: str) -> Content:
        value = getattr(self.filters, name)
        said = {None: "any", False: "no", True: "yes"}.get(value, value)
        title = {"all_roles": "everybody's", "task_type": "type", "risk_level": "risk"}.get(name, name)
        style = FAINT if value in (None, False) else KEY
        return Content.assemble(
            (title.ljust(14), STRONG), ("< ", FAINT), (telling.one_line(str(said)), style), (" >", FAINT)
        )
