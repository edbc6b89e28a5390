"""`hitl policy backtest`: apply a policy to past cases, and compare the decisions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, argument, command, option
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.roles import RoleChain
    from hitl_orchestrator.insights import Capacity

group = typer.Typer()


@command(group, "backtest", STORE_AND_PEOPLE)
def backtest(
    session: "Session",
    new: Annotated[str, argument("NEW", "The policy to test: JSON or YAML.")],
    past: Annotated[str | None, option("FILE", "Past cases from 'hitl audit export', not the store.", "--on")] = None,
    old: Annotated[str | None, option("FILE", "Compare with this policy, not the recorded decisions.", "--old")] = None,
    capacity: Annotated[
        list[str] | None,
        option("ROLE=N", "Cases a role can decide per day; 3x40 for three reviewers.", "--capacity"),
    ] = None,
) -> None:
    """Apply a policy to past cases and compare.

    It reports which cases would be routed differently, the load and waiting time of each role, and an estimate of the
    errors that would escape, from past reviews. Nothing is stored. Needs the extra lab.
    """
    from hitl_orchestrator.backtest import require_polars, run_backtest, scan
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.cli.views.policies.backtest import report
    from hitl_orchestrator.orchestrator import load_policy, printable_url

    require_polars()
    roles = (session.people() if past is None else session.people_for_files()).chain
    policy, other = load_policy(new, roles), None if old is None else load_policy(old, roles)
    capacities = _capacities(capacity or [], roles)
    if past is not None:
        on_file = f"--on {past}"
        result = run_backtest(policy, [scan(past)], old=other, capacity=capacities, roles=roles, where=on_file)
        note("an export has finished cases only: reviews that were due and are still open are not in these figures")
    else:
        where = f"store {printable_url(session.store)!r}"
        with session.audit() as audit, counted(audit.cases(), "backtesting") as on_cases:
            result = audit.backtest(policy, old=other, capacity=capacities, roles=roles, where=where, on_cases=on_cases)
    answer(session.as_json, result.model_dump(mode="json"), lambda: report(result, old))


def _capacities(options: Sequence[str], roles: "RoleChain") -> "dict[str, Capacity]":
    from hitl_orchestrator.domain.input.parsing import did_you_mean
    from hitl_orchestrator.insights import capacity_of

    pairs = [capacity_of(option) for option in options]
    named, valid = [role for role, _ in pairs], ", ".join(roles.roles)
    problems = [
        f"--capacity: {role!r} is not one of {valid}{did_you_mean(role, roles.roles)}"
        for role in named
        if role not in roles.roles
    ]
    repeated = [role for role in dict.fromkeys(named) if named.count(role) > 1]
    problems += [f"--capacity: {role!r} is given {named.count(role)} times; give it once" for role in repeated]
    if problems:
        raise InvalidInput(problems)
    return dict(pairs)
