"""`hitl policy backtest`: apply a policy to past cases, and compare the decisions."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import argument, command, option
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.roles import RoleChain
    from hitl_orchestrator.insights import Capacity

group = typer.Typer()
_FILES = (".parquet", ".jsonl", ".ndjson")


@command(group, "backtest", ("reviewers",))
def backtest(
    session: "Session",
    new: Annotated[str, argument("NEW", "The policy to test: JSON or YAML.")],
    past: Annotated[str, option("STORE|FILE", "Past cases: a store, or a file from 'hitl audit export'.", "--on")],
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
    from hitl_orchestrator.orchestrator import load_people, load_policy

    require_polars()
    roles = load_people(session.reviewers).chain
    policy, other = load_policy(new, roles), None if old is None else load_policy(old, roles)
    capacities, where = _capacities(capacity or [], roles), f"--on {past}"
    if Path(past).suffix in _FILES:
        result = run_backtest(policy, [scan(past)], old=other, capacity=capacities, roles=roles, where=where)
    else:
        with session.on(past).audit() as audit, counted(audit.cases(), "backtesting") as on_cases:
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
