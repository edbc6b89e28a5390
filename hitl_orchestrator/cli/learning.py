"""`hitl feedback` and `hitl insights`: what agents, and what a team of reviewers, can learn from what was decided."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.answer import answer
from hitl_orchestrator.cli.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.words import count
from hitl_orchestrator.review.feedback import Feedback


def feedback(session: Session) -> None:
    """List the feedback of every reviewed case."""
    with session.open() as hitl:
        found = list(hitl.feedback())
    answer(session.as_json, [one.model_dump(mode="json") for one in found], lambda: _told(found))


def _told(found: Sequence[Feedback]) -> Iterator[Block]:
    if not found:
        yield Line("Nobody has reviewed a case yet.")
        return
    columns = (
        Column("task", gives_way=True, folds=True),
        Column("agent was"),
        Column("error"),
        Column("notes", gives_way=True),
    )
    yield Table(columns, [_row(one) for one in found])
    right = sum(one.agent_correct for one in found)
    yield Line()
    yield Line(f"{count(len(found), 'reviewed case')}: the agent was right in {right}.")


def _row(one: Feedback) -> tuple[Cell, ...]:
    was = Cell("right", "green") if one.agent_correct else Cell("overruled" if one.human_override else "wrong", "red")
    return Cell(one.task_id), was, Cell(one.error_type or "-"), Cell(one.notes or "-", "" if one.notes else "dim")
