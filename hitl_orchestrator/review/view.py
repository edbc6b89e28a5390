"""The case view: the content of one review for its reviewer, the masking rule, and the view as HTML for notebooks."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import ConfidencePart, RaisedSignal, ReviewRequirements
from hitl_orchestrator.domain.enums import (
    Action,
    CaseStage,
    FinalDecision,
    HumanDecision,
    ReviewStatus,
    RiskLevel,
    Signal,
)
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible, warning
from hitl_orchestrator.domain.shown.numbers import confidence_text, cut_off
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import Confidence, FreeJson, Identifier, Label, Text, UtcDatetime, Value

AGENT_FIELDS = ("proposal", "classifier_error", "confidence", "signals", "raised", "unreadable", "reason")
"""The fields of a view that a blind review hides."""


class Masking(NamedTuple):
    """The parts of a case that every rendering hides while a review is open, so that reviewers decide independently.

    `agent` hides the agent's output, its confidence and signals, and the reason of the routing. `votes` are the ids of
    the reviews whose votes and labels are hidden. `purpose` hides that the case is a quality check, and the answer of
    a shadow policy. The ledger holds everything from the start, and a decided case hides nothing.
    """

    agent: bool = False
    votes: frozenset[str] = frozenset()
    purpose: bool = False


def masking(case: Case, *, blind: bool | None = None, label: str = "", person: str | None = None) -> Masking:
    """Return the parts of a case to hide from a reviewer, or from all readers.

    `blind` states whether the requirements in force make the review blind, by default those of the open review;
    `label` is the label that this reviewer has committed, and `person` the person, who sees their own vote. A replay
    hides nothing: its answers are records.
    """
    review = case.open_review
    if case.submission.replayed:
        return Masking()
    if review is None:
        return Masking(purpose=case.stage is CaseStage.RECEIVED)
    if blind is None:
        blind = review.shown.routing.decision.requirements.blind
    votes = (
        row.review_id
        for row in case.reviews
        if row.status is ReviewStatus.VOTED
        and row.shown.escalations == review.shown.escalations
        and (person is None or row.verdict is None or row.verdict.person != person)
    )
    return Masking(agent=blind and not label, votes=frozenset(votes), purpose=True)


class Choice(Value):
    """A decision that the reviewer may take, and its effect."""

    decision: HumanDecision
    does: Text


class SimilarCase(Value):
    """An earlier case of the same type and domain, with its decision."""

    task_id: Identifier
    confidence: Confidence | None
    final_decision: FinalDecision
    decided_by: Label
    decided_at: UtcDatetime


class HistoryItem(Value):
    """One item of the history of a case."""

    at: UtcDatetime
    who: Label
    what: Text


class CaseView(Value):
    """The content of one review for its reviewer; it holds only what this reviewer may see.

    `hidden` names the fields that are left out until the reviewer commits their own label (blind review). `why_not` is
    the reason why this reviewer may not decide, with a remedy; empty if they may.
    """

    case_id: Identifier
    task_id: Identifier
    review_id: Identifier
    digest: Label
    state: Label
    task: Task
    risk_level: RiskLevel
    proposal: Proposal | None
    classifier_error: Text | None = Field(default=None, description="why the classifier gave no proposal")
    hidden: tuple[Label, ...] = ()
    own_label: Text = ""
    confidence: Confidence | None
    confidence_means: Text
    confidence_parts: tuple[ConfidencePart, ...] = ()
    signals: tuple[Signal, ...] = ()
    raised: tuple[RaisedSignal, ...] = ()
    unreadable: tuple[Label, ...] = Field(default=(), description="fields of the output that scoring could not read")
    action: Action
    rule_id: Label
    reason: Text
    message: Text = Field(default="", description="the message of the rule to the reviewer")
    asked_about: Text = Field(default="", description="the call whose execution is asked about, from its own case")
    would_go_through: tuple[Text, ...] = ()
    role: Label = Field(description="the role that must decide now")
    missing_role: Label | None = Field(
        default=None, description="the review's own role, if the chain of the people lacks it"
    )
    requirements: ReviewRequirements
    votes_given: int = 0
    passed_up_because: Text = ""
    similar: tuple[SimilarCase, ...] = ()
    history: tuple[HistoryItem, ...] = ()
    opened_at: UtcDatetime
    due_at: UtcDatetime | None = None
    overdue: bool = False
    claimed_by: Identifier | None = None
    claimed_until: UtcDatetime | None = None
    delegated_by: Identifier | None = None
    choices: tuple[Choice, ...] = ()
    reason_codes: tuple[Label, ...] = ()
    output_schema: FreeJson | None = None
    may_decide: tuple[Identifier, ...] = ()
    why_not: Text = ""

    def _repr_html_(self) -> str:
        """Return the view as an HTML card."""
        return card(self)


def asked_note(requirements: ReviewRequirements) -> str:
    """Return whom a rule asks and excludes, such as `The rule asks the team 'fraud'`; empty if all may decide."""
    teams, excluded = (" and ".join(map(repr, names)) for names in (requirements.teams, requirements.not_by))
    asked = f"The rule asks the team {teams}" if teams else ""
    barred = f"{'' if asked else 'By the rule, '}{excluded} may not decide" if excluded else ""
    return "; ".join(part for part in (asked, barred) if part)


def missing_role_note(missing: str, role: str) -> str:
    """Return why the top of the chain decides a review for another role, with the remedy."""
    return (
        f"The people of this store have no role {missing!r}, for which this review was opened: {role!r}, the top of "
        "their chain, decides it. 'hitl people propose' can add the role to the chain"
    )


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
.hitl-card blockquote{border-left:3px solid rgba(128,128,128,.35);padding:0 0 0 .8em;margin:.3em 0;font-size:inherit;
color:inherit;background:none}
.hitl-card .note{border-left:3px solid rgba(128,128,128,.5);padding:.2em .8em;margin:.6em 0}
"""


