"""Dialogs: filters, delegation, and the list of keys."""

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

from hitl_orchestrator.cli.desk import case_sections as styled
from hitl_orchestrator.cli.desk.case_sections import FAINT, KEY, STRONG
from hitl_orchestrator.cli.desk.client import Filters
from hitl_orchestrator.domain.enums import DECISION_SPECS, RiskLevel
from hitl_orchestrator.domain.review import Reviewer, ReviewRequest

HELP = (
    ("In the queue", ""),
    ("Enter", "open and claim the selected case"),
    ("n", "claim the most urgent case"),
    ("f  m  u  v  e  x", "filter, mine, unclaimed, overdue, all, clear"),
    ("In a case", ""),
    ("  ".join(spec.key for spec in DECISION_SPECS.values()), ", ".join(DECISION_SPECS)),
    ("Enter  u", "record the pending decision, or withdraw it"),
    ("t  c  w", "text, reason code, own output"),
    ("d  l", "delegate to another reviewer, or release the case"),
    ("n  Esc", "next case, or the queue; this case is released"),
    ("Everywhere", ""),
    ("Ctrl+R", "refresh"),
    ("Ctrl+T  Ctrl+Q", "light or dark theme, quit"),
)


class HelpDialog(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(id="help", classes="dialog") as box:
            box.border_title = "keys"
            for key, does in HELP:
                line = Content.assemble((key.ljust(18), KEY), does) if does else Content.styled(key, STRONG)
                yield Static(line)


class ColleagueDialog(ModalScreen[str | None]):
    """Choose the reviewer who receives the case."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", show=False)]

    def __init__(self, colleagues: Sequence[Reviewer]) -> None:
        super().__init__()
        self._colleagues = colleagues

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog") as box:
            box.border_title = "delegate to"
            yield OptionList(*(Option(_person(person), id=person.reviewer_id) for person in self._colleagues))
            yield Static("Enter selects, Esc cancels. Nothing is recorded yet.", classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the selected reviewer."""
        self.dismiss(event.option_id)


def _person(person: Reviewer) -> Content:
    where = "every domain" if "*" in person.domains else ", ".join(person.domains)
    about = f"  {', '.join(person.roles)} in {where}"
    return Content.assemble((person.reviewer_id, STRONG), (styled.one_line(about), FAINT))


class FilterDialog(ModalScreen[Filters | None]):
    """Choose the filters of the queue."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("left", "step(-1)", show=False),
        Binding("right,space", "step(1)", show=False),
    ]

    def __init__(self, filters: Filters, roles: Sequence[str], rows: Sequence[ReviewRequest]) -> None:
        super().__init__()
        self.filters = filters
        domains, types = {row.task.domain for row in rows}, {row.task.task_type for row in rows}
        switch: tuple[Any, ...] = (False, True)
        self._values: dict[str, tuple[Any, ...]] = {
            "role": (None, *roles),
            "domain": (None, *sorted({*domains, *filter(None, [filters.domain])})),
            "task_type": (None, *sorted({*types, *filter(None, [filters.task_type])})),
            "risk_level": (None, *(level.value for level in reversed(RiskLevel))),
            "overdue": switch,
            "mine": switch,
            "unclaimed": switch,
            "all_roles": switch,
        }

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog") as box:
            box.border_title = "filter"
            yield OptionList(*(Option(self._line(name), id=name) for name in self._values))
            yield Static("Left and right change a filter, Enter applies, Esc cancels.", classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the filters."""
        self.dismiss(self.filters)

    def action_step(self, step: int) -> None:
        """Select the previous or next value."""
        options = self.query_one(OptionList)
        if options.highlighted_option is None or options.highlighted_option.id is None:
            return
        name = options.highlighted_option.id
        values = self._values[name]
        index = (values.index(getattr(self.filters, name)) + step) % len(values)
        changes: dict[str, Any] = {name: values[index]}
        self.filters = replace(self.filters, **changes)
        options.replace_option_prompt(name, self._line(name))

    def _line(self, name: str) -> Content:
        value = getattr(self.filters, name)
        text = {None: "any", False: "no", True: "yes"}.get(value, value)
        title = {"all_roles": "all reviewers", "task_type": "type", "risk_level": "risk"}.get(name, name)
        style = FAINT if value in (None, False) else KEY
        return Content.assemble(
            (title.ljust(15), STRONG), ("< ", FAINT), (styled.one_line(str(text)), style), (" >", FAINT)
        )
