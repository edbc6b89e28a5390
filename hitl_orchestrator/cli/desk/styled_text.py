"""What stands on the screen, as styled text: what people wrote is never markup, and none of it is unseen. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from textual.content import Content

from hitl_orchestrator.cli.output.formatting import confidence, count, wait
from hitl_orchestrator.domain.invisible_characters import visible, warning
from hitl_orchestrator.domain.json_patch import FieldChange
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.review.view import CaseView

FAINT, STRONG, ALARM, WARN, GOOD, KEY = "$secondary", "bold", "bold $error", "$warning", "$success", "bold $primary"
RISK = {"high": "bold $error", "medium": "$warning", "low": "$success"}
OUTCOME = {"rejected": "$error", "canceled": "$secondary", "superseded": "$secondary"}
BAR = 20
_WITH_TYPE, _WITH_DOMAIN, _WITH_ROLE = 112, 132, 158
_PLAIN_LENGTH = 400


class Section(NamedTuple):
    """One thing to know about a case: its name in the margin, and what there is to say."""

    name: str
    body: Content = Content()
    rows: tuple[tuple[Content, Content], ...] = ()
    """Instead of a body: pairs, the first ones below one another."""


class Column(NamedTuple):
    """A column of the queue. Width 0 takes what is left."""

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
        (0, Column("held by", 10 if width < _WITH_TYPE else 14)),
    )
    task = Column("task", 14 if width < _WITH_TYPE else 20)
    return Column("risk", 6), Column("due", 10), task, Column("", 0), *(one for least, one in around if width >= least)


def heading(width: int) -> Content:
    """Return the names of the columns."""
    return _laid_out(columns(width), {one.name: (one.name, FAINT) for one in columns(width)}, width)


def queue_line(row: StoredReview, me: str, now: datetime, width: int) -> Content:
    """Return one review of the queue, on one line of this width. Of a blind one nothing of the agent's is told."""
    routing, task = row.shown.routing, row.shown.task
    sure = "blind" if routing.decision.requirements.blind else confidence(routing.score.confidence)
    cells = {
        "risk": (routing.risk_level.value, RISK[routing.risk_level]),
        "due": due(row.due_at, now),
        "task": (task.task_id, STRONG),
        "": (task.task_description, ""),
        "type": (task.task_type, FAINT),
        "domain": (task.domain, FAINT),
        "for": (row.role, WARN if row.level else FAINT),
        "conf.": (sure, FAINT if sure == "blind" else ""),
        "held by": held(row, me, now),
    }
    return _laid_out(columns(width), cells, width)


def held(row: StoredReview, me: str, now: datetime) -> tuple[str, str]:
    """Return who holds a review just now."""
    if row.claimed_by is None or (row.claimed_until is not None and row.claimed_until <= now):
        return "-", FAINT
    return ("you", KEY) if row.claimed_by == me else (row.claimed_by, WARN)


def due(at: datetime | None, now: datetime) -> tuple[str, str]:
    """Return how long it is until a deadline."""
    if at is None:
        return "-", FAINT
    left = (at - now).total_seconds()
    if left <= 0:
        return f"{wait(abs(left))} late", ALARM
    return f"in {wait(left)}", WARN if left < 3600 else ""  # noqa: PLR2004 - the last hour


def _laid_out(where: Sequence[Column], cells: dict[str, tuple[str, str]], width: int) -> Content:
    rest = max(8, width - sum(one.width for one in where) - 2 * (len(where) - 1))
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
    """Return what there is to know: what is judged, and what stands around it."""
    judged = [Section("task", _task(view))]
    if view.message:
        judged.append(Section("message", _quoted(view.message, STRONG)))
    if view.passed_up_because:
        judged.append(Section("passed up", _quoted(view.passed_up_because, WARN)))
    judged += [] if view.hidden else _answer(view)
    around = [Section("who", _asked(view, now))]
    if view.choices:
        around.append(Section("answers", rows=_choices(view)))
    if view.similar and not view.hidden:
        around.append(Section("similar", _similar(view)))
    around.append(Section("history", rows=_history(view)))
    return judged, around


def _task(view: CaseView) -> Content:
    task = view.task
    kind = f"{one_line(task.task_type)} in {one_line(task.domain)}, {task.timestamp:%Y-%m-%d %H:%M} UTC"
    lines = [_quoted(task.task_description, STRONG), Content.styled(kind, FAINT), *_fields(task.metadata)]
    return _stacked([*lines, *_beware(task.model_dump(mode="json"))])


def _answer(view: CaseView) -> Iterator[Section]:
    yield Section("proposal", _proposal(view.proposal))
    if view.own_label:
        same = view.proposal is not None and view.own_label.strip() == view.proposal.predicted_label.strip()
        says = "the agent says the same" if same else "the agent says something else"
        yield Section("your label", Content.assemble((one_line(view.own_label), STRONG), (f"   {says}", FAINT)))
    yield Section("confidence", _confidence(view))
    if view.signals:
        yield Section("signals", Content.styled(", ".join(view.signals), WARN))
    rule = Content.assemble((one_line(view.rule_id), STRONG), (f"   {view.action.value}", FAINT))
    yield Section("rule", _stacked([rule, _quoted(view.reason)]))
    if view.would_go_through:
        yield Section("would pass", _stacked(_quoted(line) for line in view.would_go_through))


