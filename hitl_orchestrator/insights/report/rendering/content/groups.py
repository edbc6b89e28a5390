"""The same figures by task type, domain, risk, agent and version, confidence, signal and role; and by rule."""

from hitl_orchestrator.insights.metrics.model import DIMENSIONS, Group, Metrics, RuleUse
from hitl_orchestrator.insights.report.rendering.blocks import Block, Cell, Column, Paragraph, Section, Table
from hitl_orchestrator.insights.report.rendering.cells import (
    DASH,
    amount,
    errors_cell,
    mean_confidence,
    number,
    plural,
    quoted,
    share_cell,
    some,
    words,
)

MOST_ROWS = 40
_TITLES = {
    "task_type": "By task type",
    "domain": "By domain",
    "risk_level": "By risk",
    "rule_id": "By deciding rule",
    "agent_id": "By agent",
    "model_version": "By model version",
    "confidence_band": "By confidence",
    "signal": "By warning signal",
    "human_role": "By role of the deciding person",
}


def comparisons(metrics: Metrics) -> tuple[Section, ...]:
    """Return the chapter of comparisons: one table per dimension that has groups, and the rules."""
    lead = Paragraph(
        "Overturned is a share of the cases that a person decided. Errors of automatic cases are estimated from spot "
        "checks and reviews, and stated only where these support it."
    )
    dimensions = [*(name for name in DIMENSIONS if name in metrics.by), *(n for n in metrics.by if n not in DIMENSIONS)]
    parts = [_groups(name, metrics.by[name]) for name in dimensions if metrics.by[name]]
    return (
        Section("comparisons", "Comparisons", (lead,)),
        *parts,
        Section("rules", "Rules", _rules(metrics), level=3),
    )


def _groups(dimension: str, groups: tuple[Group, ...]) -> Section:
    title = _TITLES.get(dimension, f"By {words(dimension)}")
    with_stake = any(group.stake is not None for group in groups)
    columns = (
        Column(title.removeprefix("By ").capitalize(), 1.7),
        Column("Cases", 0.65, is_number=True),
        Column("Automated", 1.2, is_number=True),
        Column("Reviewed", 1.2, is_number=True),
        Column("Escalated", 1.2, is_number=True),
        Column("Approve / modify / override / reject", 1.5, is_number=True),
        Column("Overturned", 1.2, is_number=True),
        Column("Errors of automatic cases", 1.3, is_number=True),
        Column("Mean confidence", 0.95, is_number=True),
        *((Column("At stake", 1, is_number=True),) if with_stake else ()),
    )
    rows = tuple(_group(group, with_stake) for group in groups[:MOST_ROWS])
    table = Table(title, columns, rows, left_out=max(0, len(groups) - MOST_ROWS), titled=True)
    return Section(f"by-{dimension.replace('_', '-')}", title, (table,), level=3)


def _group(group: Group, with_stake: bool) -> tuple[Cell, ...]:
    verdicts = group.verdicts
    decided = f"{verdicts.approve:,} / {verdicts.modify:,} / {verdicts.override:,} / {verdicts.reject:,}"
    return (
        quoted(group.key),
        number(group.cases),
        share_cell(group.automation),
        share_cell(group.review),
        share_cell(group.escalation),
        Cell(
            decided if verdicts.people else DASH,
            "number",
            f"{verdicts.timeout:,} timed out" if verdicts.timeout else "",
        ),
        share_cell(group.overturn),
        errors_cell(group.automatic_errors),
        mean_confidence(group.mean_confidence),
        *((amount(group.stake),) if with_stake else ()),
    )


def _rules(metrics: Metrics) -> tuple[Block, ...]:
    columns = (
        Column("Rule", 2),
        Column("Action", 1.2),
        Column("In force", 0.7),
        Column("Cases", 0.8, is_number=True),
        Column("Overturned", 1.3, is_number=True),
        Column("Errors of automatic cases", 1.4, is_number=True),
    )
    rows = tuple(map(_rule, metrics.rules[:MOST_ROWS]))
    left_out = max(0, len(metrics.rules) - MOST_ROWS)
    table = Table(
        "How often each rule decided, and how its cases ended", columns, rows, left_out, empty="No rule fired."
    )
    if metrics.never_fired:
        waiting = metrics.cases.undecided
        which = f"decided no finished case ({plural(waiting, 'case')} open)" if waiting else "never fired"
        return table, Paragraph(f"Rules in force that {which}: {some(metrics.never_fired)}.", quoted=True)
    return (table,)


def _rule(rule: RuleUse) -> tuple[Cell, ...]:
    return (
        quoted(rule.rule_id),
        Cell(words(rule.action)),
        Cell("yes" if rule.in_force else "no"),
        number(rule.cases),
        share_cell(rule.overturn),
        errors_cell(rule.automatic_errors),
    )
