"""The inbox: open reviews as reviewers read them, and as JSON."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, count, wait
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.content import task_name, what_is_asked
from hitl_orchestrator.cli.views.tables import TASK, named
from hitl_orchestrator.domain.case import UnfinishedCase, Wakeup
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.review import Page, ReviewRequest
from hitl_orchestrator.orchestrator import missing_role_note


def request_summary(request: ReviewRequest) -> dict[str, Any]:
    """Return an open review for machines. A blind review leaves out the agent's answer."""
    task = request.task
    return {
        "review_id": request.review_id,
        "case_id": request.case_id,
        "task_id": request.task_id,
        "role": request.needed_role,
        "missing_role": request.missing_role,
        "teams": list(request.teams),
        "not_by": list(request.not_by),
        "domain": task.domain,
        "risk_level": request.risk_level,
        "confidence_score": request.confidence,
        "signals": list(request.signals),
        "raised": [each.model_dump(mode="json") for each in request.raised],
        "unreadable": list(request.unreadable),
        "classifier_error": request.classifier_error,
        "task_type": task.task_type,
        "task_description": task.task_description,
        "asked_about": request.asked_about or None,
        "proposal": request.proposal.model_dump(mode="json") if request.proposal else None,
        "routing_decision": request.routing_decision,
        "rule_id": request.rule_id,
        "reason": request.reason,
        "message": request.message or None,
        "choices": list(request.choices),
        "approvals_given": request.approvals_given,
        "approvals_needed": request.approvals_needed,
        "level": request.level,
        "escalated_because": request.escalated_because or None,
        "opened_at": request.opened_at.isoformat(),
        "queued_at": request.queued_at.isoformat(),
        "due_at": request.due_at.isoformat() if request.due_at else None,
        "on_timeout": request.on_timeout,
        "digest": request.shown_digest,
        "claimed_by": request.claimed_by,
        "claimed_until": request.claimed_until.isoformat() if request.claimed_until else None,
        "delegated_by": request.delegated_by,
        "blind": bool(request.hidden),
    }


def more_follow(page: Page[ReviewRequest]) -> str:
    """Return the sentence about the reviews after a page."""
    return f"more reviews follow; add --after {page[-1].review_id} to list them"


def inbox(requests: Page[ReviewRequest], session: Session, reviewer: str | None = None) -> Iterator[Block]:
    """List open reviews, and suggest the next command."""
    now = requests.as_of
    if not requests:
        yield Line(f"No open review that {reviewer} may decide." if reviewer else "No open reviews.")
        return
    several = any(request.approvals_needed > 1 for request in requests)
    claimed = any(holder(request, now) for request in requests)
    timed = [request.due_at for request in requests if request.due_at]
    zones = {f"{due.astimezone():%Z}" for due in timed}
    columns = (
        TASK,
        Column("description", gives_way=True, optional=True),
        Column("risk"),
        Column("conf.", right=True),
        Column("needed role"),
        *((Column("approvals"),) if several else ()),
        Column("age", right=True, optional=True),
        *((Column(f"due ({zones.pop()})" if len(zones) == 1 else "due"),) if timed else ()),
        *((Column("claimed by", gives_way=True),) if claimed else ()),
    )
    rows = []
    for request in requests:
        approvals = (Cell(request.approvals),) if several else ()
        due = (_due(request, now, with_zone=len(zones) > 0),) if timed else ()
        claim = (Cell(holder(request, now) or "-"),) if claimed else ()
        age = Cell(wait((now - request.queued_at).total_seconds()))
        rows.append((*_row(request), *approvals, age, *due, *claim))
    yield Table(columns, rows)
    for request in requests:
        proposal = request.proposal.model_dump(mode="json") if request.proposal else None
        yield from blocks.flagged(request.task_id, request.task.model_dump(mode="json"), proposal)
    for missing, needed in {each.missing_role: each.needed_role for each in requests if each.missing_role}.items():
        yield Line(missing_role_note(missing, needed) + ".", "red")
    yield Line()
    more = f"; {more_follow(requests)}" if requests.more else ""
    yield Line(f"{_number(requests)}, the earliest deadline first{more}. Next:")
    yield Line(session.command("show", task_name(requests[0].task_id, requests[0].case_id)), COMMAND, indent=2)
    free = next((request for request in requests if holder(request, now) in (None, reviewer)), None)
    if reviewer is not None and free is not None:
        yield Line(
            session.command("claim", task_name(free.task_id, free.case_id), "--reviewer", reviewer), COMMAND, indent=2
        )


