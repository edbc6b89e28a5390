"""A case view as a card of HTML, for notebooks: one piece, no script, nothing to load, fit for light and dark."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Any

from hitl_orchestrator.domain.invisible_characters import visible, warning
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.review.view import CaseView

_STYLE = """
.hitl-card{max-width:56em;border:1px solid rgba(128,128,128,.35);border-radius:10px;padding:1em 1.25em;
font:14px/1.5 ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;color:inherit;color-scheme:light dark}
.hitl-card *{box-sizing:border-box}
.hitl-card header{display:flex;flex-wrap:wrap;gap:.5em;align-items:baseline}
.hitl-card h3{margin:0;font-size:1.15em}
.hitl-card h4{margin:1.1em 0 .25em;font-size:.78em;letter-spacing:.06em;text-transform:uppercase;opacity:.65}
.hitl-card p{margin:.15em 0}
.hitl-card .faint{opacity:.65}
.hitl-card .end{margin-left:auto}
.hitl-card .chip{border:1px solid;border-radius:99px;padding:0 .65em;font-size:.85em;white-space:nowrap}
.hitl-card .low{color:#2e8b57}.hitl-card .medium{color:#b7791f}.hitl-card .high,.hitl-card .alarm{color:#d9534f}
.hitl-card .alarm{font-weight:600}
.hitl-card .label{font-size:1.25em;font-weight:600}
.hitl-card .bar{width:12em;height:.5em;border-radius:99px;background:rgba(128,128,128,.25);overflow:hidden;
display:inline-block;vertical-align:middle;margin-right:.6em}
.hitl-card .bar i{display:block;height:100%;background:#4a86c5}
.hitl-card table{border-collapse:collapse;font-size:inherit;margin:.2em 0;background:none}
.hitl-card td{padding:.1em 1.2em .1em 0;text-align:left;vertical-align:top;border:0;background:none}
.hitl-card code{font:.92em ui-monospace,SFMono-Regular,Consolas,monospace;background:none;color:inherit;
overflow-wrap:anywhere}
.hitl-card ul{margin:.15em 0;padding-left:1.2em}
.hitl-card summary{cursor:pointer}
.hitl-card .note{border-left:3px solid rgba(128,128,128,.5);padding:.2em .8em;margin:.6em 0}
"""


def card(view: CaseView) -> str:
    """Return a view as HTML. While it is hidden, nothing that tells of the agent's answer is in it."""
    parts = [*_head(view), *_task(view), *(_blind(view) if view.hidden else _answer(view)), *_asked(view)]
    if not view.hidden:
        parts += _similar(view)
    return f'<div class="hitl-card"><style>{_STYLE}</style>{"".join([*parts, *_history(view)])}</div>'


def _head(view: CaseView) -> Iterator[str]:
    risk = view.risk_level.value
    yield f'<header><h3>{_line(view.task_id)}</h3><span class="chip {risk}">{risk} risk</span>'
    yield f'<span class="faint">{_line(view.state)} · {_line(view.role)}</span>'
    if view.due_at is not None:
        late = "alarm" if view.overdue else "faint"
        word = "overdue since" if view.overdue else "due"
        yield f'<span class="end {late}">{word} {_moment(view.due_at)}</span>'
    yield "</header>"


def _task(view: CaseView) -> Iterator[str]:
    task = view.task
    yield f"<p>{_text(task.task_description)}</p>"
    yield f'<p class="faint">{_line(task.task_type)} in {_line(task.domain)}, made {_moment(task.timestamp)}</p>'
    yield _fields(task.metadata)
    yield _beware(task.model_dump(mode="json"))
    if view.message:
        yield f'<p class="note">{_text(view.message)}</p>'
    if view.passed_up_because:
        yield f'<p class="note">Passed up: {_text(view.passed_up_because)}</p>'


def _blind(view: CaseView) -> Iterator[str]:
    yield '<p class="note">The agent\'s answer is hidden until you have given your own label: '
    yield f"<code>hitl.label({_line(repr(view.task_id))}, reviewer, label)</code></p>"


def _answer(view: CaseView) -> Iterator[str]:
    yield "<h4>The agent proposes</h4>"
    yield '<p class="faint">Nothing.</p>' if view.proposal is None else _proposal(view.proposal)
    if view.own_label:
        yield f'<p class="faint">Your own label was {_text(view.own_label)}.</p>'
    yield from _confidence(view)
    yield f"<h4>Why a person is asked</h4><p>{_text(view.reason)} "
    yield f'<span class="faint">({view.action.value}, {_line(view.rule_id)})</span></p>'
    if view.would_go_through:
        yield f'<p class="faint">It would have gone through by itself:</p>{_list(view.would_go_through)}'


def _proposal(proposal: Proposal) -> str:
    explained = f"<p>{_text(proposal.explanation)}</p>" if proposal.explanation else ""
    extra, told = _fields(proposal.model_extra or {}), _beware(proposal.model_dump(mode="json"))
    return f'<p class="label">{_text(proposal.predicted_label)}</p>{explained}{extra}{told}'


def _confidence(view: CaseView) -> Iterator[str]:
    yield "<h4>How sure it is</h4><p>"
    if view.confidence is None:
        yield "It states no confidence. "
    else:
        yield f'<span class="bar"><i style="width:{view.confidence * 100:.0f}%"></i></span>{view.confidence:.2f} '
    yield "".join(f'<span class="chip medium">{signal.value}</span> ' for signal in view.signals)
    yield f'</p><p class="faint">{_text(view.confidence_means)}</p>'


def _asked(view: CaseView) -> Iterator[str]:
    requirements = view.requirements
    if requirements.approvals > 1:
        yield f'<p class="note">{requirements.approvals} persons must agree ({requirements.agreement.value}); '
        yield f"{view.votes_given} answered so far.</p>"
    if view.claimed_by is not None:
        until = f" until {_moment(view.claimed_until)}" if view.claimed_until else ""
        given = f", given by {_line(view.delegated_by)}" if view.delegated_by else ""
        yield f'<p class="faint">Claimed by {_line(view.claimed_by)}{until}{given}.</p>'
    if view.why_not:
        yield f'<p class="note alarm">{_text(view.why_not)}</p>'
    if view.choices:
        rows = ((f"<b>{choice.decision.value}</b>", _text(choice.does)) for choice in view.choices)
        yield f"<h4>What each answer does</h4>{_table(rows)}"


def _similar(view: CaseView) -> Iterator[str]:
    if view.similar:
        rows = (
            (
                _line(one.task_id),
                "-" if one.confidence is None else f"{one.confidence:.2f}",
                f"<b>{one.final_decision.value}</b>",
                f"by {_line(one.decided_by)}",
                f'<span class="faint">{_moment(one.decided_at)}</span>',
            )
            for one in view.similar
        )
        yield f"<h4>Similar cases</h4>{_table(rows)}"


def _history(view: CaseView) -> Iterator[str]:
    rows = ((f'<span class="faint">{_moment(one.at)}</span>', _line(one.who), _text(one.what)) for one in view.history)
    yield f'<details><summary class="faint">History and what is signed</summary>{_table(rows)}'
    ids = f"case {_line(view.case_id)}, review {_line(view.review_id)}, shows {_line(view.digest[:12])}"
    yield f'<p class="faint">{ids}</p></details>'


def _fields(values: dict[str, Any]) -> str:
    if not values:
        return ""
    return _table((_line(name), f"<code>{_text(_plain(value))}</code>") for name, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(rows: Iterable[Iterable[str]]) -> str:
    return f"<table>{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{cell}</td>" for cell in row)


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>"


def _beware(value: Any) -> str:
    told = warning(value)
    return "" if told is None else f'<p class="alarm">Beware: this {_line(told)}.</p>'


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _text(text: str) -> str:
    """Return free text for HTML, its line breaks kept."""
    return "<br>".join(_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _line(text: str) -> str:
    """Return a text for HTML: nothing in it is markup, and nothing in it is unseen."""
    return escape(visible(text))
