"""Audit records as a table, with the person who decided each, and what the list leaves out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.bars import screen_width
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, count, local_minute
from hitl_orchestrator.cli.views.content import task_name
from hitl_orchestrator.cli.views.tables import CONFIDENCE, RISK, ROUTING, TASK
from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.people import known_as

ON_A_SCREEN = 1000
"""The number of records that a list on the screen has at most, if none is given."""

LONG_LATENCY = 30 * 86_400.0
"""Seconds. A longer latency surprises a reader who does not know where it counts from."""


_ROUTES = {Action.AUTO_APPROVE: "auto", Action.HUMAN_REVIEW: "review", Action.ESCALATE: "escalate"}
_ENDS = {FinalDecision.MODIFIED_AND_APPROVED: "modified", FinalDecision.OVERRIDE_APPROVED: "overridden"}
"""The routing and the decision in one word each, which leaves room for the person."""

_TYPE, _DECIDED = Column("type"), Column("decided")
_BETWEEN = 2


class Page(NamedTuple):
    """Some records, whether others follow, and the number of quality checks among them that are left out."""

    records: Sequence[AuditRecord]
    more: bool = False
    quality_checks: int = 0

    @property
    def last(self) -> str | None:
        """The case of the last record."""
        return self.records[-1].case_id if self.records else None


class Reading:
    """The first records without quality checks, which are counted, as they are read; then whether others follow."""

    def __init__(self, found: Iterable[AuditRecord], most: int | None) -> None:
        self._found, self._most = found, most
        self.more, self.quality_checks = False, 0
        self.last: str | None = None

    def __iter__(self) -> Iterator[AuditRecord]:
        """Yield the records, each once."""
        number = 0
        for record in self._found:
            if record.quality_check is not None:
                self.quality_checks += 1
                continue
            if number == self._most:
                self.more = True
                return
            number, self.last = number + 1, record.case_id
            yield record


class Filters(NamedTuple):
    """The filters as they were typed."""

    since: str | None = None
    until: str | None = None
    reviewer: str | None = None
    domain: str | None = None
    decision: str | None = None
    rule: str | None = None

    @property
    def sentence(self) -> str:
        """The filters in words, such as ` of domain finance, decided from 2026-01-01 on`; empty without any."""
        named = {"by": self.reviewer, "of domain": self.domain, "ending in": self.decision, "routed by": self.rule}
        parts = [f"{word} {inline(value)}" for word, value in named.items() if value is not None]
        times = {"from": self.since, "until": self.until}
        parts += [f"decided {word} {inline(value)}" for word, value in times.items() if value is not None]
        return f" {', '.join(parts)}" if parts else ""


def page_of(found: Iterable[AuditRecord], most: int | None) -> Page:
    """Return the first records, without quality checks, which are counted."""
    reading = Reading(found, most)
    records = list(reading)
    return Page(records, reading.more, reading.quality_checks)


def records(
    page: Page,
    filters: Filters = Filters(),  # noqa: B008 - an immutable value
    names: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Block]:
    """List audit records, and say what is left out. `names` are those of people by their ids."""
    rows = page.records
    if not rows:
        yield Line(f"No audit record{filters.sentence}." if filters.sentence else "No case has finished yet.")
        yield from map(Line, notes(page, filters))
        return
    among = [row.confidence_score for row in rows]
    yield _table([_row(row, names, among) for row in rows])
    yield Line()
    if any(record.latency_seconds > LONG_LATENCY for record in rows):
        yield Line("The latency counts from the timestamp of the task, which the task states itself.", "dim")
    yield Line(f"{count(len(rows), 'audit record')}{filters.sentence}.")
    yield from map(Line, notes(page, filters))


def _table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    """Return the table, with the type of the task and the time of the decision where the screen has room for them."""
    outcome = Column("decision"), Column("by", gives_way=True, folds=True)
    columns = (TASK, _TYPE, RISK, CONFIDENCE, ROUTING, *outcome, _DECIDED, Column("latency", right=True))
    widths = [
        max(len(text) for text in (column.name, *(row[at].text for row in rows))) for at, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    for extra in (columns.index(_DECIDED), columns.index(_TYPE)):
        if sum(widths[at] + _BETWEEN for at in shown) - _BETWEEN > screen_width():
            shown.remove(extra)
    return Table([columns[at] for at in shown], [tuple(row[at] for at in shown) for row in rows])


def notes(page: Page | Reading, filters: Filters) -> Iterator[str]:
    """Say what a list leaves out, and how to see it."""
    if page.quality_checks:
        checks = count(page.quality_checks, "quality check")
        yield f"Left out: {checks} of reviewers, which 'hitl audit export' has."
    if page.more:
        yield f"More records follow; the next page: --after {inline(str(page.last))}"


def _row(record: AuditRecord, names: Mapping[str, str], among: Sequence[float | None]) -> tuple[Cell, ...]:
    return (
        Cell(task_name(record.task_id, record.case_id), quoted=True),
        Cell(record.task_type or "-", quoted=record.task_type is not None),
        blocks.risk(record.risk_level),
        Cell(confidence(record.confidence_score, among)),
        Cell(_ROUTES[record.routing_decision], blocks.ROUTING_STYLE.get(record.routing_decision, "")),
        Cell(_ENDS.get(record.final_decision, record.final_decision), blocks.outcome(record.final_decision).style),
        _by(record, names),
        Cell(local_minute(record.timestamp), "dim"),
        _latency(record),
    )


def _latency(record: AuditRecord) -> Cell:
    """Return the latency; a record of the past that was decided at the time of its task states none."""
    if record.replayed and record.latency_seconds <= 0:
        return Cell("not known", "dim")
    return Cell(duration_text(record.latency_seconds))


def _by(record: AuditRecord, names: Mapping[str, str]) -> Cell:
    """Return the person who decided, and the number of others who voted or escalated; else the source."""
    if record.decision_source is not DecisionSource.HUMAN:
        return Cell(record.decision_source, "dim")
    person = record.human_role or record.decision_source
    if record.reviewer_id is not None:
        person = known_as(record.reviewer_id, names)
    others = len({vote.person or vote.reviewer_id or vote.review_id for vote in record.votes}) - 1
    return Cell(f"{person} +{others}" if others > 0 else person, quoted=True)