def _number(page: Page[ReviewRequest]) -> str:
    """Return the number of reviews on a page, and that of all where some are left out."""
    if page.total is None or page.total <= len(page):
        return count(len(page), "open review")
    return f"{len(page):,} of {count(page.total, 'open review')}"


def unfinished(cases: Sequence[UnfinishedCase]) -> Iterator[str]:
    """Name the cases that no reviewer can decide yet: those that run, and those that `recover` has to finish."""
    running, left = [case for case in cases if case.running], [case for case in cases if not case.running]
    if running:
        yield f"{count(len(running), 'case is', 'cases are')} being run by a live process: {named(running)}"
    if left:
        yield (
            f"{count(len(left), 'case is', 'cases are')} neither finished nor waiting for a reviewer: {named(left)}; "
            "'hitl recover' resumes unfinished cases"
        )


def resumed(before: Sequence[Wakeup], after: Sequence[Wakeup]) -> int:
    """Return the number of callers that were resumed between two lists of those that wait."""
    return len({each.case_id for each in before} - {each.case_id for each in after})


def not_resumed(wakeups: Sequence[Wakeup]) -> Iterator[str]:
    """Name the callers that still wait for decided cases, by the graph in which they wait, each with the reason."""
    for graph in dict.fromkeys(each.parent.graph for each in wakeups):
        waiting = [each for each in wakeups if each.parent.graph == graph]
        callers = count(len(waiting), "caller waits", "callers wait")
        yield f"{callers} in the graph {inline(graph)} to be resumed with the decision: {_why_not_resumed(waiting)}"


def _why_not_resumed(waiting: Sequence[Wakeup]) -> str:
    tried = max(waiting, key=lambda each: each.attempts)
    them, their = ("it", "its") if len(waiting) == 1 else ("them", "their")
    if tried.running:
        return f"a live process resumes {them} now"
    remedy = f"'hitl recover --app module:hitl', with the orchestrator of {their} application"
    if not tried.attempts:
        return f"no process with a resumer for this graph has run since; {remedy}, resumes {them}"
    return f"attempt {tried.attempts} failed, {inline(tried.error or 'without a reason')}; {remedy}, tries again"


def wakeup_summary(wakeup: Wakeup) -> dict[str, Any]:
    """Return a caller that still waits for a decided case, for machines."""
    fields = wakeup.model_dump(mode="json")
    return {"case_id": fields.pop("case_id"), "status": "caller_waits", **fields}


def holder(request: ReviewRequest, now: datetime) -> str | None:
    """Return the reviewer whose claim on a review has not lapsed."""
    return request.claimed_by if (request.claimed_until or now) >= now else None


def _row(request: ReviewRequest) -> tuple[Cell, ...]:
    escalated = request.level > 0 or request.routing_decision is Action.ESCALATE
    return (
        Cell(task_name(request.task_id, request.case_id), quoted=True),
        Cell(what_is_asked(request), quoted=True),
        blocks.risk(request.risk_level),
        _confidence(request),
        Cell(request.needed_role, "red" if escalated else "yellow"),
    )


def _confidence(request: ReviewRequest) -> Cell:
    if request.hidden:
        return Cell("blind", "dim")
    return Cell("failed", "red") if request.classifier_error else Cell(confidence(request.confidence))


def _due(request: ReviewRequest, now: datetime, *, with_zone: bool) -> Cell:
    if request.due_at is None:
        return Cell("-", "dim")
    local = request.due_at.astimezone()
    text = f"{local:%b %d %H:%M}" + (f" {local:%Z}" if with_zone else "")
    return Cell(f"{text} late", "bold red") if request.due_at <= now else Cell(text)
