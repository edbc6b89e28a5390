"""Differences between the decisions of two policies."""

from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.policies import (
    Difference,
    Direction,
    Policy,
    PolicyComparison,
    describe_facts,
    edits,
    policy_hash,
)

_FIRST_PLACES = 2
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


def differences(old: Policy, new: Policy, comparison: PolicyComparison, *, details: bool = True) -> Iterator[Block]:
    """Show what each edit does, then the differences under their edits, the gravest first, and the unchecked parts.

    Without `details` a difference has its first places and no example.
    """
    rows = comparison.differences
    yield Line(f"{old.policy_id} ({policy_hash(old)[:12]}) to {new.policy_id} ({policy_hash(new)[:12]}):", "bold")
    yield Line(comparison.summary, "bold" if rows or comparison.unchecked else "green")
    for aspect in comparison.unchecked:
        yield Line(f"Not checked, and therefore treated as looser: {aspect}.", "yellow")
    edited = "; ".join(edit.text for edit in edits(old, new)) if comparison.unchecked else ""
    if edited:
        yield Line(f"Edited: {edited}.")
    if len(rows) > 1:
        yield from _by_edit(rows)
    before, left_out = None, False
    for row in rows:
        yield Line()
        if row.headline != before:
            yield Line(row.headline, "bold")
        before = row.headline
        yield Line(f"{row.direction}: {row.change}", _STYLE[row.direction], indent=2)
        shown = row.where if details else row.where[:_FIRST_PLACES]
        for where in shown:
            yield Line(f"for {where}", indent=4)
        if len(shown) < len(row.where):
            yield Line(f"and {count(len(row.where) - len(shown), 'more place')}", "dim", indent=4)
        # The example of a single difference is short enough.
        if details or len(rows) == 1:
            yield Line(f"such as {describe_facts(row.example)}", "dim", indent=4)
        left_out = left_out or not details
    if left_out and len(rows) > 1:
        yield Line()
        yield Line("--details lists every place, and an example for each difference.", "dim")


def _by_edit(rows: Sequence[Difference]) -> Iterator[Block]:
    """Say in a line for each edit how many kinds of cases it makes looser or stricter, and the gravest of them."""
    for edit in dict.fromkeys(edit for row in rows for edit in row.edits):
        of_it = [row for row in rows if edit in row.edits]
        numbers = [(way, sum(row.direction is way for row in of_it)) for way in Direction]
        named = ", ".join(f"{way} in {number}" for way, number in numbers if number)
        gravest = f"; the gravest: {of_it[0].change}" if of_it[0].direction is Direction.LOOSER else ""
        yield Line(f"{edit}: {named}{gravest}", _STYLE[of_it[0].direction], indent=2)
