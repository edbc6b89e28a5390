"""Tables of controls: every control has a status, its evidence comes from the report, and each gap is stated."""

from datetime import timedelta

import pytest
from support.measured import full_metrics
from support.reports import DOMAINS, TYPES, a_full_report, a_tampered_report, an_empty_report

from hitl_orchestrator.insights.report.controls import FRAMEWORKS, control_tables
from hitl_orchestrator.insights.report.model import Compliance, Drill, Integrity, Violation
from hitl_orchestrator.insights.shares import share_among

SOUND = Integrity(checked=True, sound=True, entries=100, heads=2, seals_checked=True)
FOLLOWED = Compliance(derived=50, agree=48, stricter=2, not_derived={}, violations=())
DRILLED = Drill(
    drill_id="kill_switch", name="Kill switch", runs=1, result="the first case obeyed after 3 s", severity="good"
)


def statuses(framework, report):
    (table,) = control_tables([framework], report)
    return {control.control_id: control.status for control in table.controls}


def control(framework, control_id, report):
    (table,) = control_tables([framework], report)
    (found,) = [each for each in table.controls if each.control_id == control_id]
    return found


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    "report", [an_empty_report(), a_tampered_report(), a_full_report()], ids=["empty", "bad", "full"]
)
def test_every_control_says_what_is_shown_or_what_is_missing(framework, report):
    (table,) = control_tables([framework, framework], report)

    ids = [each.control_id for each in table.controls]
    assert len(set(ids)) == len(ids) >= 13
    for each in table.controls:
        assert each.evidence
        assert (each.gap is None) == (each.status == "shown") or each.status == "not_shown"
        assert each.evidence != "-" or each.status == "outside"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_empty_store_shows_no_control_about_decisions(framework):
    report = an_empty_report()

    shown = {name for name, status in statuses(framework, report).items() if status in ("shown", "partly")}

    assert shown <= {"12(1)"}


def test_a_violation_takes_back_what_the_policy_would_show():
    metrics = full_metrics(TYPES, DOMAINS, 7)
    good = an_empty_report(metrics=metrics, compliance=FOLLOWED, integrity=SOUND)
    violation = Violation(case_id="c", task_id="t", at=good.generated_at, what="it was approved automatically")
    bad = good.model_copy(update={"compliance": FOLLOWED.model_copy(update={"violations": (violation,)})})

    assert [statuses("aisvs", each)["9.2.1"] for each in (good, bad)] == ["partly", "not_shown"]
    assert [statuses("eu-ai-act", each)["14(1)"] for each in (good, bad)] == ["partly", "not_shown"]
    assert [statuses("nist-rmf", each)["GOVERN 3.2"] for each in (good, bad)] == ["shown", "not_shown"]


def test_a_ledger_that_is_not_sound_proves_nothing():
    metrics = full_metrics(TYPES, DOMAINS, 7)
    report = an_empty_report(metrics=metrics, compliance=FOLLOWED, integrity=SOUND)
    broken = SOUND.model_copy(update={"sound": False, "problem": "entry 4 was altered"})

    assert statuses("eu-ai-act", report)["12(2)"] == "shown"
    found = control("eu-ai-act", "12(2)", report.model_copy(update={"integrity": broken}))
    assert (found.status, "the ledger is not sound: entry 4 was altered" in found.evidence) == ("not_shown", True)


def test_without_the_key_the_gap_is_stated():
    unsealed = SOUND.model_copy(update={"seals_checked": False})
    metrics = full_metrics(TYPES, DOMAINS, 7)

    found = control("aisvs", "12.4.2", an_empty_report(metrics=metrics, integrity=unsealed))

    assert (found.status, found.gap) == ("partly", "without the key of the ledger, its seals were not verified")


def test_a_kill_switch_that_was_never_drilled_is_not_shown():
    before, after = an_empty_report(), an_empty_report(drills=(DRILLED,))

    assert [statuses("aisvs", each)["9.6.1"] for each in (before, after)] == ["not_shown", "partly"]
    assert control("eu-ai-act", "14(4)(e)", after).evidence == "Kill switch: the first case obeyed after 3 s"


def test_a_framework_that_is_unknown_is_refused():
    with pytest.raises(KeyError):
        control_tables(["iso"], an_empty_report())


def test_replayed_records_are_named_as_a_gap():
    metrics = full_metrics(TYPES, DOMAINS, 7)
    cases = metrics.cases.model_copy(update={"replayed": metrics.cases.decided})
    report = an_empty_report(metrics=metrics.model_copy(update={"cases": cases}), compliance=FOLLOWED, integrity=SOUND)

    found = control("aisvs", "9.2.8", report)

    assert found.status == "partly"
    assert found.gap == f"{cases.decided:,} of {cases.decided:,} cases are replayed records of the past"


