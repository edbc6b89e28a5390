"""Feedback for agents, and measurements of reviewers, as tables."""

from collections.abc import Callable, Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights import NEEDED, Decider, Feedback, Metrics, QualitySignal, ReviewerQuality, Share

NOTHING_YET = "No case has been reviewed yet."


def feedback(rows: Sequence[Feedback]) -> Iterator[Block]:
    """List the feedback of reviewed cases."""
    if not rows:
        yield Line(NOTHING_YET)
        return
    columns = (
        Column("task", gives_way=True, folds=True),
        Column("agent was"),
        Column("error"),
        Column("notes", gives_way=True),
    )
    yield Table(columns, [_feedback_row(row) for row in rows])
    correct = sum(row.agent_correct for row in rows)
    yield Line()
    yield Line(f"The agent was right in {correct} of {count(len(rows), 'reviewed case')}.")


def reviewers(metrics: Metrics) -> Iterator[Block]:
    """List what each person decided, then the measurements of care and warnings, which leave replayed cases out."""
    rows = metrics.reviewers
    if not metrics.deciders and not rows:
        yield Line(NOTHING_YET)
        return
    if metrics.deciders:
        yield Line("Who decided what:", "bold")
        yield from deciders(metrics)
        yield Line()
    if not rows:
        yield Line("How carefully they looked is not known: replayed decisions are records, not work here.", "dim")
        return
    yield Line("Care, without replayed decisions:" if metrics.cases.replayed else "Care:", "bold")
    columns = (
        Column("reviewer"),
        Column("cases", right=True),
        Column("median", right=True),
        Column("agrees with agent"),
        Column("with peers"),
        Column("missed errors"),
    )
    yield Table(columns, [_reviewer_row(row, metrics) for row in rows])
    yield Line()
    for row in rows:
        for signal in row.signals:
            yield Line(f"{inline(metrics.known_as(row.reviewer))}: {_SIGNALS[signal]}", "yellow")
    yield from _needed(metrics)
    yield Line("A warning is a reason to look, not a proof. 'missed errors' counts approved gold cases.", "dim")


def deciders(metrics: Metrics, most: int | None = None) -> Iterator[Block]:
    """List what each person decided, at most so many people; replayed decisions are marked."""
    words = ("approve", "modify", "override", "reject")
    replayed = any(row.replayed for row in metrics.deciders)
    marked = (Column("replayed", right=True),) if replayed else ()
    columns = (Column("person", gives_way=True, folds=True), Column("decided", right=True))
    yield Table(
        (*columns, *(Column(word, right=True) for word in words), *marked),
        [_decider_row(row, words, metrics, replayed=replayed) for row in metrics.deciders[:most]],
    )
    if most is not None and len(metrics.deciders) > most:
        yield Line(f"and {count(len(metrics.deciders) - most, 'person', 'people')} more", "dim", indent=2)


def _decider_row(row: Decider, words: Sequence[str], metrics: Metrics, *, replayed: bool) -> tuple[Cell, ...]:
    person = Cell("(not named)", "dim") if row.person is None else Cell(metrics.named(row.person) or "", quoted=True)
    numbers = [row.cases, *(getattr(row, word) for word in words), *([row.replayed] if replayed else [])]
    return (person, *(Cell(f"{number:,}", "" if number else "dim") for number in numbers))


def _needed(metrics: Metrics) -> Iterator[Block]:
    """Name the measurements that too few cases support, with the number needed and those present."""
    for signal, (what, noun, present) in _ENOUGH.items():
        short = [
            f"{inline(metrics.known_as(row.reviewer))} {present(row)}"
            for row in metrics.reviewers
            if signal in row.not_enough_data
        ]
        if short:
            yield Line(
                f"No warning yet about {what}: it needs {NEEDED[signal]} {noun}; present: {', '.join(short)}.", "dim"
            )


def _feedback_row(row: Feedback) -> tuple[Cell, ...]:
    was = Cell("right", "green") if row.agent_correct else Cell("overruled" if row.human_override else "wrong", "red")
    return (
        Cell(row.task_id, quoted=True),
        was,
        Cell(row.error_type or "-", quoted=row.error_type is not None),
        Cell(row.notes or "-", "" if row.notes else "dim", quoted=bool(row.notes)),
    )


def _reviewer_row(row: ReviewerQuality, metrics: Metrics) -> tuple[Cell, ...]:
    seconds = "-" if row.median_seconds is None else duration_text(row.median_seconds)
    shares = (row.with_agent, row.with_peers, row.gold_errors_approved)
    return (
        Cell(metrics.known_as(row.reviewer), quoted=True),
        Cell(str(row.cases)),
        Cell(seconds),
        *map(_share, shares),
    )


def _share(share: Share) -> Cell:
    return Cell("-", "dim") if share.share is None else Cell(f"{percent(share.share)} of {share.of}")


_SIGNALS = {
    QualitySignal.FAST: "decides faster than the content can be read",
    QualitySignal.APPROVES_GOLD_ERRORS: "approves gold cases with errors",
    QualitySignal.ALWAYS_AGREES: "agrees with the agent nearly always",
    QualitySignal.APART_FROM_PEERS: "disagrees with other reviewers about the same cases",
}


_ENOUGH: dict[QualitySignal, tuple[str, str, Callable[[ReviewerQuality], int]]] = {
    QualitySignal.FAST: ("reading time", "timed cases", lambda row: row.timed),
    QualitySignal.APPROVES_GOLD_ERRORS: (
        "gold cases",
        "gold cases with errors",
        lambda row: row.gold_errors_approved.of,
    ),
    QualitySignal.ALWAYS_AGREES: ("agreement with the agent", "cases", lambda row: row.with_agent.of),
    QualitySignal.APART_FROM_PEERS: ("agreement with peers", "compared cases", lambda row: row.with_peers.of),
}
