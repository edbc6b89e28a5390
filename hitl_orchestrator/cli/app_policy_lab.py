"""`hitl policy test` and `hitl policy simulate` as they are typed."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, Reviewers, session_of

rehearsing = typer.Typer(rich_markup_mode=None)


@rehearsing.command("test")
def policy_test(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Tables of tests, or folders of them. Default: below this folder."),
    ] = None,
    *,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="FILE", help="Test this policy, whatever the tables name.")
    ] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Tell what no test has tried.")] = False,
    min_coverage: Annotated[
        float | None,
        typer.Option("--min-coverage", metavar="N", min=0, max=100, help="Fail below so many percent."),
    ] = None,
    write_boundaries: Annotated[
        str | None,
        typer.Option("--write-boundaries", metavar="FILE", help="Write tests beside each bound, to be reviewed."),
    ] = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests of a policy.

    A table, *.policy-test.yaml or *.policy-test.csv, says which facts must lead to which action, role and rule.
    Exit code 1 where one fails, or too little was tried.
    """
    from hitl_orchestrator.cli.commands.policy import test as doing  # noqa: PLC0415

    session = session_of(context, policy=policy, reviewers=reviewers, as_json=as_json)
    doing.test(session, paths or [], doing.Asked(coverage, min_coverage, write_boundaries))


@rehearsing.command("simulate")
def policy_simulate(
    context: typer.Context,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy to run_backtest, JSON or YAML.")],
    *,
    past: Annotated[
        str,
        typer.Option("--on", metavar="STORE|FILE", help="Past cases: a store, or what 'hitl audit export' wrote."),
    ],
    old: Annotated[
        str | None,
        typer.Option("--old", metavar="FILE", help="Compare with this policy. Default: with what was recorded."),
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option(
            "--capacity",
            metavar="ROLE=N",
            help="Cases a day that a role can do; ROLE=3x40 for three people. Once for each role.",
        ),
    ] = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse a policy on all past cases.

    It tells which cases would go another way, how much each role would have to do and how long cases would wait, and
    how many errors would escape, as far as the reviews there are can tell. Nothing is stored. Needs the extra lab.
    """
    from hitl_orchestrator.cli.commands.policy import backtest as doing  # noqa: PLC0415

    session = session_of(context, reviewers=reviewers, as_json=as_json)
    doing.simulate(session, doing.Asked(new, past, old, capacity or []))
