"""Executions of approved calls, as a table and within a case."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline, quotation
from hitl_orchestrator.cli.output.formatting import count, local_minute, local_time
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.domain.review import Page

_STYLE = {
    ExecutionStatus.STARTED: "cyan",
    ExecutionStatus.FINISHED: "green",
    ExecutionStatus.FAILED: "red",
    ExecutionStatus.UNKNOWN: "yellow",
}


def executions(page: Page[Execution], session: Session) -> Iterator[Block]:
    """List executions, and name the questions that wait for a reviewer."""
    if not page:
        yield Line("No executions.")
        return
    columns = (
        Column("task", gives_way=True, folds=True),
        Column("status"),
        Column("started"),
        Column("ended"),
        Column("case"),
    )
    yield Table(columns, [_row(each) for each in page])
    for each in page:
        if each.status is ExecutionStatus.UNKNOWN and each.check_id is not None:
            yield Line(f"Did {inline(each.task_id)} happen? A reviewer decides it:", "yellow")
            yield Line(session.command("show", each.check_id), COMMAND, indent=2)
    yield Line(f"{count(len(page), 'execution')}.")
    if page.more:
        yield Line(more_follow(page))


def more_follow(page: Page[Execution]) -> str:
    """Return how to get the next page."""
    return f"More follow: --after {page[-1].case_id}"


def of_case(execution: Execution) -> Iterator[Block]:
    """Describe the execution of one case."""
    yield Line()
    yield Line("Execution", "bold")
    ended = "" if execution.ended_at is None else f", ended {local_time(execution.ended_at)}"
    status = f"{execution.status}: started {local_time(execution.started_at)} by {inline(execution.holder)}{ended}"
    yield Line(status, _STYLE[execution.status], indent=2)
    if execution.error:
        yield from quotation(execution.error, indent=4)
    if execution.check_id is not None:
        yield Line(f"whether it happened was asked in case {execution.check_id}", indent=2)


def _row(each: Execution) -> tuple[Cell, ...]:
    ended = "" if each.ended_at is None else local_minute(each.ended_at)
    status = Cell(each.status.value, _STYLE[each.status])
    return (Cell(each.task_id), status, Cell(local_minute(each.started_at)), Cell(ended), Cell(each.case_id))