def card(view: CaseView) -> str:
    """Return a view as one piece of HTML for notebooks: no script, nothing to load, for light and dark pages."""
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
        label = "overdue since" if view.overdue else "due"
        yield f'<span class="end {late}">{label} {_moment(view.due_at)}</span>'
    yield "</header>"


def _task(view: CaseView) -> Iterator[str]:
    task = view.task
    yield _quoted(f"<p>{_text(task.task_description)}</p>{_fields(task.metadata)}")
    yield f'<p class="faint">{_name(task.task_type)} in {_name(task.domain)}, created {_moment(task.timestamp)}</p>'
    yield _beware(task.model_dump(mode="json"))
    if view.asked_about:
        yield _quoted(f"<p>Did {_text(view.asked_about)} happen?</p>")
    if view.message:
        yield f"<h4>The rule's message</h4>{_quoted(f'<p>{_text(view.message)}</p>')}"
    if view.passed_up_because:
        yield f"<h4>Escalated</h4>{_quoted(f'<p>{_text(view.passed_up_because)}</p>')}"


def _blind(view: CaseView) -> Iterator[str]:
    yield '<p class="note">The agent\'s answer is hidden until you have committed your own label: '
    call = f"hitl.reviews.label(task_id={view.task_id!r}, label=..., reviewer=...)"
    yield f"<code>{_line(call)}</code></p>"


def _answer(view: CaseView) -> Iterator[str]:
    yield "<h4>The agent proposes</h4>"
    yield _proposal(view.proposal) if view.proposal else f'<p class="faint">{_nothing(view.classifier_error)}</p>'
    if view.own_label:
        yield f'<p class="faint">Your own label was {_name(view.own_label)}.</p>'
    yield from _confidence(view)
    yield f"<h4>Why it needs a review</h4>{_quoted(f'<p>{_text(view.reason)}</p>')}"
    yield f'<p class="faint">{view.action.value} by {_line(view.rule_id)}</p>'
    if view.would_go_through:
        yield f'<p class="faint">It would have been approved automatically with:</p>{_list(view.would_go_through)}'


