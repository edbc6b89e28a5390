"""Styled text for the desk. Texts of agents and people are never markup, and invisible characters are shown."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from textual.content import Content

from hitl_orchestrator.cli.output.blocks import inline
from hitl_orchestrator.cli.output.formatting import confidence, count, local_clock, local_minute, signals, wait
from hitl_orchestrator.cli.views.content import did_it_happen, nothing, task_name, what_is_asked
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.input.json_patch import FieldChange
from hitl_orchestrator.domain.review import ReviewRequest
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible, warning
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.orchestrator import CaseView, HistoryItem, asked_note, missing_role_note

FAINT, STRONG, ALARM, WARN, GOOD, KEY = "$secondary", "bold", "bold $error", "$warning", "$success", "bold $primary"
RISK = {"high": "bold $error", "medium": "$warning", "low": "$success"}
OUTCOME = {"rejected": "$error", "canceled": "$secondary", "superseded": "$secondary"}
BAR = 20
_WITH_TYPE, _WITH_DOMAIN, _WITH_ROLE = 112, 132, 158
_PLAIN_LENGTH = 400


class Section(NamedTuple):
    """A section of a case: its name in the margin, and its content."""

    name: str
    body: Content = Content()
    rows: tuple[tuple[Content, Content], ...] = ()
    """Instead of a body: rows of two columns."""
    quoted: bool = False
    """The body is a text of others: a bar stands before each of its lines."""


class Column(NamedTuple):
    """A column of the queue. Width 0 takes the remaining space."""

    name: str
    width: int
    right: bool = False


def columns(width: int) -> tuple[Column, ...]:
    """Return the columns that fit a queue of this width."""
    around = (
        (_WITH_TYPE, Column("type", 18)),
        (_WITH_DOMAIN, Column("domain", 18)),
        (_WITH_ROLE, Column("for", 18)),
        (0, Column("conf.", 5, right=True)),
        (0, Column("claimed by", 10 if width < _WITH_TYPE else 14)),
    )
    task = Column("task", 14 if width < _WITH_TYPE else 20)
    return (
        Column("risk", 6),
        Column("due", 10),
        task,
        Column("description", 0),
        *(each for least, each in around if width >= least),
    )


def heading(width: int) -> Content:
    """Return the names of the columns."""
    return _laid_out(columns(width), {each.name: (each.name, FAINT) for each in columns(width)}, width)


def queue_line(request: ReviewRequest, me: str, now: datetime, width: int) -> Content:
    """Return one review of the queue on one line of this width. A blind review hides the confidence."""
    task = request.task
    sure = "blind" if request.hidden else confidence(request.confidence)
    cells = {
        "risk": (request.risk_level.value, RISK[request.risk_level]),
        "due": due(request.due_at, now),
        "task": (task_name(task.task_id, request.case_id), STRONG),
        "description": (what_is_asked(request), ""),
        "type": (task.task_type, FAINT),
        "domain": (task.domain, FAINT),
        "for": (request.needed_role, WARN if request.level else FAINT),
        "conf.": (sure, FAINT if sure == "blind" else ""),
        "claimed by": claimant(request, me, now),
    }
    return _laid_out(columns(width), cells, width)


def claimant(request: ReviewRequest, me: str, now: datetime) -> tuple[str, str]:
    """Return the reviewer whose claim has not lapsed."""
    if request.claimed_by is None or (request.claimed_until is not None and request.claimed_until <= now):
        return "-", FAINT
    return ("you", KEY) if request.claimed_by == me else (request.claimed_by, WARN)


def due(at: datetime | None, now: datetime) -> tuple[str, str]:
    """Return the time until a deadline."""
    if at is None:
        return "-", FAINT
    left = (at - now).total_seconds()
    if left <= 0:
        return f"{wait(abs(left))} late", ALARM
    return f"in {wait(left)}", WARN if left < 3600 else ""  # noqa: PLR2004 - the last hour


def _laid_out(where: Sequence[Column], cells: dict[str, tuple[str, str]], width: int) -> Content:
    rest = max(8, width - sum(each.width for each in where) - 2 * (len(where) - 1))
    parts: list[Content] = []
    for column in where:
        text, style = cells[column.name]
        room = column.width or rest
        fitted = Content(one_line(text)).truncate(room, ellipsis=True)
        gap = room - fitted.cell_length
        fitted = fitted.pad_left(gap) if column.right else fitted.pad_right(gap)
        parts.append(fitted.stylize(style) if style else fitted)
    return Content("  ").join(parts)


def sections(view: CaseView, now: datetime) -> tuple[list[Section], list[Section]]:
    """Return the sections about the proposal, and those about the review."""
    judged = [Section("task", _task(view), quoted=True), Section("type", _kind(view))]
    if view.message:
        judged.append(Section("message", _quoted(view.message, STRONG), quoted=True))
    if view.passed_up_because:
        judged.append(Section("escalated", _quoted(view.passed_up_because, WARN), quoted=True))
    judged += [] if view.hidden else _answer(view)
    around = [Section("review", _asked(view, now))]
    if view.choices:
        around.append(Section("choices", rows=_choices(view)))
    if view.similar and not view.hidden:
        around.append(Section("similar", _similar(view)))
    around.append(Section("history", rows=_history(view.history)))
    return judged, around


def title(view: CaseView, status: str) -> Content:
    """Return the first line of a case: its task, risk and state."""
    name = (
        (one_line(task_name(view.task_id, view.case_id)), STRONG),
        "  ",
        (f"{view.risk_level.value} risk", RISK[view.risk_level]),
    )
    return Content.assemble(*name, (f"  {one_line(status)}", FAINT))


def state(case: Case) -> str:
    """Return whether a case is finished, or for whom it waits."""
    return f"waits for {case.open_review.role}" if case.open_review else f"finished: {case.status}"


def recorded(case: Case, history: Sequence[HistoryItem]) -> list[Section]:
    """Return the sections about a case after this reviewer's decision; the votes of others stay hidden."""
    lines = [Content(one_line(state(case)))]
    if case.record is not None:
        executed = (
            "nothing is executed" if case.final_output is None else f"approved is {case.final_output.predicted_label}"
        )
        lines.append(Content.styled(one_line(executed), FAINT))
    return [Section("review", _stacked(lines)), Section("history", rows=_history(history))]


