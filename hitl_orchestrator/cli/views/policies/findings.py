"""Findings about a policy, grouped by kind, with examples and repairs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.views.policies.overview.map import terminal
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies import (
    CheckReport,
    Finding,
    Policy,
    PolicyMap,
    Severity,
    describe_facts,
    policy_hash,
)

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}
_WORST_FIRST = list(Severity)
_MOST_FACTS = 6


def findings(policy: Policy, report: CheckReport, drawn: PolicyMap | None, map_file: str | None) -> Iterator[Block]:
    """List the findings about a policy, the worst first, with a summary, and draw its map if there is one."""
    yield Line(f"{policy.policy_id}: hash {policy_hash(policy)[:12]}", "bold")
    for (severity, kind), group in groupby(_ordered(report.findings), key=lambda each: (each.severity, each.kind)):
        rows = list(group)
        yield Line()
        yield Line(f"{severity}: {kind.value.replace('_', ' ')}", f"bold {_STYLE[severity]}".rstrip())
        for finding in rows:
            yield from _finding(finding, policy)
    yield Line()
    yield summary(policy, report)
    if drawn is not None:
        yield from terminal(drawn)
    if map_file is not None:
        yield Line(f"The map is in {map_file}.", indent=2)


def _ordered(rows: Sequence[Finding]) -> list[Finding]:
    """Return the findings by severity and kind, the worst first, and within a kind in the order of the policy."""
    kinds = list(dict.fromkeys(finding.kind for finding in rows))
    return sorted(rows, key=lambda each: (_WORST_FIRST.index(each.severity), kinds.index(each.kind)))


def _finding(finding: Finding, policy: Policy) -> Iterator[Block]:
    about = f"{finding.about}: " if finding.about else ""
    yield Line(f"{about}{finding.sentence}", _STYLE[finding.severity], indent=2)
    if finding.severity is not Severity.NOTE and finding.examples:
        examples = ", compared with ".join(_example(each, _read_by(finding, policy)) for each in finding.examples)
        yield Line(f"for example: {examples}", "dim", indent=4)
    for repair in finding.repairs:
        yield Line(f"repair: {repair}", COMMAND, indent=4)


def summary(policy: Policy, report: CheckReport) -> Line:
    """Return such as `3 errors, 2 warnings in 14 rules; exact over 1,200 kinds of cases`."""
    rules = count(sum(len(part.rules) for _, part in policy.parts), "rule")
    counted = {severity: report.count(severity) for severity in Severity}
    found = ", ".join(count(number, severity) for severity, number in counted.items() if number) or "No problems"
    cells = report.kinds_of_cases
    exact = (
        "not exact, since a part was not checked"
        if cells is None
        else f"exact over {cells:,} {'kind' if cells == 1 else 'kinds'} of cases"
    )
    worst = next((severity for severity, number in counted.items() if number), None)
    style = "bold green" if worst in {None, Severity.NOTE} else f"bold {_STYLE[worst]}"
    return Line(f"{found} in {rules}; {exact}", style)


def _read_by(finding: Finding, policy: Policy) -> set[str]:
    """Return the metadata fields that the rules of a finding read."""
    named = {finding.rule_id, *finding.rules}
    rules = [rule for _, part in policy.parts for rule in part.rules if rule.rule_id in named]
    return {field for rule in rules for _, conditions in rule.conditions.walk() for field in conditions.metadata}


def _example(example: Mapping[str, Any], read: set[str]) -> str:
    """Describe a case. Of many facts only those are named that the rules of the finding read."""
    metadata = example.get("metadata") or {}
    left_out = [] if len(metadata) <= _MOST_FACTS else [name for name in metadata if name not in read]
    shown = {**example, "metadata": {name: value for name, value in metadata.items() if name not in left_out}}
    rest = f" (and {count(len(left_out), 'fact')} that these rules do not read)" if left_out else ""
    return describe_facts(Facts.from_json(shown if left_out else example)) + rest
