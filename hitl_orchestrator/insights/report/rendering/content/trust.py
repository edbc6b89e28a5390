"""Where automation is safe, and where agents struggle."""

from collections.abc import Iterable, Mapping

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import (
    Autonomy,
    Calibration,
    ErrorType,
    HeatCell,
    Metrics,
    RiskCoverage,
    SureAndWrong,
)
from hitl_orchestrator.insights.report.model import Severity
from hitl_orchestrator.insights.report.phrases import lacking
from hitl_orchestrator.insights.report.rendering.blocks import Block, Cell, Column, Figure, Paragraph, Section, Table
from hitl_orchestrator.insights.report.rendering.cells import (
    DASH,
    NONE_STATED,
    TO,
    code,
    confidence,
    errors_cell,
    fraction,
    mean_confidence,
    number,
    person_cell,
    plural,
    quoted,
    sentence,
    share_cell,
    share_text,
    some,
    when,
    words,
)

MOST_ROWS = 60
_VERDICTS: dict[str, tuple[str, Severity]] = {
    "never": ("never", "bad"),
    "above_bound": ("above a bound", "good"),
    "unclear": ("unclear", "watch"),
    "not_enough_data": ("not enough data", "unknown"),
}


def trust(metrics: Metrics) -> tuple[Section, ...]:
    """Return the chapter on automation: the map, autonomy per task type, and the risk-coverage curve."""
    errors = metrics.automatic_errors
    estimate = errors_cell(errors)
    shown = lacking(errors.why_not or "no spot check is answered")
    if estimate.interval is not None:
        shown = f"{estimate.text} ({estimate.second}, 95 % interval {estimate.third.replace(TO, ' to ')})"
    opening: tuple[Block, ...] = (
        Paragraph(f"Automated: {share_text(metrics.automation)}. Errors among automatic cases: {shown}."),
        Figure("trust_boundaries", _MAP),
    )
    return (
        Section("trust", "Where automation is safe", opening),
        Section("autonomy", "Autonomy by task type", (_autonomy(metrics.autonomy),), level=3),
        Section("risk-coverage", "Risk and coverage", _risk_coverage(metrics.risk_coverage), level=3),
    )


def struggles(metrics: Metrics) -> tuple[Section, ...]:
    """Return the chapter on the errors of agents."""
    opening: tuple[Block, ...] = (
        Paragraph(f"Overturned, of the cases that {metrics.judges} decided: {share_text(metrics.overturn)}."),
        Figure("overturn_heatmap", _HEATMAP),
        _heat_table(metrics.overturn_map),
    )
    return (
        Section("struggles", "Where agents struggle", opening),
        Section("false-confidence", "False confidence, case by case", _false_confidence(metrics), level=3),
        Section("calibration", "Calibration of confidence", _calibration(metrics.calibration), level=3),
        Section("error-types", "Types of errors", (_error_types(metrics.error_types),), level=3),
    )