def test_escalated_cases_count_as_sent_to_a_person():
    metrics = full_metrics(TYPES, DOMAINS, 7)
    group = metrics.by["risk_level"][0]
    sure = group.model_copy(update={"review": share_among(0, 20), "escalation": share_among(20, 20), "key": "high"})
    report = an_empty_report(metrics=metrics.model_copy(update={"by": {"risk_level": (sure,)}}))

    assert control("eu-ai-act", "14(3)", report).evidence == "sent to a person: high risk 100 %"


def test_without_a_missed_deadline_nothing_is_shown_about_them():
    metrics = full_metrics(TYPES, DOMAINS, 7)
    none = metrics.verdicts.model_copy(update={"timeout": 0})
    some = metrics.verdicts.model_copy(update={"timeout": 3})
    reports = [
        an_empty_report(metrics=metrics.model_copy(update={"verdicts": each}), compliance=FOLLOWED)
        for each in (none, some)
    ]

    assert [statuses("aisvs", each)["9.6.2"] for each in reports] == ["not_shown", "shown"]


def with_cases(**changes):
    metrics = full_metrics(TYPES, DOMAINS, 7)
    cases = metrics.cases.model_copy(update=changes)
    return an_empty_report(metrics=metrics.model_copy(update={"cases": cases}), compliance=FOLLOWED, integrity=SOUND)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_ledger_that_is_not_sound_shows_no_control_and_one_that_was_not_verified_none_wholly(framework):
    good = with_cases().model_copy(update={"drills": (DRILLED,)})
    broken = SOUND.model_copy(update={"sound": False, "problem": "entry 4 was altered"})
    unchecked = SOUND.model_copy(update={"checked": False, "sound": None})

    assert set(statuses(framework, good.model_copy(update={"integrity": broken})).values()) <= {"not_shown", "outside"}
    assert "shown" not in statuses(framework, good.model_copy(update={"integrity": unchecked})).values()


@pytest.mark.parametrize(("days", "status"), [(0, "not_shown"), (182, "not_shown"), (183, "shown")])
def test_the_age_of_logs_is_that_of_the_oldest_entry_and_not_of_replayed_decisions(days, status):
    report = with_cases()
    kept = SOUND.model_copy(update={"oldest": report.generated_at - timedelta(days=days)})

    found = control("eu-ai-act", "26(6)", report.model_copy(update={"integrity": kept}))

    assert (found.status, f", {days} days ago" in found.evidence) == (status, True)


def test_decisions_without_a_person_and_without_content_shown_are_not_counted_as_such():
    found, without = control("aisvs", "12.4.2", with_cases(named=600, shown=0)), with_cases(named=0, shown=0)

    assert "678 decisions of people: 600 with the id of the person, 0 with a digest of what was shown" in found.evidence
    assert (found.status, found.gap) == ("partly", "78 decisions without the id of a person")
    assert control("aisvs", "12.4.2", without).status == "not_shown"


def test_a_drill_that_was_never_run_or_not_clean_is_a_gap():
    bias = [Drill(drill_id=each, name=each, runs=0, result="never run", severity="unknown") for each in BIAS]
    run = [each.model_copy(update={"runs": 40, "severity": "good"}) for each in bias]
    mixed = (run[0], bias[1], run[2].model_copy(update={"severity": "watch"}))
    cases = ((tuple(bias), "not_shown", None), (tuple(run), "shown", None))

    for drills, status, gap in (*cases, (mixed, "partly", "fatigue: never run; overrides: not clean")):
        found = control("eu-ai-act", "14(4)(b)", an_empty_report(drills=drills))
        assert (found.status, found.gap) == (status, gap)


BIAS = ("planted_errors", "fatigue", "overrides")


def test_stops_that_never_happened_and_replayed_overrides_are_gaps():
    live, past = with_cases(), with_cases(replayed=1204)

    assert control("aisvs", "12.4.3", live).gap == "no kill switch was ever used"
    assert control("aisvs", "12.4.3", live.model_copy(update={"drills": (DRILLED,)})).status == "shown"
    assert [control("eu-ai-act", "14(4)(d)", each).status for each in (live, past)] == ["shown", "partly"]


def test_the_days_of_monitoring_are_those_from_the_first_decision_to_the_last():
    report = with_cases()
    first, last = report.metrics.period.first, report.metrics.period.last

    assert (
        f"1,204 decisions, {first:%Y-%m-%d} to {last:%Y-%m-%d}, measured by the "
        in control("nist-rmf", "MEASURE 2.4", report).evidence
    )
