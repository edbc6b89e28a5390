"""`hitl feedback` and `hitl insights`: what agents, and what a team of reviewers, can learn from what was decided."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count, duration
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.insights.feedback import Feedback
from hitl_orchestrator.insights.reviewer_quality import QualitySignal, ReviewerQuality, Share, reviewer_quality


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


def insights(session: Session) -> None:
    """Tell how carefully each person reviews."""
    with session.open() as hitl:
        found = reviewer_quality([*hitl.records(), *hitl.records(probes=True)])
    answer(session.as_json, [one.model_dump(mode="json") for one in found], lambda: _care(found))


def _care(found: Sequence[ReviewerQuality]) -> Iterator[Block]:
    if not found:
        yield Line("Nobody has reviewed a case yet.")
        return
    columns = (
        Column("reviewer"),
        Column("cases", right=True),
        Column("median", right=True),
        Column("agrees with agent"),
        Column("with peers"),
        Column("let pass"),
    )
    yield Table(columns, [_care_row(one) for one in found])
    yield Line()
    for one in found:
        for signal in one.signals:
            yield Line(f"{one.reviewer}: {_SIGNALS[signal]}", "yellow")
    yield Line(
        "A signal is a reason to look, and no proof. 'let pass' counts planted errors that were approved.", "dim"
    )


def _care_row(one: ReviewerQuality) -> tuple[Cell, ...]:
    seconds = "-" if one.median_seconds is None else duration(one.median_seconds)
    shares = (one.with_agent, one.with_peers, one.gold_errors_approved)
    return (Cell(one.reviewer), Cell(str(one.cases)), Cell(seconds), *map(_share, shares))


def _share(one: Share) -> Cell:
    return Cell("-", "dim") if one.share is None else Cell(f"{one.share:.0%} of {one.of}")


_SIGNALS = {
    QualitySignal.FAST: "answers faster than what is shown can be read",
    QualitySignal.APPROVES_GOLD_ERRORS: "approves errors that were planted",
    QualitySignal.ALWAYS_AGREES: "surely agrees with the agent nearly always",
    QualitySignal.APART_FROM_PEERS: "surely disagrees with others about the same cases",
}
