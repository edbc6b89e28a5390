"""Differences between the decisions of two policies."""

from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.policies import (
    Difference,
    Direction,
    Policy,
    PolicyComparison,
    describe_facts,
    edits,
    policy_hash,
)

_STYLE = {Direction.LOOSER: "red", Direction.STRICTER: "green", Direction.OTHER: "yellow"}


def plain(difference: Difference) -> dict[str, Any]:
    """Return a difference for machines."""
    return {
        "direction": difference.direction,
        "edits": difference.edits,
        "before": difference.before._asdict(),
        "after": difference.after._asdict(),
        "aspects": difference.aspects,
        "where": difference.where,
        "example": difference.example.to_json(),
    }


def differences(old: Policy, new: Policy, comparison: PolicyComparison) -> Iterator[Block]:
    """List the differences under the edits that lead to them, the gravest first, and the unchecked parts."""
    rows = comparison.differences
    yield Line(f"{old.policy_id} ({policy_hash(old)[:12]}) to {new.policy_id} ({policy_hash(new)[:12]}):", "bold")
    yield Line(comparison.summary, "bold" if rows or comparison.unchecked else "green")
    for aspect in comparison.unchecked:
        yield Line(f"Not checked, and therefore treated as looser: {aspect}.", "yellow")
    edited = "; ".join(edit.text for edit in edits(old, new)) if comparison.unchecked else ""
    if edited:
        yield Line(f"Edited: {edited}.")
    before = None
    for row in rows:
        yield Line()
        if row.headline != before:
            yield Line(row.headline, "bold")
        before = row.headline
        yield Line(f"{row.direction}: {row.change}", _STYLE[row.direction], indent=2)
        for where in row.where:
            yield Line(f"for {where}", indent=4)
        yield Line(f"such as {describe_facts(row.example)}", "dim", indent=4)
