"""The two words of a report follow from rules that are named, and never claim more than the data say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.report_parts import LENIENT, VERIFIED, errors_of, refunds, some_metrics, some_parts

from hitl_orchestrator.insights.metrics.model import CalibrationBin, CaseCounts, FalseConfidence
from hitl_orchestrator.insights.report.compose import compose
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.judgments.rules import at_most
from hitl_orchestrator.insights.report.model import Compliance
from hitl_orchestrator.insights.shares import share_among

SKIPPED = Compliance(
    derived=8, agree=8, stricter=0, not_derived={"a reason": 3}, violations=(), automatic_not_derived=2
)
PAST = Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=(), replayed=60)
NOTHING = Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=())
WITH_CHECKS = NOTHING.model_copy(update={"derived": 372, "agree": 372, "own": 43})
BROKEN = VERIFIED.model_copy(update={"sound": False, "problem": "entry 7: its text was altered"})
UNSEALED = VERIFIED.model_copy(update={"seals_checked": False})
UNCHECKED = VERIFIED.model_copy(update={"checked": False, "sound": None, "seals_checked": False})


def verdict(metrics=None, **changes):
    return compose(some_parts(metrics, **changes)).verdict


def health(**changes):
    return compose(some_parts(some_metrics(**changes))).health


def test_records_without_a_flaw_are_sound():
    judgment = verdict()

    assert (judgment.word, judgment.severity) == ("sound", "good")
    assert all(each.holds is not False for each in judgment.criteria)


@pytest.mark.parametrize(
    ("changes", "word", "because"),
    [
        ({"integrity": BROKEN}, "not sound", "entry 7: its text was altered"),
        ({"compliance": LENIENT}, "not sound", "c1"),
        ({"duties": Duties(without_person=("c2",), reviewed=40)}, "not sound", "c2"),
        ({"duties": Duties(own=("c3",), reviewed=40)}, "not sound", "c3"),
        ({"metrics": some_metrics(cases=CaseCounts(decided=9, unreadable=1))}, "not sound", "1 row cannot be read"),
        ({"integrity": UNSEALED}, "open points", "no key"),
        ({"duties": Duties(late_checks=2, drawn=5, reviewed=40)}, "open points", "2 spot checks"),
        ({"metrics": some_metrics(cases=CaseCounts(decided=9, open=4, overdue=3))}, "open points", "3 of 4 open"),
        ({"scrubs_due": 1}, "open points", "1 redacted case"),
        ({"integrity": UNCHECKED}, "not verified", "left out on demand"),
        ({"compliance": SKIPPED}, "open points", "2 automatic decisions cannot be derived"),
        ({"compliance": NOTHING}, "not verified", "No decision could be derived"),
        ({"compliance": NOTHING, "metrics": some_metrics(cases=CaseCounts(decided=0))}, "no decisions", "no decision"),
    ],
)
def test_the_verdict_names_the_rule_that_settled_it(changes, word, because):
    judgment = verdict(**changes)

    assert judgment.word == word
    assert because in judgment.because
    assert any(each.holds is not True for each in judgment.criteria)


def test_records_that_are_all_replayed_are_sound_only_as_records():
    judgment = verdict(some_metrics(cases=CaseCounts(decided=300, replayed=300)))

    assert judgment.word == "sound"
    assert judgment.because == (
        "The records are unchanged since they were recorded here; who decided was not checked here. "
        "All 300 decisions are replayed from records of another system."
    )


@pytest.mark.parametrize("changes", [{}, {"integrity": UNSEALED}])
def test_the_share_of_replayed_decisions_stands_beside_the_verdict(changes):
    judgment = verdict(some_metrics(cases=CaseCounts(decided=400, replayed=100)), **changes)

    assert "100 of 400 decisions (25 %) are replayed" in judgment.because


def test_a_ledger_without_a_signed_head_is_not_called_sound():
    judgment = verdict(integrity=VERIFIED.model_copy(update={"heads": 0}))

    assert (judgment.word, judgment.severity) == ("open points", "watch")
    assert "no signed head" in judgment.because


def test_quality_checks_are_not_counted_silently_as_decisions():
    judgment = verdict(compliance=WITH_CHECKS)

    assert "372 decisions (329 on agents' cases, 43 on quality checks and changes)" in judgment.because


def test_what_was_not_verified_is_stated_once():
    why = "the ledger was not verified, on demand (--no-verify)"

    judgment = verdict(integrity=UNCHECKED.model_copy(update={"warnings": (why,)}))

    assert judgment.because == "The ledger was not verified: on demand (--no-verify)."


def test_the_gravest_rule_settles_the_word():
    judgment = verdict(integrity=BROKEN, scrubs_due=1, compliance=NOTHING)

    assert (judgment.word, judgment.severity) == ("not sound", "bad")


def test_a_ledger_that_was_not_verified_is_never_called_sound():
    assert verdict(integrity=UNCHECKED).severity == "unknown"


def test_few_errors_among_automatic_cases_are_healthy():
    judgment = health(automatic_errors=errors_of(0, 200))

    assert judgment.word == "healthy"
    assert "2.0 %" not in judgment.because  # 1.88 %: the upper end is rounded up to 1.9 %, no further
    assert "At most 1.9 %" in judgment.because


@pytest.mark.parametrize(
    ("changes", "word", "rule"),
    [
        ({"automatic_errors": errors_of(40, 200)}, "unhealthy", "automatic_errors"),
        ({"automatic_errors": errors_of(9, 200)}, "not enough data", "automatic_errors"),
        ({"automatic_errors": errors_of(0, 12, enough=False)}, "not enough data", "automatic_errors"),
        ({"autonomy": (refunds(),)}, "unhealthy", "autonomy_deserved"),
        (
            {"false_confidence": FalseConfidence(bound=0.8, overturned=share_among(20, 40), cases=())},
            "watch",
            "false_confidence",
        ),
    ],
)
def test_health_names_the_rule_that_settled_it(changes, word, rule):
    judgment = health(**changes)

    assert judgment.word == word
    assert next(each for each in judgment.criteria if each.criterion_id == rule).holds is not True


def test_a_type_that_people_always_decide_may_be_overturned_often():
    assert health(autonomy=(refunds(automatic=0),)).word == "healthy"


def test_no_automatic_case_needs_no_spot_check():
    assert health(automation=share_among(0, 40), automatic_errors=errors_of(0, 0, enough=False)).word == "healthy"


def test_no_decision_is_not_called_healthy():
    judgment = health(cases=CaseCounts(decided=0), automation=share_among(0, 0))

    assert judgment.word == "not enough data"
    assert "there is no decision yet" in judgment.because


def test_a_confidence_that_is_off_is_watched_only_if_a_bin_shows_it():
    bins = (CalibrationBin(low=0.9, high=1.0, mean_confidence=0.95, approved=share_among(30, 60), weight=60),)
    measure = some_metrics().calibration.model_copy(update={"cases": 60, "ece": 0.45, "bins": bins})

    assert health(calibration=measure).word == "watch"
    few = measure.model_copy(update={"cases": 12})
    assert health(calibration=few).word == "healthy"


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.01, 0.99))
def test_a_share_is_only_judged_where_its_interval_is_on_one_side(count, others, bound):
    share = share_among(count, count + others)

    judged = at_most(share, bound, 30)

    if judged is None:
        assert share.of < 30 or share.lowest <= bound < share.highest
    else:
        assert (share.highest <= bound) if judged else (share.lowest > bound)


@pytest.mark.parametrize(
    ("own", "known", "holds", "measured"),
    [
        ((), 40, True, "0 cases; the submitter is known in 40 of 40"),
        ((), 0, None, "0 cases; the submitter is known in 0 of 40"),
        ((), 39, None, "known in 39 of 40"),
        (("c3",), 1, False, "1 case; the submitter is known in 1 of 40"),
    ],
)
def test_who_submitted_must_be_known_to_say_that_no_one_decided_their_own(own, known, holds, measured):
    judgment = verdict(duties=Duties(own=own, reviewed=40, by_people=40, known=known))

    (found,) = (each for each in judgment.criteria if each.criterion_id == "separate_duties")
    assert (found.holds, measured in found.measured) == (holds, True)


def test_replayed_records_do_not_show_that_the_policy_is_followed():
    (followed,) = (each for each in verdict(compliance=PAST).criteria if each.criterion_id == "policy_followed")

    assert (followed.holds, "60 replayed records compared" in followed.measured) == (None, True)
