"""Metrics as values: those of no cases, and full ones."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hitl_orchestrator.domain.enums import Action, HumanDecision, RiskLevel
from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.metrics.model import (
    Autonomy,
    Calibration,
    CalibrationBin,
    CaseCounts,
    ErrorType,
    FalseConfidence,
    Group,
    HeatCell,
    Latency,
    Mark,
    Metrics,
    Moment,
    Period,
    Quantiles,
    RiskCoverage,
    RiskCoveragePoint,
    RuleUse,
    Stake,
    SureAndWrong,
    Verdicts,
)
from hitl_orchestrator.insights.reviewer_quality import QualitySignal, ReviewerQuality
from hitl_orchestrator.insights.shares import Share, share_among

NOW = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)
PEOPLE = ("ana.torres", "b.okafor", "chen.li", "d.novak")
NO_SHARE = share_among(0, 0)


def no_metrics() -> Metrics:
    """Return the metrics of no cases."""
    none = Quantiles(of=0, median=None, p90=None, p99=None)
    return Metrics(
        period=Period(since=None, until=None, first=None, last=None),
        cases=CaseCounts(decided=0),
        automation=NO_SHARE,
        review=NO_SHARE,
        escalation=NO_SHARE,
        verdicts=Verdicts(),
        overturn=NO_SHARE,
        override=NO_SHARE,
        rejection=NO_SHARE,
        modification=NO_SHARE,
        approval=NO_SHARE,
        automatic_errors=errors(0, 0, 0),
        by={},
        overturn_map=(),
        false_confidence=FalseConfidence(bound=0.8, overturned=NO_SHARE, cases=()),
        calibration=Calibration(
            cases=0,
            bins=(),
            ece=None,
            brier=None,
            mean_confidence=None,
            approved=None,
            represents="no cases",
            why_not="not enough data: 0 of 30",
        ),
        risk_coverage=RiskCoverage(cases=0, points=(), area=None, why_not="not enough data: 0 of 30"),
        latency=Latency(
            total=none, waiting=none, working=none, automatic=none, overdue=NO_SHARE, by_role={}, by_risk={}
        ),
        reviewers=(),
        rules=(),
        never_fired=(),
        error_types=(),
        autonomy=(),
        stakes=(),
        every="1w",
        trend=(),
    )


def errors(cases: int, reviews: int, wrong: int) -> EscapedErrors:
    """Return the estimate over automatic cases of which all could be drawn."""
    enough = reviews >= 30
    share = share_among(wrong, reviews)
    return EscapedErrors(
        cases=cases,
        unseen=0,
        unanswered=0,
        reviews=reviews,
        effective_reviews=float(reviews),
        share=share.share if enough else None,
        best=share.share if enough else None,
        worst=share.share if enough else None,
        lowest=share.lowest if enough else None,
        highest=share.highest if enough else None,
        enough=enough,
        why_not=None if enough else f"not enough data: {reviews} of about 30 labels needed",
        lowest_of_all=share.lowest if enough else None,
        highest_of_all=share.highest if enough else None,
    )


def full_metrics(types: Sequence[str], domains: Sequence[str], seed: int) -> Metrics:
    """Return metrics with something in every place."""
    random = Random(seed)
    return no_metrics().model_copy(
        update={
            "period": Period(since=None, until=None, first=NOW - timedelta(days=60), last=NOW - timedelta(hours=3)),
            "cases": CaseCounts(
                decided=1204,
                canceled=9,
                open=14,
                overdue=3,
                unanswered_checks=6,
                quality_checks=80,
                named=678,
                shown=678,
            ),
            "automation": share_among(526, 1204),
            "review": share_among(617, 1204),
            "escalation": share_among(61, 1204),
            "verdicts": Verdicts(approve=505, modify=88, label_changed=41, override=37, reject=48, timeout=4),
            "overturn": share_among(173, 678),
            "override": share_among(37, 678),
            "rejection": share_among(48, 678),
            "modification": share_among(88, 678),
            "approval": share_among(505, 678),
            "automatic_errors": errors(526, 118, 9),
            "by": _by(types, domains, random),
            "overturn_map": _overturn_map(types, random),
            "false_confidence": _false_confidence(types, domains, random),
            "calibration": _calibration(random),
            "risk_coverage": _risk_coverage(),
            "latency": _latency(),
            "reviewers": _reviewers(),
            "rules": _rules(random),
            "never_fired": ("r9_legal_hold", "r12_night_shift"),
            "error_types": tuple(
                ErrorType(reason_code=reason, cases=a_share(173, random), by_task_type={types[0]: 12, types[1]: 3})
                for reason in ("wrong_amount", "missing_document", None)
            ),
            "autonomy": _autonomy(types, random),
            "stakes": (_STAKE,),
            "trend": _trend(random),
            "marks": _MARKS,
        }
    )


def a_share(of: int, random: Random) -> Share:
    """Return a share with a random count; one of few cases says that it must not be relied on."""
    share = share_among(random.randrange(of + 1), of)
    return share.model_copy(update={"why_not": f"not enough data: {of} of 10"}) if of < 10 else share


def groups(keys: Sequence[str | None], random: Random) -> tuple[Group, ...]:
    """Return a group for each key."""
    found = []
    for key in keys:
        approve, modify, override, reject = (random.randrange(1, 90) for _ in range(4))
        people = approve + modify + override + reject
        automatic = random.randrange(10, 300)
        found.append(
            Group(
                key=key,
                cases=people + automatic,
                automation=share_among(automatic, people + automatic),
                review=share_among(people - 1, people + automatic),
                escalation=share_among(1, people + automatic),
                verdicts=Verdicts(approve=approve, modify=modify, override=override, reject=reject, timeout=2),
                overturn=share_among(people - approve, people),
                automatic_errors=errors(automatic, random.randrange(12, 60), 4),
                mean_confidence=random.uniform(0.5, 0.97),
                stake=random.uniform(100, 90_000),
            )
        )
    return tuple(found)


def _false_confidence(types: Sequence[str], domains: Sequence[str], random: Random) -> FalseConfidence:
    cases = tuple(
        SureAndWrong(
            case_id=f"c-{number:04d}",
            task_id=f"t-{number:04d}",
            task_type=types[number % len(types)],
            domain=domains[number % len(domains)],
            risk_level=RiskLevel.MEDIUM,
            confidence=round(0.99 - number / 200, 3),
            decision=random.choice((HumanDecision.REJECT, HumanDecision.MODIFY, HumanDecision.OVERRIDE)),
            reviewer_id=random.choice(PEOPLE),
            reason_code=random.choice(("wrong_amount", None)),
            at=NOW - timedelta(days=number),
            is_spot_check=number % 3 == 0,
        )
        for number in range(12)
    )
    return FalseConfidence(bound=0.8, overturned=share_among(61, 402), cases=cases, left_out=49)


def _calibration(random: Random) -> Calibration:
    bins = tuple(
        CalibrationBin(
            low=low / 10,
            high=low / 10 + 0.1,
            mean_confidence=low / 10 + 0.05,
            approved=a_share(8 * (low + 1), random),
            weight=random.uniform(0.02, 0.2),
        )
        for low in range(10)
    )
    return Calibration(
        cases=640,
        bins=bins,
        ece=0.08712,
        brier=0.16402,
        mean_confidence=0.8123,
        approved=0.745,
        represents="all decided cases with a confidence, weighted by the inverse of their review probability",
    )


def _risk_coverage() -> RiskCoverage:
    points = tuple(
        RiskCoveragePoint(bound=1 - n / 20, coverage=n / 20, risk=n / 90, lowest=n / 120, highest=n / 70)
        for n in range(1, 20)
    )
    return RiskCoverage(cases=640, points=points, area=0.1171)


def _latency() -> Latency:
    def times(median: float, of: int = 678) -> Quantiles:
        return Quantiles(of=of, median=median, p90=median * 3.4, p99=median * 11)

    return Latency(
        total=times(900),
        waiting=times(720),
        working=times(95),
        automatic=times(0.031, 526),
        overdue=share_among(18, 678),
        by_role={"reviewer": times(840, 617), "supervisor": times(7300, 61)},
        by_risk={"low": times(1200, 200), "medium": times(900, 300), "high": times(500, 178)},
    )


def _reviewers() -> tuple[ReviewerQuality, ...]:
    return tuple(
        ReviewerQuality(
            reviewer=person,
            cases=number * 61 + 12,
            timed=40,
            median_seconds=30.0 + 70 * number,
            median_seconds_per_1000=12.0 + 9 * number,
            gold_errors_approved=share_among(number, 12),
            with_agent=share_among(40 + number * 20, 120),
            with_peers=share_among(9 + number, 20),
            signals=(QualitySignal.FAST,) if number == 0 else (),
            not_enough_data=(QualitySignal.APART_FROM_PEERS,) if number == 2 else (),
        )
        for number, person in enumerate(PEOPLE)
    )


def _rules(random: Random) -> tuple[RuleUse, ...]:
    names = (
        ("r1_low_risk_sure", Action.AUTO_APPROVE),
        ("r2_medium", Action.HUMAN_REVIEW),
        ("r3_high", Action.ESCALATE),
    )
    return tuple(
        RuleUse(
            rule_id=name,
            action=action,
            cases=random.randrange(50, 600),
            overturn=a_share(120, random),
            automatic_errors=errors(400, 118, 9) if action is Action.AUTO_APPROVE else None,
            in_force=name != "r3_high",
        )
        for name, action in names
    )


def _autonomy(types: Sequence[str], random: Random) -> tuple[Autonomy, ...]:
    verdicts = ("never", "above_bound", "unclear", "not_enough_data")
    return tuple(
        Autonomy(
            task_type=kind,
            verdict=(verdict := verdicts[number % 4]),
            cases=random.randrange(20, 300),
            automatic=a_share(160, random),
            overturn=a_share(81, random),
            bound=0.85 if verdict == "above_bound" else None,
            coverage=0.612 if verdict == "above_bound" else None,
            errors_above=share_among(2, 140) if verdict == "above_bound" else None,
            sentence=f"{kind}: {verdict.replace('_', ' ')} at a tolerated share of errors of 5 %.",
        )
        for number, kind in enumerate(types)
    )


def _trend(random: Random) -> tuple[Moment, ...]:
    return tuple(
        Moment(
            start=NOW - timedelta(weeks=9 - number),
            cases=130,
            automation=a_share(130, random),
            overturn=a_share(70, random),
            false_confidence=a_share(8, random),
            median_latency=random.uniform(300, 4000),
        )
        for number in range(9)
    )


def _by(types: Sequence[str], domains: Sequence[str], random: Random) -> dict[str, tuple[Group, ...]]:
    return {
        "task_type": groups(types, random),
        "domain": groups(domains, random),
        "risk_level": groups(("low", "medium", "high"), random),
        "rule_id": groups(("r1_low_risk_sure", "r2_medium", "r3_high_risk"), random),
        "agent_id": groups(("triage-agent", "coding-agent"), random),
        "model_version": groups(("m-2026-05", "m-2026-11"), random),
        "confidence_band": groups(("none", "<0.50", "0.50-0.60", "0.80-0.90", "0.95-1.00"), random),
        "signal": groups(("none", "unusual", "low_confidence"), random),
        "human_role": groups(("reviewer", "supervisor", None), random),
    }


def _overturn_map(types: Sequence[str], random: Random) -> tuple[HeatCell, ...]:
    bands = ("none", "<0.50", "0.60-0.70", "0.80-0.90", "0.95-1.00")
    return tuple(
        HeatCell(
            task_type=kind, confidence_band=band, cases=(of := random.randrange(3, 60)), overturn=a_share(of, random)
        )
        for kind in types
        for band in bands
    )


_STAKE = Stake(
    field="amount",
    unit="EUR",
    cases=1204,
    stated=1100,
    total=1_204_331.5,
    automatic=310_220.1,
    reviewed=894_111.4,
    overturned=190_402.75,
    open=12_040.0,
)
_MARKS = (
    Mark(at=NOW - timedelta(days=30), kind="policy", label="claims_policy_v4"),
    Mark(at=NOW - timedelta(days=21), kind="model_version", label="m-2026-11"),
)
