"""Findings about a policy, with examples and repairs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.views.policies.map import terminal
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies import (
    Finding,
    Policy,
    PolicyMap,
    Severity,
    describe_facts,
    policy_hash,
)

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}


def findings(policy: Policy, rows: Sequence[Finding], drawn: PolicyMap | None, map_file: str | None) -> Iterator[Block]:
    """List the findings of a policy, and draw its map if there is one."""
    rules = sum(len(layer.rules) for _, layer in policy.parts)
    yield Line(f"{policy.policy_id}: {count(rules, 'rule')}, hash {policy_hash(policy)[:12]}", "bold")
    for finding in rows:
        about = f"{finding.rule_id}: " if finding.rule_id else ""
        yield Line(f"{finding.severity}: {about}{finding.sentence}", _STYLE[finding.severity], indent=2)
        if finding.severity is not Severity.NOTE and finding.examples:
            examples = ", compared with ".join(map(_example, finding.examples))
            yield Line(f"for example: {examples}", "dim", indent=4)
        for repair in finding.repairs:
            yield Line(f"repair: {repair}", COMMAND, indent=4)
    if not rows:
        yield Line("No problems.", "green", indent=2)
    if drawn is not None:
        yield from terminal(drawn)
    if map_file is not None:
        yield Line(f"The map is in {map_file}.", indent=2)


def _example(example: Mapping[str, Any]) -> str:
    return describe_facts(Facts.from_json(example))
