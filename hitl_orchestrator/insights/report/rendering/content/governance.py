"""What an auditor checks: compliance, the audit trail, who decided what, drills, and controls."""

from collections import Counter
from collections.abc import Iterable, Mapping

from hitl_orchestrator.insights.report.model import (
    Control,
    ControlTable,
    Decided,
    Drill,
    Integrity,
    Report,
    Severity,
)
from hitl_orchestrator.insights.report.rendering.blocks import (
    Block,
    Cell,
    Column,
    Item,
    Items,
    Paragraph,
    Section,
    Table,
    Terms,
)
from hitl_orchestrator.insights.report.rendering.cells import (
    DASH,
    code,
    confidence,
    number,
    person_cell,
    plural,
    quoted,
    sentence,
    when,
    whole,
    words,
)
from hitl_orchestrator.insights.report.rendering.content.front import compliance_card, integrity_card

MOST_ROWS = 60
_STATUS: dict[str, tuple[str, Severity]] = {
    "shown": ("shown", "good"),
    "partly": ("partly", "watch"),
    "not_shown": ("not shown", "bad"),
    "outside": ("outside of the ledger", "unknown"),
}


def governance(report: Report) -> tuple[Section, ...]:
    """Return the chapter for auditors."""
    return (
        Section("compliance", "Policy compliance", _compliance(report)),
        Section("audit-trail", "Audit trail", _integrity(report.integrity)),
        Section("decisions", "Who decided what", (_decided(report),)),
        Section("drills", "Drills", (_drills(report.drills),)),
        *_controls(report.controls),
    )


def _compliance(report: Report) -> tuple[Block, ...]:
    found = report.compliance
    card = compliance_card(found, report.integrity)
    figures = (
        ("Live decisions derived again", whole(found.derived)),
        ("Agree with their policy", whole(found.agree)),
        ("Treated more strictly, for a recorded reason", whole(found.stricter)),
        ("Replayed: compared with the policy under which they were recorded here", whole(found.replayed)),
        ("Violations", whole(len(found.violations) + found.left_out)),
        *((f"Not derived: {reason}", whole(count)) for reason, count in found.not_derived.items()),
    )
    blocks: list[Block] = [Items((Item(f"{card.word}: {card.because}", card.tone),)), Terms(figures)]
    if found.violations:
        columns = (Column("Case", 1.6), Column("Task", 1.2), Column("Time", 1, is_number=True), Column("What", 3.2))
        rows = tuple((code(v.case_id), code(v.task_id), when(v.at), quoted(v.what)) for v in found.violations)
        blocks.append(Table("Violations of the policy", columns, rows, left_out=found.left_out))
    return tuple(blocks)


def _integrity(found: Integrity) -> tuple[Block, ...]:
    card = integrity_card(found)
    figures = (
        ("Entries", whole(found.entries)),
        ("Signed tree heads", _heads(found)),
        ("Seals", _seals(found)),
    )
    problems = (Item(found.problem, "bad"),) if found.problem and found.problem != card.because else ()
    warnings = tuple(Item(warning, "watch") for warning in found.warnings)
    return Items((Item(f"{card.word}: {card.because}", card.tone), *problems, *warnings)), Terms(figures)


def _heads(found: Integrity) -> str:
    if not found.checked:
        return "not compared"
    if found.heads >= found.heads_given:
        return whole(found.heads)
    stopped = f"; the others were not compared, because verification stopped after entry {whole(found.entries)}"
    return f"{whole(found.heads)} of {whole(found.heads_given)} agree{stopped}"


def _seals(found: Integrity) -> str:
    if not found.seals_checked:
        return "not checked"
    return "checked" if found.sound else f"checked up to entry {whole(found.entries)}"


def _decided(report: Report) -> Table:
    columns = (
        Column("Case", 1.9),
        Column("Task type, domain", 1.4),
        Column("Risk", 0.7),
        Column("Confidence", 0.9, is_number=True),
        Column("Routing, rule", 1.6),
        Column("Outcome", 1.4),
        Column("Decided by", 1.4),
        Column("Time", 1.1, is_number=True),
    )
    listed = report.decided[:MOST_ROWS]
    among = {row.confidence for row in listed}
    return Table(
        "Decisions, the latest first",
        columns,
        tuple(_decision(row, among, report.metrics.names) for row in listed),
        left_out=report.decided_left_out + len(report.decided) - len(listed),
        empty="No decisions yet.",
    )


def _decision(row: Decided, among: Iterable[float | None], names: Mapping[str, str]) -> tuple[Cell, ...]:
    by = Cell(words(row.source)) if row.person is None else person_cell(row.person, names)
    return (
        code(row.case_id)._replace(second=f"task {row.task_id}{', replayed' if row.replayed else ''}"),
        quoted(row.task_type)._replace(second=row.domain or ""),
        Cell(str(row.risk_level)),
        confidence(row.confidence, among),
        Cell(words(row.routing), second=row.rule_id),
        Cell(words(row.final_decision)),
        by._replace(second=", ".join(filter(None, (by.second, row.role)))),
        when(row.at),
    )


def _drills(rows: tuple[Drill, ...]) -> Table:
    columns = (
        Column("Drill", 1.8),
        Column("Runs", 0.6, is_number=True),
        Column("Result", 3),
        Column("Last", 1, is_number=True),
    )
    return Table(
        "Exercises whose right answer is known",
        columns,
        tuple(
            (Cell(row.name), number(row.runs), Cell(row.result, tone=row.severity), when(row.last_at)) for row in rows
        ),
        empty="No drill is recorded.",
    )


def _controls(tables: tuple[ControlTable, ...]) -> tuple[Section, ...]:
    if not tables:
        return ()
    lead = Paragraph(
        "Each control beside the evidence that the ledger holds, and the gap. The tables are no certificate: whether a "
        "control is met is the judgment of an auditor."
    )
    parts = (
        Section(f"controls-{number_}", table.title, (_control_table(table),), level=3)
        for number_, table in enumerate(tables, start=1)
    )
    return Section("controls", "Controls", (lead,)), *parts


def _control_table(table: ControlTable) -> Table:
    columns = (
        Column("Control", 0.8),
        Column("Demand", 2),
        Column("Status", 1),
        Column("Evidence", 2.6),
        Column("Gap", 2),
    )
    counts: Counter[str] = Counter(control.status for control in table.controls)
    parts = [f"{counts[status]} {word}" for status, (word, _) in _STATUS.items() if counts[status]]
    return Table(
        f"{plural(len(table.controls), 'control')}: {', '.join(parts)}",
        columns,
        tuple(map(_control, table.controls)),
        note=sentence(f"Source: {table.source}"),
        empty="The framework has no controls.",
    )


def _control(control: Control) -> tuple[Cell, ...]:
    word, tone = _STATUS[control.status]
    return (
        Cell(control.control_id),
        Cell(control.title),
        Cell(word, tone=tone),
        Cell(sentence(control.evidence) or DASH),
        Cell(sentence(control.gap or "") or DASH),
    )
