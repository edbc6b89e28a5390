"""`hitl policy test`: run test tables, measure their coverage, and write boundary tests."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, argument, command, option
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "test", STORE_AND_PEOPLE)
def run_tests(
    session: "Session",
    paths: Annotated[
        list[str] | None, argument("PATHS", "Test tables or folders. Default: the current folder.")
    ] = None,
    policy: Annotated[str | None, option("FILE", "Test this policy, whatever the tables name.", "--policy")] = None,
    coverage: Annotated[bool, option(None, "List what no test covers.", "--coverage")] = False,
    min_coverage: Annotated[
        float | None, option("N", "Required coverage in percent.", "--min-coverage", min=0, max=100)
    ] = None,
    write_boundaries: Annotated[
        str | None, option("FILE", "Write tests at each bound, for review.", "--write-boundaries")
    ] = None,
) -> None:
    """Run the tests of a policy.

    A table, *.policy-test.yaml or *.policy-test.csv, lists facts and the expected action, role and rule. Exit code 1 if
    a test fails or the coverage is too low.
    """
    from hitl_orchestrator.cli.commands.policy.test_run import coverage_of, load_tables, run_table, write_tests
    from hitl_orchestrator.cli.views.policies import tests as view
    from hitl_orchestrator.orchestrator import load_policy

    roles, path = session.people_for_files().chain, policy or session.typed.policy
    named = None if path is None else load_policy(path, roles)
    # Boundary tests of a named policy need no tables, so only tables that were named are read.
    default = [] if write_boundaries is not None and named is not None else ["."]
    started = perf_counter()
    tables = load_tables(paths or default, roles, named)
    if write_boundaries is not None:
        number = write_tests(write_boundaries, path, named, tables, roles)
        sentence = f"{count(number, 'test')} written to {write_boundaries}: the current decisions, for you to review."
        answer(session.as_json, {"file": write_boundaries, "tests": number}, lambda: [Line(sentence)])
        return
    _check_any(tables)
    files = [run_table(table, roles) for table in tables]
    seconds = perf_counter() - started
    covered = coverage_of(files, roles) if coverage or min_coverage is not None else []
    plain = view.plain(files, covered, seconds)
    answer(session.as_json, plain, lambda: view.report(files, covered, min_coverage, seconds))
    if any(file.failed for file in files) or any(each.percent < (min_coverage or 0) for _, each in covered):
        raise typer.Exit(NO)


def _check_any(tables: Sequence[object]) -> None:
    from hitl_orchestrator.policies import TEST_FILE_ENDINGS

    if not tables:
        raise InvalidInput([f"no tests found; name a test table, *{' or *'.join(TEST_FILE_ENDINGS)}"])
