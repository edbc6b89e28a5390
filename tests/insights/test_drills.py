"""Drills: planted errors, the kill switch, overrides, fatigue, second reviews and spot checks, from the outcomes."""

from datetime import timedelta

import pytest
from support.outcome_frames import MONDAY, automatic, frame_of, reviewed

from hitl_orchestrator.insights.report.controls import Switch, drills_in

NAMES = ("planted_errors", "kill_switch", "overrides", "fatigue", "second_reviews", "spot_checks")


def drill(name, rows, switches=()):
    (found,) = [each for each in drills_in(frame_of(rows), switches) if each.drill_id == name]
    return found


def gold(number, decision, expected="reject"):
    return reviewed(number, decision, quality_check="known_answer", quality_check_expected=expected)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_drill_the_report_says_so(name):
    found = drill(name, [])

    assert (found.runs, found.severity, found.last_at, found.result.startswith("never ")) == (0, "unknown", None, True)


@pytest.mark.parametrize(
    ("caught", "missed", "severity"),
    [(3, 1, "unknown"), (9, 1, "good"), (6, 1, "watch"), (10, 10, "bad")],
)
def test_planted_errors_are_counted_without_gold_cases_to_approve(caught, missed, severity):
    decisions = ["reject"] * caught + ["approve"] * missed
    rows = [gold(number, decision) for number, decision in enumerate(decisions)]
    rows += [gold(100, "approve", expected="approve")]

    found = drill("planted_errors", rows)

    assert (found.runs, found.severity) == (caught + missed, severity)
    assert found.result.startswith(f"{caught} of {caught + missed} planted errors caught: ")


STRICTER, USUAL = "b" * 64, "a" * 64
SWITCH = Switch(seq=10, at=MONDAY + timedelta(seconds=10), policy_hash=STRICTER, before=USUAL)


def test_the_kill_switch_is_timed_until_the_first_case_that_obeyed():
    rows = [automatic(5), automatic(13, policy_hash=STRICTER), automatic(20, policy_hash=STRICTER)]

    found = drill("kill_switch", rows, [SWITCH])

    assert (found.runs, found.severity, found.last_at) == (1, "good", SWITCH.at)
    assert found.result == (
        "1 time, last on 2025-01-06: the first case obeyed it after 3 s; the policy before let no case through "
        "afterwards"
    )


def test_cases_that_the_earlier_policy_let_through_are_counted():
    rows = [automatic(11), automatic(14), automatic(13, policy_hash=STRICTER)]

    found = drill("kill_switch", rows, [SWITCH])

    assert (found.severity, "the policy before let 2 cases through for another 4 s" in found.result) == ("watch", True)


def test_a_switch_without_a_case_after_it_is_not_measured():
    found = drill("kill_switch", [automatic(5)], [SWITCH])

    assert (found.runs, found.severity, "not measured" in found.result) == (1, "unknown", True)


def test_reviewers_who_never_overrule_are_a_reason_to_look():
    approving = [reviewed(number, reviewer_id="ana") for number in range(40)]
    against = [reviewed(number, "override", reviewer_id="ben") for number in range(40, 45)]

    alike, both = drill("overrides", approving), drill("overrides", approving + against)

    assert (alike.severity, "0 of 1 reviewer ever did" in alike.result) == ("watch", True)
    assert (both.severity, both.runs) == ("good", 45)
    assert "5 overrides among them; 1 of 2 reviewers ever did" in both.result


def session(first, decisions, every=60, **fields):
    """Decisions of one reviewer in a row, this many seconds apart."""
    at = MONDAY + timedelta(hours=first)
    return [
        reviewed(
            first * 1000 + number,
            decision,
            timestamp=at + timedelta(seconds=every * number),
            seconds_looked_at=60.0 - number / 2,
            **{"reviewer_id": "ana", **fields},
        )
        for number, decision in enumerate(decisions)
    ]


def test_approvals_late_in_a_session_are_compared_with_the_first_ones():
    decisions = ["approve", "reject"] * 5 + ["approve"] * 60
    tired = drill("fatigue", session(0, decisions))
    steady = drill("fatigue", session(0, ["approve", "reject"] * 35))

    assert (tired.runs, tired.severity) == (50, "watch")
    assert "after 20 decisions in a row reviewers approve 100 % of 50" in tired.result
    assert "median time 38 s, at the beginning 58 s" in tired.result
    assert (steady.runs, steady.severity) == (50, "good")


def test_a_pause_or_another_reviewer_begins_another_session():
    rows = [
        *session(0, ["approve"] * 15),
        *session(1, ["approve"] * 15),
        *session(0, ["approve"] * 15, reviewer_id="b"),
    ]

    assert drill("fatigue", rows).runs == 0


def test_second_reviews_are_compared_with_the_first():
    rows = [reviewed(number) for number in range(12)]
    for number in range(12):
        decision = "approve" if number < 11 else "reject"
        again = {"quality_check": "second_review", "quality_check_of": f"case-{number}", "case_id": f"again-{number}"}
        rows.append(reviewed(100 + number, decision, **again))

    found = drill("second_reviews", rows)

    assert (found.runs, found.severity, found.result.startswith("the second reviewer decided alike in 92 % of 12")) == (
        12,
        "good",
        True,
    )


def test_spot_checks_without_an_answer_are_open():
    drawn = [automatic(number, review_probability=1.0) for number in range(4)]
    check = {"quality_check": "spot_check", "quality_check_of": "case-0", "case_id": "check-0"}

    found = drill("spot_checks", [*drawn, reviewed(9, "reject", **check)])

    assert (found.runs, found.severity) == (1, "watch")
    assert found.result.startswith("25 % of 4 drawn approvals were looked at; overturned: 100 % of 1")
