"""The report in the terminal: the first screen is what an executive needs, the evidence follows."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import (
    COMMAND,
    Block,
    Cell,
    Column,
    Line,
    Strip,
    Table,
    inline,
    outcome,
    routing,
)
from hitl_orchestrator.cli.output.formatting import count, local_minute
from hitl_orchestrator.cli.views.audit.listing import LONG_LATENCY
from hitl_orchestrator.cli.views.reporting.reviewers import deciders
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import amount_text, confidence_text, percent
from hitl_orchestrator.insights import (
    Criterion,
    Decided,
    Finding,
    Group,
    Judgment,
    Metrics,
    NextStep,
    Quantiles,
    Report,
    Share,
    open_text,
)

STYLE = {"good": "green", "watch": "yellow", "bad": "bold red", "unknown": "dim"}
MARK = {"good": "good", "watch": "watch", "bad": "bad", "unknown": "note"}
_FIRST, _ROWS, _LAST, _WIDTH = 3, 12, 10, 76


def report(result: Report) -> Iterator[Block]:
    """Write a report, what matters first."""
    yield from first_screen(result)
    yield from _changes(result)
    yield from _findings("Further findings", result, _FIRST, None)
    yield from _people(result)
    yield from _types(result)
    yield from _novelty(result)
    yield from _criteria("Rules of the governance verdict", result.verdict.criteria)
    yield from _criteria("Rules of the health word", result.health.criteria)
    yield from _trail(result)
    yield from _controls(result)
    yield from _decided(result)


def first_screen(result: Report) -> Iterator[Block]:
    """Write what an executive needs: the signal line, both judgments, and the findings that matter most."""
    yield from _head(result)
    yield from _judgment("Governance", result.verdict)
    yield from _judgment("Health", result.health)
    yield from _safe(result)
    yield from _findings("What matters", result, 0, _FIRST)


def _head(result: Report) -> Iterator[Block]:
    period, counts = result.metrics.period, result.metrics.cases
    yield Line(f"Report on {result.store}", "bold")
    if period.first is not None and period.last is not None:
        yield Line(f"Decisions from {local_minute(period.first)} to {local_minute(period.last)}", "dim")
    for alarm in result.alarms:
        yield Line(f"Alarm: {alarm}", "bold red")
    yield Line()
    yield from (Line(part, "bold") for part in _signal(result.signal.text))
    if uncounted := open_text(result.metrics):
        yield Line(f"{uncounted}.", "yellow")
    waiting = [
        (counts.open, f"{count(counts.open, 'review')} open"),
        (counts.overdue, f"{counts.overdue:,} past the deadline"),
        (counts.unanswered_checks, f"{count(counts.unanswered_checks, 'spot check')} without an answer"),
    ]
    named = [sentence for number, sentence in waiting if number]
    if named:
        yield Line(f"Now: {', '.join(named)}", "yellow" if counts.overdue else "")


def _signal(text: str) -> Sequence[str]:
    """Return the signal line, in two lines where it is too long for most screens."""
    if len(text) <= _WIDTH:
        return [text]
    figures = text.split(" | ")
    return [" | ".join(figures[:3]) + " |", " | ".join(figures[3:])]


def _judgment(title: str, judgment: Judgment) -> Iterator[Block]:
    yield Line()
    yield Strip((Cell(f"{title}: ", "bold"), Cell(judgment.word, STYLE[judgment.severity])))
    yield Line(judgment.because, indent=2)


def _safe(result: Report) -> Iterator[Block]:
    yield Line()
    yield Line("Where automation is safe:", "bold")
    yield Line(f"{result.where_safe}.", indent=2)


def _findings(title: str, result: Report, first: int, last: int | None) -> Iterator[Block]:
    shown = result.findings[first:last]
    if not shown:
        if not first:
            yield Line()
            yield Line("No finding: the data are too few, or nothing is out of the ordinary.", "dim")
        return
    yield Line()
    yield Line(title, "bold")
    steps = {step.finding_id: step for step in result.next_steps}
    for finding in shown:
        yield from _finding(finding, steps.get(finding.finding_id))


def _finding(finding: Finding, step: NextStep | None) -> Iterator[Block]:
    yield Line(f"{MARK[finding.severity]}: {finding.sentence}", STYLE[finding.severity])
    if finding.evidence:
        yield Line(finding.evidence, "dim", indent=2)
    if step is not None:
        yield Line(f"Next: {step.sentence}", indent=2)
        if step.command is not None:
            yield Line(step.command, COMMAND, indent=4)


def _changes(result: Report) -> Iterator[Block]:
    if not result.comparison:
        return
    certain = [change for change in result.changes if change.is_certain]
    yield Line()
    yield Line("What changed", "bold")
    yield Line(f"{result.comparison[:1].upper()}{result.comparison[1:]}.", "dim", indent=2)
    for change in certain:
        yield Line(f"{MARK[change.severity]}: {change.sentence}", STYLE[change.severity], indent=2)
    if not certain:
        known = sum(change.is_known for change in result.changes)
        unknown = len(result.changes) - known
        few = f"; too few cases to compare {unknown:,} others" if unknown else ""
        compared = f"No certain change in {count(known, 'measure')}{few}." if known else "Too few cases to compare."
        yield Line(compared, indent=2)


def _people(result: Report) -> Iterator[Block]:
    metrics, answers = result.metrics, result.metrics.verdicts
    yield Line()
    yield Line(f"How {result.metrics.judges} decided", "bold")
    numbers = answers.model_dump(include={"approve", "modify", "override", "reject"})
    words = ", ".join(f"{word} {number:,}" for word, number in numbers.items())
    expired = f", expired {answers.timeout:,}" if answers.timeout else ""
    none = "no case was decided by people"
    overturned = f"overturned {_share(metrics.overturn)}" if answers.people else none
    yield Line(f"{words}{expired}; {overturned}.", indent=2)
    if metrics.deciders:
        yield from deciders(metrics, _LAST)
    times = [
        ("from the task to the decision", metrics.latency.total),
        ("until the first look", metrics.latency.waiting),
        ("from the look to the decision", metrics.latency.working),
    ]
    for what, quantiles in times:
        if quantiles.median is not None:
            yield Line(f"{what}: {_times(quantiles)}", indent=2)
    if (metrics.latency.total.median or 0) > LONG_LATENCY:
        yield Line("It counts from the timestamp of the task, which the task states itself.", "dim", indent=2)
    if answers.people and metrics.latency.total.median is None:
        yield Line("How long it took is not known: the records state no times.", "dim", indent=2)
    for stake in metrics.stakes:
        unit = f" {inline(stake.unit)}" if stake.unit else ""
        sums = {"automatic": stake.automatic, "reviewed": stake.reviewed, "overturned": stake.overturned}
        parts = ", ".join(f"{word} {amount_text(value)}{unit}" for word, value in sums.items())
        total = f"{amount_text(stake.total)}{unit}"
        yield Line(
            f"{inline(stake.field)} at stake in {stake.stated:,} of {count(stake.cases, 'case')}: {total}", indent=2
        )
        yield Line(parts, indent=4)
    replayed = metrics.cases.replayed
    if replayed:
        yield Line(f"{count(replayed, 'case')} replayed from records: evidence of other systems.", "dim", indent=2)


def _times(quantiles: Quantiles) -> str:
    known = (("median", quantiles.median), ("90 % within", quantiles.p90), ("99 % within", quantiles.p99))
    return ", ".join(f"{word} {duration_text(value)}" for word, value in known if value is not None)


def _types(result: Report) -> Iterator[Block]:
    groups = result.metrics.by.get("task_type", ())
    if not groups:
        return
    yield Line()
    columns = (
        Column("task type", gives_way=True),
        *(Column(name, right=True) for name in ("cases", "automatic")),
        Column("overturned of reviews", right=True),
    )
    yield Table(columns, [_type_row(group) for group in groups[:_ROWS]])
    yield from _more(len(groups) - _ROWS)


def _type_row(group: Group) -> tuple[Cell, ...]:
    key = Cell("-", "dim") if group.key is None else Cell(group.key, quoted=True)
    automatic = "-" if group.automation.share is None else percent(group.automation.share)
    return (key, Cell(f"{group.cases:,}"), Cell(automatic), Cell(_share(group.overturn)))


def _share(share: Share, none: str = "-") -> str:
    return none if share.share is None else f"{percent(share.share)} of {share.of:,}"


def _novelty(result: Report) -> Iterator[Block]:
    novelty = result.novelty
    if not (novelty.new or novelty.unstaffed_domains or novelty.forecasts):
        return
    yield Line()
    yield Line("New, and where it leads", "bold")
    for kind, values in novelty.new.items():
        yield Line(f"{kind}, never before {local_minute(novelty.since)}:", indent=2)
        yield Line(", ".join(values), indent=4, quoted=True)
    if novelty.unstaffed_domains:
        yield Line("domains in which no person may decide:", "yellow", indent=2)
        yield Line(", ".join(novelty.unstaffed_domains), indent=4, quoted=True)
    for sentence in novelty.forecasts:
        yield Line(sentence, indent=2)
    if not novelty.forecasts:
        yield Line("Where it leads: no trend is certain enough to be drawn on.", "dim", indent=2)


def _criteria(title: str, criteria: Sequence[Criterion]) -> Iterator[Block]:
    yield Line()
    words = {True: Cell("holds", "green"), False: Cell("does not", "bold red"), None: Cell("unknown", "dim")}
    columns = (Column(title, gives_way=True, folds=True), Column("measured", gives_way=True, folds=True), Column(""))
    rows = [(Cell(each.demands), Cell(each.measured), words[each.holds]) for each in criteria]
    yield Table(columns, rows)


def _trail(result: Report) -> Iterator[Block]:
    compliance = result.compliance
    for violation in compliance.violations[:_LAST]:
        yield Line()
        yield Line(f"Violation: case {violation.case_id}, {local_minute(violation.at)}: {violation.what}", "bold red")
    yield from _more(len(compliance.violations) - _LAST + compliance.left_out)
    if compliance.replayed:
        records = count(compliance.replayed, "replayed record")
        yield Line(f"{records} compared with the policy under which they were recorded here, and not counted as live.")
    for reason, number in compliance.not_derived.items():
        yield Line(f"{count(number, 'decision')} not derived: {reason}.", "dim")
    for warning in result.integrity.warnings:
        yield Line(warning, "dim")


def _controls(result: Report) -> Iterator[Block]:
    styles = {"shown": "green", "partly": "yellow", "not_shown": "red", "outside": "dim"}
    for table in result.controls:
        yield Line()
        yield Line(table.title, "bold")
        columns = (
            Column("control"),
            Column("status"),
            Column("evidence", gives_way=True, folds=True),
            Column("gap", gives_way=True, folds=True, optional=True),
        )
        yield Table(
            columns,
            [
                (
                    Cell(each.control_id),
                    Cell(each.status.replace("_", " "), styles[each.status]),
                    Cell(each.evidence),
                    Cell(each.gap or "-"),
                )
                for each in table.controls
            ],
        )
        yield Line(f"Source: {table.source}", "dim")
    for drill in result.drills:
        yield Line(f"Drill {drill.name}: {count(drill.runs, 'run')}, {drill.result}", STYLE[drill.severity])


def _decided(result: Report) -> Iterator[Block]:
    if not result.decided:
        return
    yield Line()
    yield Line("Who decided what, the latest first", "bold")
    columns = (
        Column("at"),
        Column("task", gives_way=True),
        Column("conf.", right=True),
        Column("routed", optional=True),
        Column("outcome"),
        Column("decided by", gives_way=True),
    )
    among = {each.confidence for each in result.decided[:_LAST]}
    rows = [
        (
            Cell(local_minute(each.at)),
            Cell(each.task_id, quoted=True),
            Cell("-" if each.confidence is None else confidence_text(each.confidence, among)),
            routing(each.routing),
            outcome(each.final_decision),
            _decider(each, result.metrics),
        )
        for each in result.decided[:_LAST]
    ]
    yield Table(columns, rows)
    yield from _more(len(result.decided) - _LAST + result.decided_left_out)


def _decider(row: Decided, metrics: Metrics) -> Cell:
    if row.person is not None:
        return Cell(metrics.known_as(row.person), quoted=True)
    return Cell(f"the {row.source.value}", "dim") if row.role is None else Cell(f"a {row.role}", quoted=True)


def _more(number: int) -> Iterator[Block]:
    if number > 0:
        yield Line(f"and {number:,} more; --format json lists them", "dim", indent=2)


def summary(result: Report) -> Iterator[Block]:
    """Write the lines with which a report begins."""
    yield from _head(result)
    yield from _judgment("Governance", result.verdict)
    yield from _judgment("Health", result.health)
    yield from _safe(result)
    yield Line()
