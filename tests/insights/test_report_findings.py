"""Findings are sentences with figures, the gravest first, each with a next step."""

import shlex

import pytest
from support.report_parts import LENIENT, VERIFIED, errors_of, refunds, some_metrics, some_parts

from hitl_orchestrator.insights.metrics.model import CaseCounts
from hitl_orchestrator.insights.report.compose import compose, signal_line
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.phrases import length_of_time, name


def findings(**changes):
    return compose(some_parts(some_metrics(**changes))).findings


def test_a_type_that_never_deserves_autonomy_and_has_it_is_the_first_finding():
    found = findings(
        autonomy=(refunds(),), cases=CaseCounts(decided=100, open=3, overdue=2), automatic_errors=errors_of(9, 200)
    )

    assert found[0].severity == "bad"
    assert found[0].sentence == (
        "refund: overturned in 58 % of its 40 reviews [42 %, 72 %], and automatic in 49 % of its 100 cases."
    )
    assert [each.severity for each in found] == sorted(
        (each.severity for each in found), key=["bad", "watch", "good", "unknown"].index
    )


def test_nothing_out_of_the_ordinary_is_no_finding():
    assert findings() == ()


def test_flaws_of_the_records_come_before_what_they_say():
    broken = VERIFIED.model_copy(update={"sound": False, "problem": "entry 7: its text was altered"})
    parts = some_parts(
        some_metrics(autonomy=(refunds(),)),
        integrity=broken,
        compliance=LENIENT,
        duties=Duties(own=("c3",), reviewed=40),
        scrubs_due=2,
    )

    result = compose(parts)

    ids = [finding.finding_id for finding in result.findings]
    assert ids == ["ledger_altered", "policy_violated", "own_case", "copies_remain", "never_autonomous:refund"]
    assert [step.command for step in result.next_steps][:3] == ["hitl audit verify", "hitl show c1", "hitl show c3"]


def test_errors_of_automatic_cases_that_no_one_looked_at_are_called_unknown():
    (found,) = findings(automatic_errors=errors_of(0, 12, enough=False))

    assert found.finding_id == "automatic_unknown"
    assert "12" in found.evidence


def test_every_finding_has_a_next_step_on_the_same_store():
    result = compose(
        some_parts(
            some_metrics(autonomy=(refunds(),), cases=CaseCounts(decided=100, open=3, overdue=2)),
            store_option=("--store", "sqlite:///my store.db"),
        )
    )

    assert [step.finding_id for step in result.next_steps] == [each.finding_id for each in result.findings]
    for step in result.next_steps:
        assert shlex.split(step.command)[0] == "hitl"
        assert shlex.split(step.command)[-2:] == ["--store", "sqlite:///my store.db"]


def test_a_name_of_others_never_leaves_its_quotation_marks():
    hostile = 'refund" \x1b[31m; rm -rf ~'
    (found,) = findings(autonomy=(refunds().model_copy(update={"task_type": hostile}),))

    assert "\x1b" not in found.sentence
    assert found.sentence.startswith('"refund<U+0022> ')


def test_the_signal_line_of_no_case_has_no_share():
    none = some_metrics(
        cases=CaseCounts(decided=0),
        automation=some_metrics().false_confidence.overturned,
        review=some_metrics().latency.overdue,
        escalation=some_metrics().latency.overdue,
    )

    assert signal_line(none).text == "decisions 0 | automated - | reviews 0 | escalations 0 | overrides 0"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (45, "45 s"), (720, "12 min"), (5400, "1.5 h"), (172800, "2 d"), (0.25, "0.2 s")]
)
def test_lengths_of_time_are_in_their_largest_unit(seconds, shown):
    assert length_of_time(seconds) == shown


def test_plain_names_stand_as_they_are():
    assert (name("refund"), name("大額退款"), name("two words"), name(None, "others")) == (
        "refund",
        "大額退款",
        '"two words"',
        "others",
    )