def _autonomy(rows: tuple[Autonomy, ...]) -> Table:
    columns = (
        Column("Task type", 1.7),
        Column("Without a person?", 3.2),
        Column("Cases", 0.8, is_number=True),
        Column("Automated", 1.4, is_number=True),
        Column("Overturned", 1.4, is_number=True),
        Column("From confidence", 1, is_number=True),
        Column("Coverage", 1, is_number=True),
        Column("Errors from there", 1.4, is_number=True),
    )
    return Table(
        "Whether each task type could go ahead without a person",
        columns,
        tuple(_autonomy_row(row, {each.bound for each in rows}) for row in rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
        note="A description of the past, not a certificate. The bound is the lowest confidence from which the share of "
        "errors is certainly tolerable.",
        empty="No task type has cases.",
    )


def _autonomy_row(row: Autonomy, among: Iterable[float | None]) -> tuple[Cell, ...]:
    word, tone = _VERDICTS.get(row.verdict, (words(row.verdict), "unknown"))
    coverage = Cell(DASH if row.coverage is None else percent(row.coverage), "number")
    return (
        quoted(row.task_type),
        Cell(word, tone=tone, second=sentence(row.sentence)),
        number(row.cases),
        share_cell(row.automatic),
        share_cell(row.overturn),
        confidence(row.bound, among),
        coverage,
        _errors_above(row),
    )


def _errors_above(row: Autonomy) -> Cell:
    """Return the errors at and above the bound; the sentence of the row says already why they are not certain."""
    cell = share_cell(row.errors_above)
    return cell if cell.interval is not None else cell._replace(third="")


def _risk_coverage(curve: RiskCoverage) -> tuple[Block, ...]:
    if curve.why_not is not None:
        shown = sentence(lacking(curve.why_not))
    else:
        area = DASH if curve.area is None else fraction(curve.area).text
        shown = f"Area under the risk-coverage curve: {area}, over {plural(curve.cases, 'case')}; lower is better."
    return Paragraph(shown), Figure("risk_coverage", _CURVE)


def _heat_table(cells: tuple[HeatCell, ...]) -> Table:
    bands = list(dict.fromkeys(cell.confidence_band for cell in sorted(cells, key=lambda cell: cell.confidence_band)))
    bands.sort(key=lambda band: (band != "none", not band.startswith("<"), band))
    by_type: dict[str | None, dict[str, HeatCell]] = {}
    for cell in cells:
        by_type.setdefault(cell.task_type, {})[cell.confidence_band] = cell
    rows = tuple(
        (quoted(task_type), *(_heat_cell(found.get(band)) for band in bands)) for task_type, found in by_type.items()
    )
    heads = (Column("Task type", 2), *(Column("no confidence" if b == "none" else b, is_number=True) for b in bands))
    return Table(
        "Overturned share by task type and band of confidence",
        heads,
        rows[:MOST_ROWS],
        left_out=max(0, len(rows) - MOST_ROWS),
        empty="No person has decided a case yet.",
    )


def _heat_cell(cell: HeatCell | None) -> Cell:
    if cell is None or not cell.overturn.of:
        return Cell(DASH, "number")
    return share_cell(cell.overturn)


def _false_confidence(metrics: Metrics) -> tuple[Block, ...]:
    found = metrics.false_confidence
    columns = (
        Column("Case", 1.8),
        Column("Task type", 1.4),
        Column("Domain", 1.1),
        Column("Risk", 0.7),
        Column("Confidence", 0.9, is_number=True),
        Column("Decision", 0.9),
        Column("Reason", 1.2),
        Column("Person", 1.2),
        Column("Time", 1.2, is_number=True),
    )
    bound = confidence(found.bound).text
    shown = (
        f"Overturned, of the cases with a confidence of {bound} or more that a person looked at: "
        f"{share_text(found.overturned)}."
    )
    among = {case.confidence for case in found.cases}
    rows = tuple(_sure_and_wrong(case, among, metrics.names) for case in found.cases)
    caption = "Cases in which the agent was sure and was overturned, the surest first"
    return Paragraph(shown), Table(caption, columns, rows, left_out=found.left_out, empty="There is no such case.")


def _sure_and_wrong(case: SureAndWrong, among: Iterable[float | None], names: Mapping[str, str]) -> tuple[Cell, ...]:
    return (
        code(case.case_id)._replace(second=f"task {case.task_id}{', spot check' if case.is_spot_check else ''}"),
        quoted(case.task_type),
        quoted(case.domain),
        Cell(str(case.risk_level)),
        confidence(case.confidence, among),
        Cell(str(case.decision)),
        quoted(case.reason_code),
        Cell(DASH) if case.reviewer_id is None else person_cell(case.reviewer_id, names),
        when(case.at),
    )


def _calibration(found: Calibration) -> tuple[Block, ...]:
    if found.why_not is not None:
        figures = sentence(lacking(found.why_not))
    else:
        figures = (
            f"Over {plural(found.cases, 'case')}: mean confidence {mean_confidence(found.mean_confidence).text}, "
            f"approved {mean_confidence(found.approved).text}; expected calibration error {fraction(found.ece).text}, "
            f"Brier score {fraction(found.brier).text} (both: 0 is best)."
        )
    columns = (
        Column("Confidence"),
        Column("Mean confidence", is_number=True),
        Column("Approved", 1.4, is_number=True),
        Column("Weight", is_number=True),
    )
    rows = tuple(
        (
            Cell(f"{confidence(round(each.low, 4)).text} to {confidence(round(each.high, 4)).text}", "number"),
            mean_confidence(each.mean_confidence),
            share_cell(each.approved),
            number(each.weight if each.weight % 1 else int(each.weight)),
        )
        for each in found.bins
    )
    table = Table(
        "Confidence and approval",
        columns,
        rows,
        note=sentence(f"This describes {found.represents}"),
        empty="No case has a confidence.",
    )
    return Paragraph(figures), Figure("reliability", _RELIABILITY), table


def _error_types(rows: tuple[ErrorType, ...]) -> Table:
    columns = (Column("Reason code", 1.5), Column("Overturned cases", 1.2, is_number=True), Column("Task types", 3))
    return Table(
        "Recorded reasons of overturned cases",
        columns,
        tuple(
            (
                quoted(row.reason_code, NONE_STATED),
                share_cell(row.cases),
                Cell(some(f"{name} {count:,}" for name, count in row.by_task_type.items()) or DASH, "quoted"),
            )
            for row in rows[:MOST_ROWS]
        ),
        left_out=max(0, len(rows) - MOST_ROWS),
        empty="No case was overturned.",
    )


_MAP = (
    "Every case by risk and confidence. The color is the route that the policy chose, the shape the answer; "
    "lines, where drawn, are the bounds of the policy."
)
_HEATMAP = (
    "The share of overturned cases, by task type and confidence, and below it how many of how many. A cell without a "
    "color has too few cases for a finding."
)
_CURVE = (
    "If only cases at or above a confidence were automated: their share of all cases (coverage) and the share of them "
    "that is overturned (risk), with the 95 % interval."
)
_RELIABILITY = (
    "On the diagonal, confidence means what it says: of cases with a confidence of 0.8, 80 % are approved. Below it, "
    "the agent is too sure. The lines are 95 % intervals."
)
