"""What people read about the work of a team: who holds what, and what is decided together. Pure."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import confidence, count, moment
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.services.reviews.assignments import Assignment


def held(row: StoredReview) -> Line:
    """Tell who holds a review."""
    until = f" until {moment(row.claimed_until)}" if row.claimed_until else ""
    given = f"; let go, it goes back to {row.delegated_by}" if row.delegated_by else ""
    return Line(f"{row.claimed_by} has {row.shown.task.task_id}{until}{given}.")


def assigned(given: Sequence[Assignment]) -> Iterator[Block]:
    """Tell who got what, and why something went to nobody."""
    if not given:
        yield Line("Nothing to give out: every open review is claimed.")
        return
    columns = (views.TASK, Column("for"), views.RISK, Column("held by"))
    yield Table(columns, [_assigned_row(one) for one in given])
    yield Line()
    for one in given:
        if one.why:
            yield Line(f"{one.row.shown.task.task_id}: {one.why}", "" if one.to else "yellow")
    people = {one.to for one in given if one.to}
    got = sum(one.to is not None for one in given)
    yield Line(f"Gave {count(got, 'review')} to {count(len(people), 'person', 'people')}.")


def together(rows: Sequence[StoredReview], decision: str) -> Iterator[Block]:
    """List what is about to get one answer, one by one."""
    columns = (
        views.TASK,
        views.RISK,
        views.CONFIDENCE,
        Column("proposal", gives_way=True),
        Column("what is asked", gives_way=True),
    )
    yield Table(columns, [_together_row(row) for row in rows])
    for row in rows:
        yield from blocks.flagged(row.shown.task.task_id, row.shown.model_dump(mode="json"))
    yield Line()
    yield Line(f"{count(len(rows), 'case')} to {decision}.")


def decided(cases: Sequence[Case]) -> Iterator[Block]:
    """Tell what became of cases that got one answer."""
    yield views.cases_table(cases)
    yield Line()
    yield Line(f"Recorded for {count(len(cases), 'case')}.")


def _assigned_row(one: Assignment) -> tuple[Cell, ...]:
    row = one.row
    held_by = Cell(one.to) if one.to else Cell("nobody", "yellow")
    return Cell(row.shown.task.task_id), Cell(row.role), blocks.risk(row.shown.routing.risk_level), held_by


def _together_row(row: StoredReview) -> tuple[Cell, ...]:
    routing, task = row.shown.routing, row.shown.task
    return (
        Cell(task.task_id),
        blocks.risk(routing.risk_level),
        Cell(confidence(routing.score.confidence)),
        Cell(routing.output.agent_output.predicted_label if routing.output else "(none)"),
        Cell(task.task_description),
    )
