"""A report from its parts."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.report.changes import changes_between
from hitl_orchestrator.insights.report.findings import Found, find_all
from hitl_orchestrator.insights.report.flaws import flaws_in
from hitl_orchestrator.insights.report.judgments import Duties, judge_governance, judge_health
from hitl_orchestrator.insights.report.model import (
    Compliance,
    ControlTable,
    Decided,
    Drill,
    Integrity,
    NextStep,
    Novelty,
    Report,
    SignalLine,
)
from hitl_orchestrator.insights.report.phrases import number, where_safe

TOLERATED = 0.05
"""The share of errors among automatic cases that is tolerated by default."""

MOST_FINDINGS = 12


class Parts(NamedTuple):
    """What a report is composed of. `compared` are the metrics of two periods, and `comparison` says which.

    `store_option` are the words that name the store in a command, such as `--store URL`; None where there is no store
    that a command could be about.
    """

    store: str
    software_version: str
    generated_at: datetime
    alarms: Sequence[str]
    integrity: Integrity
    compliance: Compliance
    metrics: Metrics
    compared: tuple[Metrics, Metrics] | None
    comparison: str
    duties: Duties
    novelty: Novelty
    decided: Sequence[Decided]
    decided_left_out: int
    scrubs_due: int = 0
    drills: Sequence[Drill] = ()
    controls: Sequence[ControlTable] = ()
    store_option: Sequence[str] | None = ()
    tolerated: float = TOLERATED


def signal_line(metrics: Metrics) -> SignalLine:
    """Return the first line: `decisions 5 | automated 40 % | reviews 2 | escalations 1 | overrides 1`.

    With many open cases, which it does not count, it says so: `automated 100 %, 67 % with 6,560 open cases`.
    """
    decisions, automated = metrics.cases.decided, metrics.automation.share
    reviews, escalations, overrides = metrics.review.count, metrics.escalation.count, metrics.verdicts.override
    waiting, of_all = metrics.cases.many_undecided, metrics.automated_of_all
    beside = f" without {number(waiting, 'open case')}" if waiting else ""
    if of_all is not None:
        beside = f", {percent(of_all)} with {number(waiting, 'open case')}"
    figures = {
        "decisions": f"{decisions:,}",
        "automated": f"{'-' if automated is None else percent(automated)}{beside}",
        "reviews": f"{reviews:,}",
        "escalations": f"{escalations:,}",
        "overrides": f"{overrides:,}",
    }
    return SignalLine(
        decisions=decisions,
        automated=automated,
        reviews=reviews,
        escalations=escalations,
        overrides=overrides,
        text=" | ".join(f"{word} {figure}" for word, figure in figures.items()),
        open=waiting,
        automated_of_all=of_all,
    )


def compose(parts: Parts) -> Report:
    """Return the report that the parts make."""
    flaws = flaws_in(parts.integrity, parts.compliance, parts.duties, parts.scrubs_due)
    found = [*flaws, *find_all(parts.metrics, parts.tolerated)][:MOST_FINDINGS]
    return Report(
        store=parts.store,
        software_version=parts.software_version,
        generated_at=parts.generated_at,
        alarms=tuple(parts.alarms),
        signal=signal_line(parts.metrics),
        verdict=judge_governance(parts.metrics, parts.integrity, parts.compliance, parts.duties, parts.scrubs_due),
        health=judge_health(parts.metrics, parts.tolerated),
        where_safe=where_safe(parts.metrics.autonomy, parts.tolerated),
        integrity=parts.integrity,
        compliance=parts.compliance,
        metrics=parts.metrics,
        previous=None if parts.compared is None else parts.compared[0],
        comparison=parts.comparison,
        changes=() if parts.compared is None else changes_between(*parts.compared),
        findings=tuple(each.finding for each in found),
        next_steps=tuple(_step(each, parts.store_option) for each in found),
        novelty=parts.novelty,
        decided=tuple(parts.decided),
        decided_left_out=parts.decided_left_out,
        drills=tuple(parts.drills),
        controls=tuple(parts.controls),
    )


def _step(found: Found, store_option: Sequence[str] | None) -> NextStep:
    command = None
    if found.command is not None and store_option is not None:
        command = shlex.join(("hitl", *found.command, *store_option))
    return NextStep(finding_id=found.finding.finding_id, sentence=found.step, command=command)