def _task(view: CaseView) -> Content:
    task = view.task
    asked = [_quoted(did_it_happen(view.asked_about), STRONG)] if view.asked_about else []
    lines = [*asked, _quoted(task.task_description, "" if asked else STRONG), *_fields(task.metadata)]
    return _stacked([*lines, *_beware(task.model_dump(mode="json"))])


def _kind(view: CaseView) -> Content:
    task = view.task
    kind = f"{inline(task.task_type)} in {inline(task.domain)}, {local_minute(task.timestamp)}"
    return Content.styled(kind, FAINT)


def _answer(view: CaseView) -> Iterator[Section]:
    answered = view.proposal is not None
    yield Section("proposal", _proposal(view.proposal) if view.proposal else _nothing(view), quoted=answered)
    if view.own_label:
        same = view.proposal is not None and view.own_label.strip() == view.proposal.predicted_label.strip()
        says = "the agent agrees" if same else "the agent differs"
        yield Section("your label", Content.assemble((one_line(view.own_label), STRONG), (f"   {says}", FAINT)))
    yield Section("confidence", _confidence(view))
    if view.signals or view.unreadable:
        yield Section("signals", Content.styled(signals(view.signals, view.unreadable), WARN))
    if view.raised:
        why = (_quoted(f"{each.signal.value}: {each.sentence}") for each in view.raised)
        yield Section("why", _stacked(why), quoted=True)
    rule = Content.assemble((one_line(view.rule_id), STRONG), (f"   {view.action.value}", FAINT))
    yield Section("rule", rule)
    yield Section("because", _quoted(view.reason), quoted=True)
    if view.would_go_through:
        yield Section("approved if", _stacked(_quoted(line) for line in view.would_go_through), quoted=True)


def _nothing(view: CaseView) -> Content:
    return Content.styled(nothing(view.classifier_error), WARN if view.classifier_error else FAINT)


def _proposal(proposal: Proposal) -> Content:
    lines = [_quoted(proposal.predicted_label, KEY)]
    lines += [_quoted(proposal.explanation)] if proposal.explanation else []
    return _stacked([*lines, *_fields(proposal.model_extra or {}), *_beware(proposal.model_dump(mode="json"))])


def _confidence(view: CaseView) -> Content:
    means = [_quoted(view.confidence_means, FAINT)] if view.confidence_means else []
    means += [Content.styled(part.sentence, FAINT) for part in view.confidence_parts]
    if view.confidence is None:
        return _stacked([Content("none stated"), *means])
    full = int(view.confidence * BAR)
    bar = Content.assemble(("━" * full, "$primary"), ("━" * (BAR - full), "$foreground 20%"))
    return _stacked([Content.assemble(bar, (f"  {confidence(view.confidence)}", STRONG)), *means])


