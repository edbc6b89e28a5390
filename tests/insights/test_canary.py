"""The report of a canary: how its cases ended, beside the rest of its time, with intervals of the differences."""

from datetime import timedelta

import pytest
from support.outcome_frames import MONDAY, automatic, pl, reviewed

from hitl_orchestrator.insights.canary import canary_report
from hitl_orchestrator.insights.frame import prepared, schema
from hitl_orchestrator.insights.shares import difference_of, share_among

OURS, THEIRS = "c" * 64, "a" * 64
COLUMNS = [*automatic(0), "human_decision", "quality_check", "quality_check_of", "received_at"]


def report(rows, until=None):
    given = [{"received_at": MONDAY + timedelta(hours=1), **row} for row in rows]
    frame = prepared(pl.DataFrame(given, schema=schema(COLUMNS)))
    return canary_report(frame, OURS, 0.1, MONDAY, until)


def a_check(number, of, decision):
    return reviewed(number, decision, quality_check="spot_check", quality_check_of=of, policy_hash=of and OURS)


def still_open(number, **fields):
    without = {"final_decision": None, "decision_source": None, "latency_seconds": None, "timestamp": None}
    return reviewed(number, **without, human_decision=None, **fields)


@pytest.mark.parametrize(
    ("first", "second", "lowest", "highest"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombes_table(first, second, lowest, highest):
    found = difference_of(share_among(*first), share_among(*second))

    assert (found.lowest, found.highest) == (pytest.approx(lowest, abs=6e-5), pytest.approx(highest, abs=6e-5))


def test_a_difference_from_no_cases_is_unknown():
    assert difference_of(share_among(1, 2), share_among(0, 0)).difference is None


def test_each_case_of_the_time_counts_once_under_its_ending():
    ours = [
        automatic(0, policy_hash=OURS, review_probability=1.0),
        *(reviewed(1 + place, word, policy_hash=OURS) for place, word in enumerate(("approve", "modify", "reject"))),
        still_open(4, policy_hash=OURS),
        a_check(5, "case-0", "reject"),
    ]
    rest = [automatic(10), automatic(11), reviewed(12, "override"), reviewed(13, replayed=True)]
    found = report(ours + rest)

    assert {name: number for name, number in found.canary.endings.items() if number} == {
        "automatic": 1,
        "approved": 1,
        "modified_and_approved": 1,
        "rejected": 1,
        "open": 1,
    }
    assert (found.canary.cases, found.rest.cases) == (5, 3)
    assert (found.canary.automatic.share, found.rest.automatic.share) == (0.2, pytest.approx(2 / 3))
    assert (found.canary.overturned.count, found.canary.overturned.of) == (2, 3)
    assert (found.canary.checks_overturned.count, found.canary.checks_overturned.of) == (1, 1)
    assert found.differences["automatic"].difference == pytest.approx(0.2 - 2 / 3)
    assert found.differences["checks_overturned"].difference is None


def test_cases_from_before_and_after_the_canary_are_not_the_rest_of_its_time():
    before, after = MONDAY - timedelta(seconds=1), MONDAY + timedelta(days=1, seconds=1)
    rows = [automatic(0, policy_hash=OURS), *(automatic(1 + n, received_at=at) for n, at in enumerate((before, after)))]

    assert report(rows, until=MONDAY + timedelta(days=1)).rest.cases == 0
    assert report(rows).rest.cases == 1


def test_the_time_to_a_decision_is_that_of_persons():
    rows = [reviewed(n, policy_hash=OURS, latency_seconds=60.0 * (n + 1)) for n in range(3)]
    found = report([*rows, automatic(9, policy_hash=OURS, latency_seconds=0.1)])

    assert (found.canary.median_seconds, found.canary.p90_seconds) == (120.0, 168.0)
    assert found.rest.median_seconds is None
