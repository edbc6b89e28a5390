"""`hitl policy diff` and `hitl policy schema`."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import typer

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.policies import Policy, policy_hash
from hitl_orchestrator.policies.analysis.describe import describe_facts
from hitl_orchestrator.policies.analysis.diff import Difference, Direction, PolicyComparison, compare
from hitl_orchestrator.policies.language.json_schema import policy_json_schema
from hitl_orchestrator.wiring.build import load_people, load_policy

_STYLE = {Direction.LOOSER: "red", Direction.STRICTER: "green", Direction.OTHER: "yellow"}


def diff(session: Session, old_path: str, new_path: str) -> None:
    """Compare two policies, and exit with 1 where the new one is looser or could not be compared."""
    chain = load_people(session.reviewers).chain
    old, new = load_policy(old_path, chain), load_policy(new_path, chain)
    comparison = compare(old, new, chain)
    data = {
        "old": {"policy_id": old.policy_id, "policy_hash": policy_hash(old)},
        "new": {"policy_id": new.policy_id, "policy_hash": policy_hash(new)},
        "looser": comparison.may_loosen,
        "differences": [_plain(difference) for difference in comparison.differences],
        "unchecked": comparison.unchecked,
    }
    answer(session.as_json, data, lambda: _blocks(old, new, comparison))
    if comparison.may_loosen:
        raise typer.Exit(NO)


def schema(session: Session) -> None:
    """Print the JSON Schema, which is JSON whether or not it is asked for."""
    answer(True, policy_json_schema(), tuple)


def _plain(one: Difference) -> dict[str, Any]:
    return {
        "direction": one.direction,
        "before": one.before._asdict(),
        "after": one.after._asdict(),
        "aspects": one.aspects,
        "where": one.where,
        "example": one.example.to_json(),
    }


def _blocks(old: Policy, new: Policy, comparison: PolicyComparison) -> Iterator[Block]:
    yield Line(f"{old.policy_id} ({policy_hash(old)[:12]}) to {new.policy_id} ({policy_hash(new)[:12]}):", "bold")
    for one in comparison.differences:
        yield Line()
        yield Line(f"{one.direction}: {one.change}", _STYLE[one.direction], indent=2)
        for where in one.where:
            yield Line(f"for {where}", indent=4)
        yield Line(f"such as {describe_facts(one.example)}", "dim", indent=4)
    yield Line()
    counts = Counter(one.direction for one in comparison.differences)
    summary = ", ".join(f"{counts[way]} {way}" for way in Direction if counts[way])
    if summary:
        yield Line(f"{summary}.", "bold")
    elif not comparison.unchecked:
        yield Line("The answer to every case is unchanged.", "green")
    for problem in comparison.unchecked:
        yield Line(f"unchecked: {problem} (counts as looser)", "yellow")
