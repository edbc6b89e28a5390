"""`hitl simulate`: a simulated organization of reviewers on a simulated clock."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.commands.cases.demo import TRY_OUT
from hitl_orchestrator.cli.context import command, option
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "simulate", ("reviewers",), panel=TRY_OUT)
def simulate(
    session: "Session",
    days: Annotated[int, option("N", "Days on which tasks are submitted.", min=1, max=3660)] = 30,
    tasks_per_day: Annotated[int, option("N", "Tasks per day.", "--tasks-per-day", min=0, max=100_000)] = 500,
    reviewers_count: Annotated[int, option("N", "Number of reviewers.", "--reviewers-count", min=3, max=1000)] = 20,
    seed: Annotated[int, option("N", "Random seed; the same seed gives the same result.")] = 0,
    strategy: Annotated[str, option("HOW", "push: cases are assigned. pull: reviewers take the next case.")] = "push",
    policy: Annotated[str | None, option("FILE", "Routing policy. Default: a built-in one.", "--policy")] = None,
) -> None:
    """Simulate an organization of reviewers for some weeks.

    Simulated reviewers decide simulated tasks on a simulated clock; some are on holiday, fall ill, or leave a case
    undecided. The result shows their load, the waiting times and the outcomes. Nothing is stored. Exit code 1 if a case
    was lost or the ledger verification failed.
    """
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.cli.views.simulation import report
    from hitl_orchestrator.domain.input.parsing import parse
    from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
    from hitl_orchestrator.testing import DEFAULT_POLICY, Scenario
    from hitl_orchestrator.testing import simulate as run_scenario

    options = {"days": days, "tasks_per_day": tasks_per_day, "seed": seed, "strategy": strategy}
    scenario = parse(Scenario, options, "simulate")
    named = policy or session.typed.policy
    # The built-in policy names the roles of the bundled people.
    chain = DEFAULT_CHAIN if named is None else session.people().chain
    if reviewers_count < len(chain.roles):
        fewest = f"{len(chain.roles)} roles need at least as many reviewers"
        raise InvalidInput([f"--reviewers-count: {reviewers_count}: {fewest}; give {len(chain.roles)} or more"])
    total = scenario.days * max(1, scenario.tasks_per_day)
    with counted(total, "simulating", worth=1) as on_cases:
        outcome = run_scenario(
            scenario,
            scenario.staff(reviewers_count, chain),
            policy=named or DEFAULT_POLICY,
            chain=chain,
            on_day=lambda day: on_cases(total // scenario.days if day <= scenario.days else 0),
        )
    data = {"scenario": scenario.model_dump(mode="json"), **outcome.model_dump(mode="json")}
    answer(session.as_json, data, lambda: report(scenario, outcome))
    if outcome.lost or not outcome.sound:
        raise typer.Exit(NO)
