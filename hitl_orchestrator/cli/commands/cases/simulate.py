"""`hitl simulate`: a simulated organization at work, and what came of it as tables, bars and quantiles."""

from collections.abc import Iterator
from typing import Any

import typer

from hitl_orchestrator.cli.output.blocks import OUTCOME_STYLE, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count, wait
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.testing import Load, Outcome, Scenario
from hitl_orchestrator.testing import simulate as live_through
from hitl_orchestrator.testing.scenario import POLICY

BAR, _EIGHTHS = 16, " ▏▎▍▌▋▊▉"


def simulate(session: Session, asked: dict[str, Any], reviewers: int) -> None:
    """Run the scenario that was asked for in memory, and tell what came of it."""
    scenario = parse(Scenario, asked, "simulate")
    total = scenario.days * max(1, scenario.tasks_per_day)
    with counted(total, "simulating", worth=1) as on_cases:
        outcome = live_through(
            scenario,
            scenario.staff(reviewers),
            policy=session.given.policy or POLICY,
            on_day=lambda day: on_cases(total // scenario.days if day <= scenario.days else 0),
        )
    data = {"scenario": scenario.model_dump(mode="json"), **outcome.model_dump(mode="json")}
    answer(session.as_json, data, lambda: report(scenario, outcome))
    if outcome.lost or not outcome.sound:
        raise typer.Exit(NO)


def report(scenario: Scenario, outcome: Outcome) -> Iterator[Block]:
    """Tell what came of a simulation."""
    went_on = outcome.simulated_days - scenario.days
    after = f", and {count(went_on, 'day')} more until all was done" if went_on else ""
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
    yield from _troubles(outcome)


def _cases(outcome: Outcome) -> Table:
    by_people = [(name, number) for name, number in sorted(outcome.outcomes.items(), key=lambda each: -each[1])]
    rows = [
        ("came in", outcome.came_in, ""),
        ("  went ahead by themselves", outcome.went_ahead, ""),
        ("  decided by people", outcome.reviewed, ""),
        ("  wait at the top of the chain", outcome.at_the_top, "bold" if outcome.at_the_top else "dim"),
        ("  wait below it", outcome.waiting - outcome.at_the_top, "bold red" if outcome.waiting else "dim"),
        ("  lost", outcome.lost, "bold red" if outcome.lost else "dim"),
        *((f"ended as {name}", number, OUTCOME_STYLE.get(name, "green")) for name, number in by_people),
    ]
    columns = (Column("cases"), Column("", right=True), Column("of all", right=True))
    return Table(
        columns,
        [
            (Cell(name, style), Cell(f"{number:,}", style), Cell(_share(number, outcome.came_in), style))
            for name, number, style in rows
        ],
    )


def _waits(outcome: Outcome) -> Table:
    waited = outcome.waited
    named = (("half of them", waited.median), ("90 %", waited.p90), ("99 %", waited.p99), ("all", waited.longest))
    columns = (Column("waited for a person"), *(Column(name, right=True) for name, _ in named))
    told = (Cell("-" if seconds is None else wait(seconds)) for _, seconds in named)
    return Table(columns, [(Cell("at most"), *told)])


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
        Cell("-" if load.busy is None else f"{load.busy:.0%}"),
        Cell(_share(load.wrong, load.answers)),
    )


def bar(value: int, most: int, width: int = BAR) -> str:
    """Draw a share of the most as a bar, to an eighth of a character."""
    eighths = round(value / most * width * 8) if most else 0
    full, rest = divmod(eighths, 8)
    return ("█" * full + _EIGHTHS[rest].strip()).ljust(width)


def _troubles(outcome: Outcome) -> Iterator[Line]:
    yield Line(
        f"{count(outcome.escalated, 'case')} passed up, {count(outcome.overdue, 'review')} overdue, "
        f"{count(outcome.lapsed, 'claim')} lapsed."
    )
    if outcome.refused:
        why = ", ".join(f"{number} {name}" for name, number in outcome.refused.items())
        yield Line(f"Answers that were refused: {why}.")
    agent, people = (outcome.wrong.get(who, 0) for who in ("agent", "people"))
    yield Line(
        f"Approved, and should not have been: {agent:,} that went ahead by themselves "
        f"({_share(agent, outcome.went_ahead)}), {people:,} that people looked at ({_share(people, outcome.reviewed)})."
    )
    if not outcome.sound:
        yield Line("The ledger does not verify.", "bold red")


def _share(number: int, of_all: int) -> str:
    return f"{number / of_all:.1%}" if of_all else "-"