def _proposal(proposal: Proposal | None) -> Content:
    if proposal is None:
        return Content.styled("The agent proposes nothing.", FAINT)
    lines = [_quoted(proposal.predicted_label, KEY)]
    lines += [_quoted(proposal.explanation)] if proposal.explanation else []
    return _stacked([*lines, *_fields(proposal.model_extra or {}), *_beware(proposal.model_dump(mode="json"))])


def _confidence(view: CaseView) -> Content:
    means = [_quoted(view.confidence_means, FAINT)] if view.confidence_means else []
    if view.confidence is None:
        return _stacked([Content("none stated"), *means])
    full = round(view.confidence * BAR)
    bar = Content.assemble(("━" * full, "$primary"), ("━" * (BAR - full), "$foreground 20%"))
    return _stacked([Content.assemble(bar, (f"  {confidence(view.confidence)}", STRONG)), *means])


def _asked(view: CaseView, now: datetime) -> Content:
    lines = [Content.assemble("waits for ", (one_line(view.role), STRONG))]
    if view.requirements.approvals > 1:
        lines.append(
            Content.assemble(f"{view.requirements.approvals} persons must agree, ", f"{view.votes_given} did so far")
        )
    if view.due_at is not None:
        text, style = due(view.due_at, now)
        lines.append(Content.assemble("due ", (text, style or STRONG), (f"  {view.due_at:%Y-%m-%d %H:%M} UTC", FAINT)))
    if view.claimed_by is not None and view.claimed_until is not None:
        lines.append(Content(f"claimed by {view.claimed_by} until {view.claimed_until:%H:%M} UTC"))
    if view.delegated_by is not None:
        lines.append(Content.styled(f"delegated by {view.delegated_by}, and goes back if released", FAINT))
    return _stacked(lines)


def _choices(view: CaseView) -> tuple[tuple[Content, Content], ...]:
    return tuple(
        (Content.styled(choice.decision.value, STRONG), Content.styled(one_line(choice.does), FAINT))
        for choice in view.choices
    )


def _similar(view: CaseView) -> Content:
    return _stacked(
        Content.assemble(
            one_line(one.task_id),
            (f"  {confidence(one.confidence)}  ", FAINT),
            (one.final_decision.value, OUTCOME.get(one.final_decision, GOOD)),
            (f"  by {one_line(one.decided_by)}, {one.decided_at:%Y-%m-%d}", FAINT),
        )
        for one in view.similar
    )


def _history(view: CaseView) -> tuple[tuple[Content, Content], ...]:
    return tuple(
        (
            Content.styled(f"{one.at:%m-%d %H:%M}", FAINT),
            Content.assemble(one_line(one.what), (f"  {one_line(one.who)}", FAINT)),
        )
        for one in view.history
    )


def changes(found: Sequence[FieldChange]) -> Content:
    """Return what differs, field by field: the old value above the new one."""
    if not found:
        return Content.styled("no difference yet", FAINT)
    lines: list[Content] = [Content.styled(count(len(found), "field differs", "fields differ"), FAINT)]
    for one in found:
        lines.append(Content.styled(visible(one.place.removeprefix("/")), STRONG))
        lines += [] if one.added else [Content.assemble((f"  - {_short(one.before)}", "$error"))]
        lines += [] if one.removed else [Content.assemble((f"  + {_short(one.after)}", GOOD))]
    return _stacked(lines)


def keys(pairs: Sequence[tuple[str, str]], width: int) -> Content:
    """Return a line of keys and what they do; what does not fit is left out, the last pair never is."""

    def drawn(shown: Sequence[tuple[str, str]]) -> Content:
        return Content("  ").join(Content.assemble((key, KEY), (f" {does}", FAINT)) for key, does in shown)

    kept = list(pairs)
    while len(kept) > 1 and drawn(kept).cell_length > width:
        del kept[-2]
    return drawn(kept)


def one_line(text: str) -> str:
    """Return a text on one line: every line break is written out, as is all that would not be seen."""
    return visible(text)


def _quoted(text: str, style: str = "") -> Content:
    """Return free text with its line breaks."""
    lines = "\n".join(visible(line) for line in text.replace("\r\n", "\n").split("\n"))
    return Content.styled(lines, style) if style else Content(lines)


def _fields(values: dict[str, Any]) -> list[Content]:
    longest = max([len(visible(name)) for name in values] or [0])
    return [
        Content.assemble((f"{visible(name).ljust(min(longest, 24))}  ", FAINT), _short(value))
        for name, value in values.items()
    ]


def _short(value: Any) -> str:
    text = visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _PLAIN_LENGTH else f"{text[:_PLAIN_LENGTH]}… ({len(text)} characters)"


def _beware(value: Any) -> list[Content]:
    told = warning(value)
    return [] if told is None else [Content.styled(f"Beware: this {told}.", ALARM)]


def _stacked(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)


def preview(row: StoredReview) -> Content:
    """Return a little more of a review in the queue; of a blind one nothing of the agent's."""
    shown, routing = row.shown, row.shown.routing
    lines = [_quoted(shown.task.task_description, STRONG)]
    if routing.decision.requirements.blind:
        lines.append(Content.styled("The agent's answer is hidden until you have given your own label.", FAINT))
    else:
        label = routing.output.agent_output.predicted_label if routing.output else "nothing"
        lines.append(Content.assemble(("the agent proposes  ", FAINT), (one_line(label), KEY)))
        lines.append(Content.styled(one_line(routing.decision.reason), FAINT))
    if shown.passed_up_because:
        lines.append(Content.styled(one_line(f"passed up: {shown.passed_up_because}"), WARN))
    return _stacked(lines)