def _nothing(classifier_error: str | None) -> str:
    """Return the sentence of a case without a proposal. The reason of the routing quotes the error."""
    return "The agent proposes nothing" + ("; its classifier failed." if classifier_error else ".")


def _proposal(proposal: Proposal) -> str:
    explained = f"<p>{_text(proposal.explanation)}</p>" if proposal.explanation else ""
    extra, beware = _fields(proposal.model_extra or {}), _beware(proposal.model_dump(mode="json"))
    label = f'<p class="label">{_text(proposal.predicted_label)}</p>'
    return f"{_quoted(label + explained + extra)}{beware}"


def _confidence(view: CaseView) -> Iterator[str]:
    yield "<h4>Confidence</h4><p>"
    if view.confidence is None:
        yield "The agent states no confidence. "
    else:
        yield f'<span class="bar"><i style="width:calc(100% * {cut_off(view.confidence, 2)})"></i></span>'
        yield f"{confidence_text(view.confidence)} "
    yield "".join(f'<span class="chip medium">{signal.value}</span> ' for signal in view.signals)
    yield "".join(f'<span class="chip medium">{_line(name)} could not be read</span> ' for name in view.unreadable)
    yield f'</p><p class="faint">{_text(view.confidence_means)}</p>'
    if view.confidence_parts:
        yield f'<div class="faint">{_list(part.sentence for part in view.confidence_parts)}</div>'
    for each in view.raised:
        yield f'<p class="faint">{each.signal.value}: {_line(each.sentence)}</p>'


def _asked(view: CaseView) -> Iterator[str]:
    requirements = view.requirements
    if requirements.approvals > 1:
        yield f'<p class="note">{requirements.approvals} reviewers must agree ({requirements.agreement.value}); '
        yield f"{view.votes_given} voted so far.</p>"
    if asked := asked_note(requirements):
        yield f'<p class="note">{_line(asked)}.</p>'
    if view.missing_role is not None:
        yield f'<p class="note alarm">{_line(missing_role_note(view.missing_role, view.role))}</p>'
    if view.claimed_by is not None:
        until = f" until {_moment(view.claimed_until)}" if view.claimed_until else ""
        delegated = f", delegated by {_line(view.delegated_by)}" if view.delegated_by else ""
        yield f'<p class="faint">Claimed by {_line(view.claimed_by)}{until}{delegated}.</p>'
    if view.why_not:
        yield f'<p class="note alarm">{_text(view.why_not)}</p>'
    if view.choices:
        rows = ((f"<b>{choice.decision.value}</b>", _text(choice.does)) for choice in view.choices)
        yield f"<h4>What each decision does</h4>{_table(rows)}"


def _similar(view: CaseView) -> Iterator[str]:
    if view.similar:
        rows = (
            (
                _line(case.task_id),
                "-" if case.confidence is None else confidence_text(case.confidence),
                f"<b>{case.final_decision.value}</b>",
                f"by {_line(case.decided_by)}",
                f'<span class="faint">{_moment(case.decided_at)}</span>',
            )
            for case in view.similar
        )
        yield f"<h4>Similar cases</h4>{_table(rows)}"


def _history(view: CaseView) -> Iterator[str]:
    rows = (
        (f'<span class="faint">{_moment(item.at)}</span>', _line(item.who), _text(item.what)) for item in view.history
    )
    yield f'<details><summary class="faint">History and digest</summary>{_table(rows)}'
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
    text = warning(value)
    return "" if text is None else f'<p class="alarm">Beware: this {_line(text)}.</p>'


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _text(text: str) -> str:
    """Return free text for HTML, with its line breaks."""
    return "<br>".join(_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _quoted(markup: str) -> str:
    """Return the texts of others with a bar beside them."""
    return f"<blockquote>{markup}</blockquote>"


def _name(text: str) -> str:
    """Return a text of others within a sentence, in quotation marks unless it is one word."""
    return _line(text) if text.isidentifier() else f"“{_line(text)}”"


def _line(text: str) -> str:
    """Return a text for HTML, with markup and invisible characters escaped."""
    return escape(escape_invisible(text))
