"""Differences between the decisions of two policies."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.policies import (
    Difference,
    Direction,
    Policy,
    PolicyComparison,
    describe_facts,
    policy_hash,
)

_STYLE = {Direction.LOOSER: "red", Direction.STRICTER: "green", Direction.OTHER: "yellow"}


def plain(difference: Difference) -> dict[str, Any]:
    """Return a difference for machines."""
    return {
        "direction": difference.direction,
        "before": difference.before._asdict(),
        "after": difference.after._asdict(),
        "aspects": difference.aspects,
        "where": difference.where,
        "example": difference.example.to_json(),
    }


def differences(old: Policy, new: Policy, comparison: PolicyComparison) -> Iterator[Block]:
    """List the differences, looser ones first, and the unchecked parts."""
    rows = comparison.differences
    yield Line(f"{old.policy_id} ({policy_hash(old)[:12]}) to {new.policy_id} ({policy_hash(new)[:12]}):", "bold")
    for row in rows:
        yield Line()
        yield Line(f"{row.direction}: {row.change}", _STYLE[row.direction], indent=2)
        for where in row.where:
            yield Line(f"for {where}", indent=4)
        yield Line(f"such as {describe_facts(row.example)}", "dim", indent=4)
    yield Line()
    numbers = Counter(row.direction for row in rows)
    summary = ", ".join(f"{numbers[way]} {way}" for way in Direction if numbers[way])
    yield Line(f"{summary}." if rows else "Every case is decided as before.", "bold" if rows else "green")
    for aspect in comparison.unchecked:
        yield Line(f"Not checked: {aspect}.", "yellow")
