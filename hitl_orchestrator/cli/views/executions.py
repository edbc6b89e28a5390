"""Executions of approved calls, as a table and within a case."""

import json
from collections.abc import Iterator, Mapping

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline, quotation
from hitl_orchestrator.cli.output.formatting import count, local_time
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.content import SHORT_ID, task_name
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.domain.review import Page
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.errors import shortened

_MOST_OF_RESULT = 60
_STYLE = {
    ExecutionStatus.STARTED: "cyan",
    ExecutionStatus.FINISHED: "green",
    ExecutionStatus.FAILED: "red",
    ExecutionStatus.UNKNOWN: "yellow",
}


def executions(page: Page[Execution], calls: Mapping[str, str], session: Session) -> Iterator[Block]:
    """List executions, and name the questions that wait for a reviewer. `calls` has the call of each case."""
    if not page:
        yield Line("No executions.")
        return
    columns = (
        Column("case", gives_way=True, folds=True),
        Column("call", gives_way=True),
        Column("status"),
        Column("result or error", gives_way=True),
        Column("started", optional=True),
        Column("took", right=True, optional=True),
    )
    yield Table(columns, [_row(each, calls.get(each.case_id)) for each in page])
    for each in page:
        if each.status is ExecutionStatus.UNKNOWN and each.check_id is not None:
            name = inline(task_name(each.task_id, each.case_id))
            yield Line(f"A reviewer is asked whether {name} happened:", "yellow")
            yield Line(session.command("show", each.check_id[:SHORT_ID]), COMMAND, indent=2)
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


def _row(each: Execution, call: str | None) -> tuple[Cell, ...]:
    return (
        Cell(task_name(each.task_id, each.case_id)),
        Cell(call or "-", quoted=True),
        Cell(each.status.value, _STYLE[each.status]),
        Cell(_ending(each), quoted=True),
        Cell(f"{each.started_at.astimezone():%b %d %H:%M}"),
        Cell("-" if each.ended_at is None else duration_text((each.ended_at - each.started_at).total_seconds())),
    )


def _ending(each: Execution) -> str:
    """Return the error or the result of an execution, on one line."""
    result = json.dumps(each.result, ensure_ascii=False) if each.has_result else "-"
    return shortened(" ".join((each.error or result).split()), _MOST_OF_RESULT)
