"""How often people intervene, how long they take, and how carefully they look."""

from hitl_orchestrator.insights.deciders import Decider
from hitl_orchestrator.insights.metrics.model import (
    INTERVALS_IN_WORDS,
    CaseCounts,
    Mark,
    Metrics,
    Moment,
    Quantiles,
    Stake,
)
from hitl_orchestrator.insights.report.rendering.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Item,
    Items,
    Paragraph,
    Section,
    Table,
)
from hitl_orchestrator.insights.report.rendering.cells import (
    DASH,
    amount,
    duration,
    moment,
    number,
    person_cell,
    share_cell,
    share_text,
    when,
    whole,
    words,
)
from hitl_orchestrator.insights.reviewer_quality import ReviewerQuality

MOST_MOMENTS, MOST_ROWS = 36, 60
_LONG = 30 * 86_400.0
"""Seconds. A longer duration surprises a reader who does not know where it counts from."""


def people(metrics: Metrics) -> tuple[Section, ...]:
    """Return the chapters on interventions, times, reviewers and amounts."""
    sections = [
        Section("interventions", "How often people intervene", _interventions(metrics)),
        Section("latency", "How long decisions take", _latency(metrics)),
        Section("deciders", "Who decided what, by person", (_deciders(metrics),)),
        Section("reviewers", "Reviewers: load, agreement and care", _reviewers(metrics)),
    ]
    if metrics.stakes:
        sections.append(Section("stakes", "What is at stake", (_stakes(metrics.stakes),)))
    return tuple(sections)


def _interventions(metrics: Metrics) -> tuple[Block, ...]:
    verdicts = metrics.verdicts
    columns = (Column("Measure", 1.6), Column("Share", 1, is_number=True), Column("Of", 2))
    rows = (
        (Cell("Automated"), share_cell(metrics.automation), Cell("decided cases")),
        (Cell("Reviewed"), share_cell(metrics.review), Cell("decided cases")),
        (Cell("Escalated"), share_cell(metrics.escalation), Cell("decided cases")),
        (Cell("Overturned"), share_cell(metrics.overturn), Cell(f"cases that {metrics.judges} decided")),
        (Cell("Approved"), share_cell(metrics.approval), Cell(f"cases that {metrics.judges} decided")),
        (Cell("Modified"), share_cell(metrics.modification), Cell(f"cases that {metrics.judges} decided")),
        (Cell("Overridden"), share_cell(metrics.override), Cell(f"cases that {metrics.judges} decided")),
        (Cell("Rejected"), share_cell(metrics.rejection), Cell(f"cases that {metrics.judges} decided")),
    )
    counts = "No person has decided a case yet."
    if verdicts.people:
        counts = (
            f"{metrics.judges.capitalize()} decided {whole(verdicts.people)} cases: "
            f"{whole(verdicts.approve)} approved, "
            f"{whole(verdicts.modify)} modified (of these, {whole(verdicts.label_changed)} with another label), "
            f"{whole(verdicts.override)} overridden, {whole(verdicts.reject)} rejected. "
            f"Without an answer in time: {whole(verdicts.timeout)}."
        )
    return (
        Paragraph(counts),
        Table("Shares of interventions", columns, rows),
        Figure("trend", _TREND),
        _trend(metrics),
        *_marks(metrics.marks),
        _counts(metrics.cases),
    )


def _trend(metrics: Metrics) -> Table:
    columns = (
        Column("From", 1.2),
        Column("Cases", 0.7, is_number=True),
        Column("Automated", is_number=True),
        Column("Overturned", is_number=True),
        Column("Sure and overturned", is_number=True),
        Column("Median time", 0.8, is_number=True),
    )
    unit = INTERVALS_IN_WORDS[metrics.every]
    latest = metrics.trend[-MOST_MOMENTS:]
    whole_days = all((each.start.hour, each.start.minute) == (0, 0) for each in latest)
    return Table(
        f"Over time, {unit} by {unit}",
        columns,
        tuple(_moment(each, whole_days=whole_days) for each in latest),
        left_out=len(metrics.trend) - len(latest),
        empty="No decisions yet.",
    )


def _moment(each: Moment, *, whole_days: bool) -> tuple[Cell, ...]:
    return (
        Cell(f"{each.start:%Y-%m-%d}", "number") if whole_days else when(each.start),
        number(each.cases),
        share_cell(each.automation),
        share_cell(each.overturn),
        share_cell(each.false_confidence),
        duration(each.median_latency),
    )


def _marks(marks: tuple[Mark, ...]) -> tuple[Block, ...]:
    if not marks:
        return ()
    items = tuple(Item(f"{moment(mark.at)}: {mark.text}") for mark in marks)
    return Paragraph("Changes of policy and of agent version in this time:"), Items(items)


def _counts(cases: CaseCounts) -> Table:
    meanings = (
        ("Decided", cases.decided, "covered by this report"),
        ("Canceled", cases.canceled, "ended by the submitter, without a decision"),
        ("Superseded", cases.superseded, "replaced by a resubmission of the task"),
        ("Open", cases.open, "waiting for a decision now"),
        ("Overdue", cases.overdue, "open, with a deadline that has passed"),
        ("Unanswered spot checks", cases.unanswered_checks, "drawn, and not yet answered"),
        ("Quality checks", cases.quality_checks, "gold tasks, second reviews and spot checks; they measure reviewers"),
        ("Changes of policy or people", cases.changes, "decided by people, not cases of an agent"),
        ("Replayed", cases.replayed, "decided cases whose review was taken from a record"),
        ("Redacted", cases.redacted, "decided cases whose texts were erased"),
        ("Unreadable", cases.unreadable, "rows that could not be read; they are in no figure"),
    )
    rows = tuple((Cell(name), number(count), Cell(meaning)) for name, count, meaning in meanings)
    return Table(
        "Which cases the figures cover", (Column("Cases", 1.2), Column("Count", 0.5, True), Column("", 3)), rows
    )


