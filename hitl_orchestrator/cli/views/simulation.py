"""The result of a simulation: cases, waiting times and reviewer load as tables and bars."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output.blocks import OUTCOME_STYLE, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count, share, wait
from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.testing import Load, Outcome, Scenario

BAR, _EIGHTHS = 16, " ▏▎▍▌▋▊▉"


def report(scenario: Scenario, outcome: Outcome) -> Iterator[Block]:
    """Describe the result of a simulation."""
    days_after = outcome.simulated_days - scenario.days
    after = f", and {count(days_after, 'day')} more until the last decision" if days_after else ""
    yield Line(
        f"{count(scenario.days, 'day')} with {count(scenario.tasks_per_day, 'task')} each{after}; "
        f"{count(len(outcome.loads), 'reviewer')}, {scenario.strategy}, seed {scenario.seed}.",
        "bold",
    )
    yield Line()
    yield _cases(outcome)
    yield Line()
    yield _waits(outcome)
    yield Line()
    yield _loads(outcome)
    yield Line()
    yield from _problems(outcome)


def _cases(outcome: Outcome) -> Table:
    by_outcome = [(name, number) for name, number in sorted(outcome.outcomes.items(), key=lambda each: -each[1])]
    rows = [
        ("submitted", outcome.came_in, ""),
        ("  approved automatically", outcome.went_ahead, ""),
        ("  decided by reviewers", outcome.reviewed, ""),
        ("  wait at the top of the chain", outcome.at_the_top, "bold" if outcome.at_the_top else "dim"),
        ("  wait below it", outcome.waiting - outcome.at_the_top, "bold red" if outcome.waiting else "dim"),
        ("  lost", outcome.lost, "bold red" if outcome.lost else "dim"),
        *((f"ended as {name}", number, OUTCOME_STYLE.get(name, "green")) for name, number in by_outcome),
    ]
    columns = (Column("cases"), Column("", right=True), Column("of all", right=True))
    return Table(
        columns,
        [
            (Cell(name, style), Cell(f"{number:,}", style), Cell(share(number, outcome.came_in, 1), style))
            for name, number, style in rows
        ],
    )


def _waits(outcome: Outcome) -> Table:
    waited = outcome.waited
    named = (("median", waited.median), ("90 %", waited.p90), ("99 %", waited.p99), ("longest", waited.longest))
    columns = (Column("waited for a reviewer"), *(Column(name, right=True) for name, _ in named))
    limits = (Cell("-" if seconds is None else wait(seconds)) for _, seconds in named)
    return Table(columns, [(Cell("at most"), *limits)])


def _loads(outcome: Outcome) -> Table:
    most = max((load.answers for load in outcome.loads), default=0)
    columns = (
        Column("reviewer"),
        Column("role and domain", folds=True, gives_way=True),
        Column("days", right=True),
        Column("answers", right=True),
        Column("load"),
        Column("busy", right=True),
        Column("wrong", right=True),
    )
    rows, before = [], ""
    for load in outcome.loads:
        where = ", ".join([*load.roles, *(domain for domain in load.domains if domain != "*")])
        rows.append(_load(load, "" if where == before else where, most))
        before = where
    return Table(columns, rows)


def _load(load: Load, where: str, most: int) -> tuple[Cell, ...]:
    return (
        Cell(load.reviewer_id),
        Cell(where),
        Cell(str(len(load.days))),
        Cell(f"{load.answers:,}"),
        Cell(bar(load.answers, most), "cyan"),
        Cell("-" if load.busy is None else percent(load.busy)),
        Cell(share(load.wrong, load.answers, 1)),
    )


def bar(value: int, most: int, width: int = BAR) -> str:
    """Draw `value` as a bar that is full at `most`, to an eighth of a character."""
    eighths = round(value / most * width * 8) if most else 0
    full, rest = divmod(eighths, 8)
    return ("█" * full + _EIGHTHS[rest].strip()).ljust(width)


def _problems(outcome: Outcome) -> Iterator[Line]:
    yield Line(
        f"{count(outcome.escalated, 'case')} escalated, {count(outcome.overdue, 'review')} overdue, "
        f"{count(outcome.lapsed, 'claim')} lapsed."
    )
    if outcome.refused:
        why = ", ".join(f"{number} {name}" for name, number in outcome.refused.items())
        yield Line(f"Rejected decisions: {why}.")
    agent, people = (outcome.wrong.get(who, 0) for who in ("agent", "people"))
    yield Line(
        f"Wrongly approved: {agent:,} approved automatically "
        f"({share(agent, outcome.went_ahead, 1)}), "
        f"{people:,} approved by reviewers ({share(people, outcome.reviewed, 1)})."
    )
    if not outcome.sound:
        yield Line("The ledger verification failed.", "bold red")
