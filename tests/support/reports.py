"""Reports as values: an empty one, a full one, one of a damaged store, and one whose texts are in ten languages."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision, HumanDecision, RiskLevel
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
from support.measured import NOW, PEOPLE, full_metrics, no_metrics

TYPES = ("refund request", "claim triage", "invoice coding", "content moderation", "address change")
DOMAINS = ("insurance", "finance", "support")
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
        where_safe="not enough data: there is no decision yet",
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
            text="decisions 1204 | automated 43 % | reviews 678 | escalations 61 | overrides 37",
        ),
        verdict=_verdict(),
        health=_health(),
        where_safe="safe above a bound: loan from 0.9; never, where enough was looked at: refund",
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


def _verdict() -> Judgment:
    return Judgment(
        word="conditional",
        severity="watch",
        because="Errors among automatic cases may exceed the tolerated 5 %: the interval reaches 13.8 %.",
        criteria=(
            Criterion(criterion_id="sound", demands="the ledger is sound", measured="4,812 entries", holds=True),
            Criterion(
                criterion_id="compliant", demands="no decision breaks its policy", measured="2 violations", holds=False
            ),
            Criterion(
                criterion_id="errors",
                demands="errors among automatic cases are certainly at most 5 %",
                measured="7.6 % (4.0 to 13.8 %)",
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
            Criterion(criterion_id="overdue", demands="at most 5 % decided late", measured="2.6 %", holds=True),
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
            sentence="Overturned rose from 19.0 % to 25.5 %.",
            severity="bad",
        ),
        Change(
            name="automation",
            before=0.41,
            after=0.4367,
            is_certain=False,
            sentence=f"Automated rose from 41.0 % to 43.6 %, most of all in {kind}.",
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
            sentence=f"{types[0]} is overturned in 58.0 % of its reviews, and automatic in 49.2 % of its cases.",
            evidence="47 of 81 reviewed; 95 % interval 47.1 to 68.2 %; 79 of 160 automatic",
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
            sentence=f"{types[-1]} could go ahead from confidence 0.85 on: errors there are certainly below 5 %.",
            evidence="2 of 140 overturned; 95 % interval 0.3 to 5.0 %",
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
        answer = None if automatic else random.choice(list(HumanDecision)[:4])
        final = FinalDecision.APPROVED if answer is None else answer.final or FinalDecision.APPROVED
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
                human_decision=answer,
                person=None if automatic else random.choice(PEOPLE),
                role=None if automatic else "reviewer",
                at=NOW - timedelta(minutes=37 * number),
                replayed=number % 9 == 0,
            )
        )
    return tuple(rows)


def _drills() -> tuple[Drill, ...]:
    return (
        Drill(
            drill_id="planted",
            name="Planted errors caught",
            runs=24,
            result="22 of 24 caught (95 % interval 74.1 to 97.6 %)",
            severity="good",
            last_at=NOW - timedelta(days=2),
        ),
        Drill(drill_id="kill", name="Kill switch", runs=0, result="never run", severity="unknown"),
        Drill(
            drill_id="fatigue",
            name="Fatigue over time",
            runs=678,
            result="approvals rise from 71.0 % in the first hour to 84.2 % in the last",
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