def _latency(metrics: Metrics) -> tuple[Block, ...]:
    found = metrics.latency
    is_known = found.total.of or not metrics.verdicts.people
    unknown = () if is_known else (Paragraph("How long decisions took is not known: the records state no times."),)
    named = (
        ("From task to decision", found.total),
        ("Waiting: until the first view", found.waiting),
        ("Working: from first view to decision", found.working),
        ("Automatic cases", found.automatic),
    )
    rows = [
        *((Cell(name), *_quantiles(times)) for name, times in named),
        *((Cell(f"Role {role}", "quoted"), *_quantiles(times)) for role, times in found.by_role.items()),
        *((Cell(f"Risk {risk}"), *_quantiles(times)) for risk, times in found.by_risk.items()),
    ]
    columns = (
        Column("Duration", 2.4),
        Column("Cases", is_number=True),
        Column("Median", is_number=True),
        Column("90 % within", is_number=True),
        Column("99 % within", is_number=True),
    )
    if (found.total.median or 0) > _LONG:
        unknown = (Paragraph("Durations count from the timestamp of the task, which the task states itself."),)
    return (
        *unknown,
        Paragraph(f"Decided after the deadline: {share_text(found.overdue)}."),
        Figure("waiting_times", _WAITING),
        Table("Durations of decisions", columns, tuple(rows)),
    )


def _quantiles(times: Quantiles) -> tuple[Cell, ...]:
    return number(times.of), duration(times.median), duration(times.p90), duration(times.p99)


def _deciders(metrics: Metrics) -> Table:
    rows = metrics.deciders
    columns = (
        Column("Person", 2),
        Column("Decided", 0.8, is_number=True),
        Column("Approve", 0.8, is_number=True),
        Column("Modify", 0.8, is_number=True),
        Column("Override", 0.8, is_number=True),
        Column("Reject", 0.8, is_number=True),
        Column("Replayed", 0.8, is_number=True),
        Column("Latest", 1.3),
    )
    return Table(
        "Decisions by person, every vote included",
        columns,
        tuple(_decider(row, metrics) for row in rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
        note="Replayed decisions were taken from records: they say who decided, and nothing about care.",
        empty="No person has decided a case in this period.",
    )


def _decider(row: Decider, metrics: Metrics) -> tuple[Cell, ...]:
    numbers = (row.cases, row.approve, row.modify, row.override, row.reject, row.replayed)
    person = Cell("not named in the records") if row.person is None else person_cell(row.person, metrics.names)
    return (person, *map(number, numbers), when(row.last))


def _reviewers(metrics: Metrics) -> tuple[Block, ...]:
    rows = metrics.reviewers
    columns = (
        Column("Person", 1.6),
        Column("Cases", 0.7, is_number=True),
        Column("Median time", 1, is_number=True),
        Column("Per 1000 characters", 1, is_number=True),
        Column("Gold errors approved", 1.3, is_number=True),
        Column("Agrees with agent", 1.3, is_number=True),
        Column("Agrees with peers", 1.3, is_number=True),
        Column("Look closer", 1.4),
    )
    table = Table(
        "Reviewers",
        columns,
        tuple(_reviewer(row, metrics) for row in rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
        note="A signal is a reason for a closer look, not a proof: a reviewer who always agrees with a reliable agent "
        "is right too.",
        empty="No person has reviewed a case here; replayed decisions measure no reviewer.",
    )
    return Figure("reviewer_load", _LOAD), table


def _reviewer(row: ReviewerQuality, metrics: Metrics) -> tuple[Cell, ...]:
    raised = ", ".join(words(signal) for signal in row.signals)
    lacking = ", ".join(words(signal) for signal in row.not_enough_data)
    return (
        person_cell(row.reviewer, metrics.names),
        number(row.cases),
        duration(row.median_seconds),
        duration(row.median_seconds_per_1000),
        share_cell(row.gold_errors_approved),
        share_cell(row.with_agent),
        share_cell(row.with_peers),
        Cell(raised or DASH, second=f"not enough data: {lacking}" if lacking else "", tone="watch" if raised else None),
    )


def _stakes(rows: tuple[Stake, ...]) -> Table:
    columns = (
        Column("Amount", 1.2),
        Column("Stated", 1.2, is_number=True),
        Column("Total", is_number=True),
        Column("Automatic", is_number=True),
        Column("Reviewed", is_number=True),
        Column("Overturned", is_number=True),
        Column("Open now", is_number=True),
    )
    return Table(
        "Sums of the amounts that tasks declare",
        columns,
        tuple(
            (
                Cell(f"{row.field}, {row.unit}" if row.unit else row.field, "quoted"),
                Cell(f"{whole(row.stated)} of {whole(row.cases)}", "number"),
                *map(amount, (row.total, row.automatic, row.reviewed, row.overturned, row.open)),
            )
            for row in rows
        ),
    )


_TREND = (
    "The share of automatic cases, and of the overturned cases, with 95 % intervals. Vertical lines mark "
    "changes of policy and of agent version."
)
_WAITING = "How long cases waited for a person, and how long people worked on them."
_LOAD = "Cases per reviewer, by what they decided."
