"""Claims, assignments and bulk decisions of a team."""

from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, count, local_time
from hitl_orchestrator.cli.views import tables
from hitl_orchestrator.cli.views.content import task_name
from hitl_orchestrator.cli.views.inbox import request_summary
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import ReviewRequest, StoredReview
from hitl_orchestrator.orchestrator import Assignment, Assignments


def holder(request: ReviewRequest) -> Line:
    """Describe the delegation of a review and its holder."""
    until = f" until {local_time(request.claimed_until)}" if request.claimed_until else ""
    task = inline(task_name(request.task_id, request.case_id))
    return Line(f"{inline(str(request.claimed_by))} has {task}{until}; when released, it returns to you.")


def summary(assignment: Assignment) -> dict[str, Any]:
    """Return an assignment for machines."""
    return request_summary(assignment.review) | {"assigned_to": assignment.to, "why": assignment.why or None}


def left_out(assignments: Assignments) -> list[str]:
    """Return what a list of assignments leaves out, in sentences."""
    unlisted = assignments.unassigned - sum(each.to is None for each in assignments)
    passed_over = f"{count(unlisted, 'more review')} that no reviewer can take now, passed over and not listed"
    more = "the limit was reached before the end of the queue, run it again to go on"
    return [*([passed_over] if unlisted else []), *([more] if assignments.more else [])]


def assigned(assignments: Assignments) -> Iterator[Block]:
    """List assignments, and the reasons of those that failed."""
    if not assignments:
        yield Line("Nothing to assign: every open review is claimed.")
        return
    columns = (tables.TASK, tables.RISK, Column("needed role"), Column("assigned to"))
    yield Table(columns, [_assigned_row(each) for each in assignments])
    yield Line()
    for each in assignments:
        if each.why:
            yield Line(
                f"{inline(task_name(each.review.task_id, each.review.case_id))}: {each.why}",
                "" if each.to else "yellow",
            )
    people = {each.to for each in assignments if each.to}
    number = sum(each.to is not None for each in assignments)
    yield Line(f"Assigned {count(number, 'review')} to {count(len(people), 'reviewer')}.")
    for sentence in left_out(assignments):
        yield Line(f"{sentence[:1].upper()}{sentence[1:]}.")


def selected(rows: Sequence[StoredReview], decision: str) -> Iterator[Block]:
    """List the reviews that are about to receive the same decision."""
    columns = (
        tables.TASK,
        tables.RISK,
        tables.CONFIDENCE,
        Column("proposal", gives_way=True),
        Column("description", gives_way=True),
    )
    yield Table(columns, [_selected_row(row) for row in rows])
    for row in rows:
        yield from blocks.flagged(row.shown.task.task_id, row.shown.model_dump(mode="json"))
    yield Line()
    yield Line(f"{count(len(rows), 'case')} to {decision}.")


def decided(cases: Sequence[Case]) -> Iterator[Block]:
    """List cases that received the same decision."""
    yield tables.cases_table(cases)
    yield Line()
    yield Line(f"Recorded for {count(len(cases), 'case')}.")


def _assigned_row(assignment: Assignment) -> tuple[Cell, ...]:
    request = assignment.review
    to = Cell(assignment.to) if assignment.to else Cell("-", "yellow")
    return (
        Cell(task_name(request.task_id, request.case_id), quoted=True),
        blocks.risk(request.risk_level),
        Cell(request.needed_role),
        to,
    )


def _selected_row(row: StoredReview) -> tuple[Cell, ...]:
    routing, task = row.shown.routing, row.shown.task
    return (
        Cell(task_name(task.task_id, row.case_id), quoted=True),
        blocks.risk(routing.risk_level),
        Cell(confidence(routing.score.confidence)),
        Cell(routing.output.agent_output.predicted_label if routing.output else "(none)"),
        Cell(task.task_description),
    )