def _asked(view: CaseView, now: datetime) -> Content:
    lines = [Content.assemble("waits for ", (one_line(view.role), STRONG))]
    if asked := asked_note(view.requirements):
        lines.append(Content(one_line(asked)))
    if view.missing_role is not None:
        lines.append(Content.styled(one_line(missing_role_note(view.missing_role, view.role)), ALARM))
    if view.requirements.approvals > 1:
        needed = view.requirements.approvals
        lines.append(Content(f"{needed} reviewers must agree"))
        lines.append(Content(f"{view.votes_given} of {needed} have voted"))
    if view.due_at is not None:
        text, style = due(view.due_at, now)
        lines.append(Content.assemble("due ", (text, style or STRONG), (f"  {local_minute(view.due_at)}", FAINT)))
    if view.claimed_by is not None and view.claimed_until is not None:
        lines.append(Content(f"claimed by {view.claimed_by} until {local_clock(view.claimed_until)}"))
    if view.delegated_by is not None:
        lines.append(Content.styled(f"delegated by {view.delegated_by}, returns when released", FAINT))
    return _stacked(lines)


def _choices(view: CaseView) -> tuple[tuple[Content, Content], ...]:
    return tuple(
        (Content.styled(choice.decision.value, STRONG), Content.styled(one_line(choice.does), FAINT))
        for choice in view.choices
    )


def _similar(view: CaseView) -> Content:
    return _stacked(
        Content.assemble(
            one_line(case.task_id),
            (f"  {confidence(case.confidence)}  ", FAINT),
            (case.final_decision.value, OUTCOME.get(case.final_decision, GOOD)),
            (f"  by {one_line(case.decided_by)}, {case.decided_at.astimezone():%Y-%m-%d}", FAINT),
        )
        for case in view.similar
    )


def _history(history: Sequence[HistoryItem]) -> tuple[tuple[Content, Content], ...]:
    return tuple(
        (
            Content.styled(f"{item.at.astimezone():%m-%d %H:%M}", FAINT),
            Content.assemble(one_line(item.what), (f"  {one_line(item.who)}", FAINT)),
        )
        for item in history
    )


def changes(fields: Sequence[FieldChange]) -> Content:
    """Return the differences, field by field: the old value above the new one."""
    if not fields:
        return Content.styled("no difference yet", FAINT)
    lines: list[Content] = [Content.styled(count(len(fields), "field differs", "fields differ"), FAINT)]
    for field in fields:
        lines.append(Content.styled(escape_invisible(field.place.removeprefix("/")), STRONG))
        lines += [] if field.added else [Content.assemble((f"  - {_short(field.before)}", "$error"))]
        lines += [] if field.removed else [Content.assemble((f"  + {_short(field.after)}", GOOD))]
    return _stacked(lines)


def keys(pairs: Sequence[tuple[str, str]], width: int) -> Content:
    """Return a line of keys and their effects. Pairs that do not fit are left out, except the last one."""

    def drawn(shown: Sequence[tuple[str, str]]) -> Content:
        return Content("  ").join(Content.assemble((key, KEY), (f" {does}", FAINT)) for key, does in shown)

    fitting = list(pairs)
    while len(fitting) > 1 and drawn(fitting).cell_length > width:
        del fitting[-2]
    return drawn(fitting)


def one_line(text: str) -> str:
    """Return a text on one line: line breaks and invisible characters are written out."""
    return escape_invisible(text)


def _quoted(text: str, style: str = "") -> Content:
    """Return free text with its line breaks."""
    lines = "\n".join(escape_invisible(line) for line in text.replace("\r\n", "\n").split("\n"))
    return Content.styled(lines, style) if style else Content(lines)


def _fields(values: dict[str, Any]) -> list[Content]:
    longest = max([len(escape_invisible(name)) for name in values] or [0])
    return [
        Content.assemble((f"{escape_invisible(name).ljust(min(longest, 24))}  ", FAINT), _short(value))
        for name, value in values.items()
    ]


def _short(value: Any) -> str:
    text = escape_invisible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _PLAIN_LENGTH else f"{text[:_PLAIN_LENGTH]}… ({len(text)} characters)"


def _beware(value: Any) -> list[Content]:
    problem = warning(value)
    return [] if problem is None else [Content.styled(f"Beware: this {problem}.", ALARM)]


def _stacked(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)


def preview(request: ReviewRequest) -> Iterator[Section]:
    """Yield the sections of a preview in the queue. A blind review hides the agent's answer."""
    yield Section("task", _quoted(request.task.task_description, STRONG), quoted=True)
    if request.hidden:
        hidden = "The agent's answer is hidden until you commit your own label."
        yield Section("proposal", Content.styled(hidden, FAINT))
    elif request.proposal is None:
        yield Section("proposal", Content.styled(nothing(request.classifier_error), FAINT))
    else:
        yield Section("proposal", Content.styled(one_line(request.proposal.predicted_label), KEY), quoted=True)
    if request.reason and not request.hidden:
        yield Section("because", Content.styled(one_line(request.reason), FAINT), quoted=True)
    if request.escalated_because:
        yield Section("escalated", Content.styled(one_line(request.escalated_because), WARN), quoted=True)
