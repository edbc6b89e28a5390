"""`hitl simulate` as it is typed."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, session_of


def simulate(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3660, help="How many days tasks come in.")] = 30,
    tasks_per_day: Annotated[
        int, typer.Option("--tasks-per-day", metavar="N", min=0, max=100_000, help="How many come in on each of them.")
    ] = 500,
    reviewers_count: Annotated[
        int, typer.Option("--reviewers-count", metavar="N", min=3, max=1000, help="How many people review them.")
    ] = 20,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed is another month; the same is the same.")] = 0,
    strategy: Annotated[
        str, typer.Option(metavar="HOW", help="push: cases are handed out. pull: people take the next one themselves.")
    ] = "push",
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="FILE", help="The routing policy to try. Default: a built-in one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Live through some weeks of a simulated organization.

    Simulated people review simulated tasks on a simulated clock: some are on holiday, fall ill, or leave a case and go.
    It shows their load, how long cases waited, and what came of them. Nothing is stored. Exit code 1 where a case got
    lost or the ledger is not sound.
    """
    from hitl_orchestrator.cli.commands.cases import simulate as doing  # noqa: PLC0415

    asked = {"days": days, "tasks_per_day": tasks_per_day, "seed": seed, "strategy": strategy}
    doing.simulate(session_of(context, policy=policy, as_json=as_json), asked, reviewers_count)
