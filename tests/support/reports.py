"""Reports as values: an empty one, a full one, one of a damaged store, and one whose texts are in ten languages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision, HumanDecision, RiskLevel
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
from hitl_orchestrator.insights.report.model import (
    Change,
    Compliance,
    Control,
    ControlTable,
    Criterion,
    Decided,
    Drill,
    Finding,
    Integrity,
    Judgment,
    NextStep,
    Novelty,
    Report,
    SignalLine,
    Violation,
)
from hitl_orchestrator.insights.reviewer_quality import QualitySignal, ReviewerQuality
from hitl_orchestrator.insights.shares import Share, share_among

NOW = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)
TYPES = ("refund request", "claim triage", "invoice coding", "content moderation", "address change")
DOMAINS = ("insurance", "finance", "support")
PEOPLE = ("ana.torres", "b.okafor", "chen.li", "d.novak")
TEN_LANGUAGES = (
    "Rückerstattung prüfen",
    "demande de remboursement",
    "返金リクエスト",
    "退款请求",
    "환불 요청",
    "طلب استرداد",
    "בקשת החזר",
    "धनवापसी अनुरोध",
    "запрос на возврат",
    "αίτημα επιστροφής",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "| a | b |",
    "`tick` *star* _line_ [l](javascript:x) ![i](http://evil.example/i.png)",
    "#panic() $x$ \\ @ref <label> // = head",
    "{{ 7 * 7 }} {% raw %}",
    "</td></table><h1>x",
    "- item # head ~~s~~ https://evil.example",
)
NO_SHARE = share_among(0, 0)


def an_empty_report(**changes: object) -> Report:
    """Return the report on a store without a decision."""
    unknown = Judgment(word="no decisions", severity="unknown", because="Nothing was decided yet.", criteria=())
    report = Report(
        store="hitl.db",
        software_version="0.1.0",
        generated_at=NOW,
        alarms=(),
        signal=SignalLine(
            decisions=0,
            automated=None,
            reviews=0,
            escalations=0,
            overrides=0,
            text="decisions 0 | automated - | reviews 0 | escalations 0 | overrides 0",
        ),
        verdict=unknown,
        health=unknown,
        integrity=Integrity(checked=True, sound=True, entries=0, heads=0, seals_checked=True),
        compliance=Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=()),
        metrics=no_metrics(),
        previous=None,
        changes=(),
        findings=(),
        next_steps=(),
        novelty=Novelty(since=None, new={}, unstaffed_domains=(), forecasts=()),
        decided=(),
        decided_left_out=0,
        drills=(),
        controls=(),
    )
    return report.model_copy(update=changes)


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
            why_not="0 of 30 cases",
        ),
        risk_coverage=RiskCoverage(cases=0, points=(), area=None, why_not="0 of 30 cases"),
        latency=Latency(
            total=none, waiting=none, working=none, automatic=none, overdue=NO_SHARE, by_role={}, by_risk={}
        ),
        reviewers=(),
        rules=(),
        never_fired=(),
        error_types=(),
        autonomy=(),
        stakes=(),
        every="week",
        trend=(),
    )


def a_tampered_report() -> Report:
    """Return the report on a store whose ledger was changed."""
    return a_full_report().model_copy(
        update={
            "alarms": (
                "The ledger is not sound: entry 4 of case c-17 does not match its hash. Do not rely on this report.",
                "The seal key HITL_SEAL_KEY is missing: the seals were not checked.",
            ),
            "integrity": Integrity(
                checked=True,
                sound=False,
                entries=4812,
                heads=41,
                seals_checked=False,
                problem="entry 4 of case c-17 does not match its hash",
                warnings=("the last signed tree head is 9 days old",),
            ),
        }
    )


def a_report_in_ten_languages() -> Report:
    """Return a full report whose names stem from ten languages."""
    return a_full_report(types=TEN_LANGUAGES, domains=TEN_LANGUAGES[:4])


def a_hostile_report() -> Report:
    """Return a full report whose texts try to be markup."""
    report = a_full_report(types=HOSTILE, domains=HOSTILE)
    sentence = " ".join(HOSTILE)
    return report.model_copy(
        update={
            "store": sentence,
            "alarms": HOSTILE,
            "signal": report.signal.model_copy(update={"text": sentence}),
            "findings": (Finding(finding_id="f", severity="bad", sentence=sentence, evidence=sentence),),
            "next_steps": (NextStep(finding_id="f", sentence=sentence, command=sentence),),
            "changes": (Change(name="x", before=None, after=None, is_certain=False, sentence=sentence),),
        }
    )


def a_full_report(
    types: Sequence[str] = TYPES, domains: Sequence[str] = DOMAINS, decided: int = 40, seed: int = 7
) -> Report:
    """Return a report with something in every place."""
    metrics = full_metrics(types, domains, seed)
    return an_empty_report(
        store="claims-production.db",
        signal=SignalLine(
            decisions=1204,
            automated=0.4367,
            reviews=678,
            escalations=61,
            overrides=37,
            text="decisions 1204 | automated 43% | reviews 678 | escalations 61 | overrides 37",
        ),
        verdict=_verdict(),
        health=_health(),
        integrity=Integrity(checked=True, sound=True, entries=4812, heads=41, seals_checked=True),
        compliance=_compliance(),
        metrics=metrics,
        previous=metrics,
        changes=_changes(types[0]),
        findings=_findings(types),
        next_steps=_next_steps(),
        novelty=Novelty(
            since=NOW - timedelta(days=7),
            new={"task_type": (types[-1],), "model_version": ("m-2026-11",)},
            unstaffed_domains=(domains[-1],),
            forecasts=("At this trend, the health word becomes “watch” in about 3 weeks.",),
        ),
        decided=_decided(types, domains, decided, seed),
        decided_left_out=1204 - decided,
        drills=_drills(),
        controls=_controls(),
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
        lowest=share.lowest if enough else None,
        highest=share.highest if enough else None,
        enough=enough,
        why_not=None if enough else f"the effective number of reviews is {reviews}, and at least 30 are needed",
        lowest_of_all=share.lowest if enough else None,
        highest_of_all=share.highest if enough else None,
    )


def full_metrics(types: Sequence[str], domains: Sequence[str], seed: int) -> Metrics:
    """Return metrics with something in every place."""
    random = Random(seed)
    by = {
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
    bands = ("none", "<0.50", "0.60-0.70", "0.80-0.90", "0.95-1.00")
    heat = [
        HeatCell(
            task_type=kind, confidence_band=band, cases=(of := random.randrange(3, 60)), overturn=a_share(of, random)
        )
        for kind in types
        for band in bands
    ]
    return no_metrics().model_copy(
        update={
            "period": Period(since=None, until=None, first=NOW - timedelta(days=60), last=NOW - timedelta(hours=3)),
            "cases": CaseCounts(decided=1204, canceled=9, open=14, overdue=3, unanswered_checks=6, quality_checks=80),
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
            "by": by,
            "overturn_map": tuple(heat),
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
            "stakes": (
                Stake(
                    field="amount",
                    unit="EUR",
                    cases=1204,
                    stated=1100,
                    total=1_204_331.5,
                    automatic=310_220.1,
                    reviewed=894_111.4,
                    overturned=190_402.75,
                    open=12_040.0,
                ),
            ),
            "trend": _trend(random),
            "marks": (
                Mark(at=NOW - timedelta(days=30), kind="policy", label="claims_policy_v4"),
                Mark(at=NOW - timedelta(days=21), kind="model_version", label="m-2026-11"),
            ),
        }
    )


def a_share(of: int, random: Random) -> Share:
    """Return a share with a random count; one of few cases says that it must not be relied on."""
    share = share_among(random.randrange(of + 1), of)
    return share.model_copy(update={"why_not": f"{of} of 10 cases"}) if of < 10 else share


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


def _verdict() -> Judgment:
    return Judgment(
        word="conditional",
        severity="watch",
        because="Errors among automatic cases may exceed the tolerated 5%: the interval reaches 13.8%.",
        criteria=(
            Criterion(criterion_id="sound", demands="the ledger is sound", measured="4,812 entries", holds=True),
            Criterion(
                criterion_id="compliant", demands="no decision breaks its policy", measured="2 violations", holds=False
            ),
            Criterion(
                criterion_id="errors",
                demands="errors among automatic cases are certainly at most 5%",
                measured="7.6% (4.0–13.8%)",
                holds=False,
            ),
            Criterion(criterion_id="drills", demands="a kill-switch drill in 90 days", measured="none", holds=None),
        ),
    )


def _health() -> Judgment:
    return Judgment(
        word="healthy",
        severity="good",
        because="Every rule holds.",
        criteria=(
            Criterion(criterion_id="overdue", demands="at most 5% decided late", measured="2.6%", holds=True),
            Criterion(criterion_id="backlog", demands="no case is open for 3 days", measured="14 open", holds=True),
        ),
    )


def _compliance() -> Compliance:
    return Compliance(
        derived=1190,
        agree=1171,
        stricter=17,
        not_derived={"facts were erased": 14},
        violations=(
            Violation(
                case_id="c-0041",
                task_id="t-0041",
                at=NOW - timedelta(days=3),
                what="auto approved; claims_policy_v4 demands a human review",
            ),
            Violation(
                case_id="c-0977", task_id="t-0977", at=NOW - timedelta(days=2), what="one approval; two are needed"
            ),
        ),
    )


def _changes(kind: str) -> tuple[Change, ...]:
    return (
        Change(
            name="overturn",
            before=0.19,
            after=0.255,
            is_certain=True,
            sentence="Overturned rose from 19.0% to 25.5%.",
            severity="bad",
        ),
        Change(
            name="automation",
            before=0.41,
            after=0.4367,
            is_certain=False,
            sentence=f"Automated rose from 41.0% to 43.6%, most of all in {kind}.",
            severity="watch",
        ),
        Change(
            name="median",
            before=1200,
            after=840,
            is_certain=True,
            sentence="The median time to a decision fell from 20 min to 14 min.",
            severity="good",
        ),
    )


def _findings(types: Sequence[str]) -> tuple[Finding, ...]:
    return (
        Finding(
            finding_id="never",
            severity="bad",
            sentence=f"{types[0]} is overturned in 58.0% of its reviews, and goes ahead automatically in 49.2% of its cases.",
            evidence="47 of 81 reviewed; 95% interval 47.1–68.2%; 79 of 160 automatic",
        ),
        Finding(
            finding_id="sure",
            severity="watch",
            sentence=f"The agent is too sure in {types[1]}: mean confidence 0.91, approved 0.74.",
            evidence="62 cases; expected calibration error 0.17",
        ),
        Finding(
            finding_id="loosen",
            severity="good",
            sentence=f"{types[-1]} could go ahead from confidence 0.85 on: errors there are certainly below 5%.",
            evidence="2 of 140 overturned; 95% interval 0.3–5.0%",
        ),
    )


def _next_steps() -> tuple[NextStep, ...]:
    return (
        NextStep(
            finding_id="never",
            sentence="Send the task type to people, and see what that costs.",
            command="hitl policy backtest claims_policy_v5.yaml --against claims_policy_v4",
        ),
        NextStep(finding_id="sure", sentence="Raise the bound to 0.95 for this task type."),
        NextStep(finding_id="other", sentence="Run the kill-switch drill.", command="hitl drill kill-switch"),
    )


def _decided(types: Sequence[str], domains: Sequence[str], count: int, seed: int) -> tuple[Decided, ...]:
    random = Random(seed)
    rows = []
    for number in range(count):
        automatic = random.random() < 0.4
        said = None if automatic else random.choice(list(HumanDecision)[:4])
        final = FinalDecision.APPROVED if said is None else said.final or FinalDecision.APPROVED
        rows.append(
            Decided(
                case_id=f"0198c0de-7e5a-7c11-9d2b-{number:012d}",
                task_id=f"t-{number:04d}",
                task_type=types[number % len(types)],
                domain=domains[number % len(domains)],
                risk_level=random.choice(list(RiskLevel)),
                confidence=None if number % 11 == 0 else round(random.uniform(0.4, 0.99), 3),
                routing=Action.AUTO_APPROVE if automatic else Action.HUMAN_REVIEW,
                rule_id="r1_low_risk_sure" if automatic else "r2_medium",
                final_decision=final,
                source=DecisionSource.AGENT if automatic else DecisionSource.HUMAN,
                human_decision=said,
                person=None if automatic else random.choice(PEOPLE),
                role=None if automatic else "reviewer",
                at=NOW - timedelta(minutes=37 * number),
                replayed=number % 9 == 0,
            )
        )
    return tuple(rows)


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
            sentence=f"{kind}: {verdict.replace('_', ' ')} at a tolerated share of errors of 5%.",
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


def _drills() -> tuple[Drill, ...]:
    return (
        Drill(
            drill_id="planted",
            name="Planted errors caught",
            runs=24,
            result="22 of 24 caught (95% interval 74.1–97.6%)",
            severity="good",
            last_at=NOW - timedelta(days=2),
        ),
        Drill(drill_id="kill", name="Kill switch", runs=0, result="never run", severity="unknown"),
        Drill(
            drill_id="fatigue",
            name="Fatigue over time",
            runs=678,
            result="approvals rise from 71.0% in the first hour to 84.2% in the last",
            severity="watch",
            last_at=NOW,
        ),
    )


def _controls() -> tuple[ControlTable, ...]:
    return (
        ControlTable(
            framework="eu-ai-act",
            title="EU AI Act, Articles 12, 14 and 26",
            source="Regulation (EU) 2024/1689",
            controls=(
                Control(
                    control_id="12(1)",
                    title="Automatic recording of events over the lifetime of the system",
                    status="shown",
                    evidence="4,812 entries in a hash chain with 41 signed tree heads",
                    gap=None,
                ),
                Control(
                    control_id="14(4)(b)",
                    title="People remain aware of automation bias",
                    status="partly",
                    evidence="24 planted errors, 22 caught; median time to look 95 s",
                    gap="Whether people were trained is not in the ledger.",
                ),
                Control(
                    control_id="14(4)(e)",
                    title="Interrupt the system through a stop button",
                    status="not_shown",
                    evidence="No drill is recorded.",
                    gap="Run the kill-switch drill.",
                ),
                Control(
                    control_id="26(2)",
                    title="Oversight by people with competence and authority",
                    status="outside",
                    evidence="Roles per person are recorded.",
                    gap="Competence is shown by records of training, outside of this system.",
                ),
            ),
        ),
    )
