"""`hitl policy test` and `hitl policy simulate` as they are typed."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.options import AsJson, Reviewers, session_of

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
    from hitl_orchestrator.cli import policy_testing as doing  # noqa: PLC0415

    session = session_of(context, policy=policy, reviewers=reviewers, as_json=as_json)
    doing.test(session, paths or [], doing.Asked(coverage, min_coverage, write_boundaries))
