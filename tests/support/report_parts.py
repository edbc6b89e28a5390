"""Metrics and parts of reports as values, for tests of what a report makes of them."""

from datetime import UTC, datetime
from typing import Any

from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.metrics.model import (
    Autonomy,
    Calibration,
    CaseCounts,
    FalseConfidence,
    Group,
    Latency,
    Metrics,
    Moment,
    Period,
    Quantiles,
    RiskCoverage,
    Verdicts,
)
from hitl_orchestrator.insights.report.compose import Parts
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.model import Compliance, Integrity, Novelty, Violation
from hitl_orchestrator.insights.shares import Share, share_among

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NONE = share_among(0, 0)
NO_TIMES = Quantiles(of=0, median=None, p90=None, p99=None)
VERIFIED = Integrity(checked=True, sound=True, entries=100, heads=1, seals_checked=True)
FOLLOWED = Compliance(derived=100, agree=100, stricter=0, not_derived={}, violations=())

LENIENT = Compliance(
    derived=100,
    agree=99,
    stricter=0,
    not_derived={},
    violations=(Violation(case_id="c1", task_id="t1", at=NOW, what="approved, and rule r demands a person"),),
)


def errors_of(wrong: int, of: int, *, cases: int = 100, enough: bool = True) -> EscapedErrors:
    """The errors among automatic cases, of which some were looked at."""
    share = share_among(wrong, of)
    return EscapedErrors(
        cases=cases,
        unseen=0,
        unanswered=0,
        reviews=of,
        effective_reviews=float(of),
        share=share.share if enough else None,
        lowest=share.lowest if enough else None,
        highest=share.highest if enough else None,
        best=share.share if enough else None,
        worst=share.share if enough else None,
        enough=enough,
        why_not=None if enough else f"the effective number of reviews is {of}, and at least 30 are needed",
        lowest_of_all=share.lowest if enough else None,
        highest_of_all=share.highest if enough else None,
    )


def some_metrics(**changes: Any) -> Metrics:
    """Metrics of 100 cases without anything out of the ordinary; 60 were automatic, 40 reviewed."""
    fields: dict[str, Any] = {
        "period": Period(since=None, until=None, first=NOW, last=NOW),
        "cases": CaseCounts(decided=100),
        "automation": share_among(60, 100),
        "review": share_among(30, 100),
        "escalation": share_among(10, 100),
        "verdicts": Verdicts(approve=40),
        "overturn": share_among(0, 40),
        "override": share_among(0, 40),
        "rejection": share_among(0, 40),
        "modification": share_among(0, 40),
        "approval": share_among(40, 40),
        "automatic_errors": errors_of(0, 200),
        "by": {},
        "overturn_map": (),
        "false_confidence": FalseConfidence(bound=0.8, overturned=NONE, cases=()),
        "calibration": Calibration(
            cases=0, bins=(), ece=None, brier=None, mean_confidence=None, approved=None, represents="reviewed cases"
        ),
        "risk_coverage": RiskCoverage(cases=0, points=(), area=None),
        "latency": Latency(
            total=NO_TIMES,
            waiting=NO_TIMES,
            working=NO_TIMES,
            automatic=NO_TIMES,
            overdue=NONE,
            by_role={},
            by_risk={},
        ),
        "reviewers": (),
        "rules": (),
        "never_fired": (),
        "error_types": (),
        "autonomy": (),
        "stakes": (),
        "every": "1w",
        "trend": (),
    }
    return Metrics(**(fields | changes))


def refunds(*, automatic: int = 49) -> Autonomy:
    """A task type that people overturn too often at every confidence."""
    return Autonomy(
        task_type="refund",
        verdict="never",
        cases=100,
        automatic=share_among(automatic, 100),
        overturn=share_among(23, 40),
        bound=None,
        coverage=None,
        errors_above=None,
        sentence="at every bound certainly more than 5 % were overturned",
    )


def group(key: str, overturn: Share) -> Group:
    """The cases of one group, half of them automatic."""
    return Group(
        key=key,
        cases=100,
        automation=share_among(50, 100),
        review=share_among(50, 100),
        escalation=share_among(0, 100),
        verdicts=Verdicts(),
        overturn=overturn,
    )


def some_parts(metrics: Metrics | None = None, **changes: Any) -> Parts:
    """The parts of a report on a verified store."""
    parts = Parts(
        store="sqlite:///hitl.db",
        software_version="0.1.0",
        generated_at=NOW,
        alarms=(),
        integrity=VERIFIED,
        compliance=FOLLOWED,
        metrics=metrics or some_metrics(),
        compared=None,
        comparison="",
        duties=Duties(reviewed=40),
        novelty=Novelty(since=None, new={}, unstaffed_domains=(), forecasts=()),
        decided=(),
        decided_left_out=0,
    )
    return parts._replace(**changes)


def weeks(*wrong_of: tuple[int, int]) -> tuple[Moment, ...]:
    """A week for each pair, in which so many of so many reviews were overturned."""
    return tuple(moment(number, share_among(*pair)) for number, pair in enumerate(wrong_of, start=1))


def moment(week: int, overturn: Share) -> Moment:
    return Moment(
        start=datetime.fromisocalendar(2026, week, 1).replace(tzinfo=UTC),
        cases=overturn.of,
        automation=NONE,
        overturn=overturn,
        false_confidence=NONE,
        median_latency=None,
    )
