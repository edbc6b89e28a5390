"""Findings are sentences with figures, the gravest first, each with a next step."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.report_parts import LENIENT, NOW, VERIFIED, errors_of, group, refunds, some_metrics, some_parts

from hitl_orchestrator.insights.metrics.model import CaseCounts
from hitl_orchestrator.insights.report.compose import compose, signal_line
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.phrases import name, open_text
from hitl_orchestrator.insights.report.rendering.content.front import front
from hitl_orchestrator.insights.shares import share_among


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


@pytest.mark.parametrize(
    ("counts", "errors", "step", "command"),
    [
        ({"unanswered_checks": 21}, errors_of(0, 12, enough=False), "Answer the 21 waiting spot checks", "hitl inbox"),
        ({}, errors_of(0, 12, enough=False), "a higher spot_check", "hitl policy versions"),
        ({}, errors_of(0, 0, enough=False), "Have a share of the approved cases checked", "hitl policy versions"),
    ],
    ids=["checks wait", "too few checks", "no check"],
)
def test_what_is_not_known_is_learned_by_the_checks_that_are_missing(counts, errors, step, command):
    metrics = some_metrics(cases=CaseCounts(decided=100, **counts), automatic_errors=errors)

    found = compose(some_parts(metrics)).next_steps[0]

    assert (found.finding_id, found.command) == ("automatic_unknown", command)
    assert step in found.sentence


def test_a_type_that_people_decide_already_is_left_to_them():
    (step,) = compose(some_parts(some_metrics(autonomy=(refunds(automatic=0),)))).next_steps

    assert step.sentence.startswith("Keep it so")


def test_a_store_without_a_decision_says_what_waits_and_nothing_about_its_rules():
    def of(**counts):
        cases = CaseCounts(decided=0, **counts)
        metrics = some_metrics(cases=cases, never_fired=("r1", "r2"), automation=share_among(0, 0))
        result = compose(some_parts(metrics))
        (finding,), (step,) = result.findings, result.next_steps
        return finding.sentence, finding.evidence, step.command

    assert of() == ("There is no decision yet.", "No review is open.", None)
    assert of(open=40) == ("There is no decision yet.", "40 reviews are open.", "hitl inbox")


def test_a_rule_whose_cases_may_be_open_is_not_called_unneeded():
    def of(**counts):
        metrics = some_metrics(cases=CaseCounts(decided=100, **counts), never_fired=("r1", "r2"))
        result = compose(some_parts(metrics))
        (finding,), (step,) = result.findings, result.next_steps
        return finding.sentence, step.sentence.split()[1], step.command

    assert of() == ("2 rules decided no case: r1, r2.", "whether", "hitl policy versions")
    assert of(open=40) == ("2 rules decided no finished case: r1, r2; 40 cases are open.", "again", "hitl inbox")


def with_open(decided, waiting, *, checks=0, since=None):
    metrics = some_metrics(
        cases=CaseCounts(decided=decided, open=waiting + checks, open_checks=checks),
        automation=share_among(decided, decided),
    )
    period = metrics.period.model_copy(update={"since": since})
    return metrics.model_copy(update={"period": period})


@pytest.mark.parametrize("checks", [0, 700])
def test_many_open_cases_stand_beside_the_automated_share(checks):
    metrics = with_open(13_440, 6_560, checks=checks)

    assert "| automated 100 %, 67 % with 6,560 open cases |" in signal_line(metrics).text
    assert open_text(metrics) == "6,560 open cases are not counted; counted as reviewed, 67 % are automated"
    assert [tile.label for tile in front(compose(some_parts(metrics))).tiles][1] == "automated, 67 % with open cases"


def test_open_cases_are_of_now_and_make_no_share_of_a_period():
    metrics = with_open(13_440, 6_560, since=NOW)

    assert "| automated 100 % without 6,560 open cases |" in signal_line(metrics).text
    assert open_text(metrics) == "6,560 open cases are not counted"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_few_open_cases_are_not_mentioned(decided, waiting):
    metrics = with_open(decided, waiting)

    assert bool(open_text(metrics)) == ("open" in signal_line(metrics).text) == (0 < decided < waiting * 19)


def test_steps_about_a_file_have_no_command_on_a_store():
    result = compose(some_parts(some_metrics(autonomy=(refunds(),)), store_option=None))

    assert [step.command for step in result.next_steps] == [None]


def test_where_automation_is_safe_is_one_line_of_all_verdicts():
    kinds = {"loan": "above_bound", "refund": "never", "claim": "unclear", "email": "not_enough_data"}
    verdicts = tuple(
        refunds().model_copy(update={"task_type": kind, "verdict": word, "bound": 0.9 if kind == "loan" else None})
        for kind, word in kinds.items()
    )

    assert compose(some_parts(some_metrics(autonomy=verdicts))).where_safe == (
        "safe above a bound: loan from 0.9; never, where enough was looked at: refund; unclear: claim; "
        "not enough data: email (at most 5 % wrong cases are tolerated)"
    )
    assert compose(some_parts(some_metrics(autonomy=verdicts[1:2]))).where_safe.startswith(
        "safe above a bound: no task type; never"
    )


def test_agents_struggle_most_only_where_that_is_certain():
    def sentence(overturn):
        (found,) = findings(by={"task_type": (group("refund", overturn),)}, overturn=share_among(60, 600))
        return found.sentence

    assert sentence(share_among(8, 40)).startswith("Agents may struggle most with the task type refund: ")
    assert sentence(share_among(30, 40)).startswith("Agents struggle more with the task type refund: ")


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


def test_plain_names_stand_as_they_are():
    assert (name("refund"), name("大額退款"), name("two words"), name(None, "others")) == (
        "refund",
        "大額退款",
        '"two words"',
        "others",
    )
