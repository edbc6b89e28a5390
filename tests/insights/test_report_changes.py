"""A difference is called a change only where the intervals support it; a trend is drawn on only where it is certain."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.report_parts import NOW, errors_of, group, some_metrics, weeks

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.report.changes import changes_between
from hitl_orchestrator.insights.report.forecasts import forecasts, line_through
from hitl_orchestrator.insights.report.periods import Span, comparison, span_of
from hitl_orchestrator.insights.shares import share_among


def changes(before, after):
    found = changes_between(some_metrics(**before), some_metrics(**after))
    return {change.name: change for change in found}


def test_a_certain_rise_of_errors_is_bad_and_comes_first():
    found = changes_between(
        some_metrics(automatic_errors=errors_of(2, 200)), some_metrics(automatic_errors=errors_of(40, 200))
    )

    assert (found[0].name, found[0].severity) == ("automatic_errors", "bad")
    assert (
        found[0].sentence == "Errors among automatic cases rose from 1.0 % [0.2 %, 3.6 %] to 20.0 % [15.0 %, 26.1 %]."
    )


def test_a_difference_within_the_intervals_is_no_certain_change():
    change = changes({"overturn": share_among(8, 40)}, {"overturn": share_among(12, 40)})["overturn"]

    assert not change.is_certain
    assert "no certain change, 20 %" in change.sentence


def test_too_few_cases_are_stated_and_not_compared():
    change = changes({"overturn": share_among(0, 3)}, {"overturn": share_among(9, 9)})["overturn"]

    assert (change.is_known, change.is_certain) == (False, False)
    assert "not enough data to compare (3 and 9 cases)" in change.sentence
    assert change.title == "The overturned share of reviews"


def test_of_groups_only_certain_changes_are_named():
    before = {"by": {"task_type": (group("loan", share_among(1, 50)), group("refund", share_among(5, 50)))}}
    after = {"by": {"task_type": (group("loan", share_among(30, 50)), group("refund", share_among(6, 50)))}}

    named = [name for name in changes(before, after) if ":" in name]

    assert named == ["overturn:task_type:loan"]


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_a_change_is_certain_exactly_if_the_intervals_are_apart(counts):
    before, after = share_among(counts[0], counts[0] + counts[1]), share_among(counts[2], counts[2] + counts[3])

    change = changes({"rejection": before}, {"rejection": after})["rejection"]

    apart = min(before.of, after.of) >= 10 and (before.highest < after.lowest or after.highest < before.lowest)
    assert change.is_certain is apart


def test_a_trend_that_is_certain_is_drawn_on_with_its_interval():
    rising = weeks(*[(4 * week, 100) for week in range(1, 11)])

    (sentence,) = forecasts(some_metrics(trend=rising))

    assert sentence.startswith("The overturned share of reviews rises: from 36 % now to ")
    assert "[" in sentence
    assert sentence.endswith("in 4 weeks, if the trend of 9 weeks goes on.")


@pytest.mark.parametrize(
    "trend",
    [
        weeks(*[(4 * week, 100) for week in range(1, 5)]),
        weeks(*[(1, 2)] * 12),
        weeks((10, 100), (20, 100), (10, 100), (20, 100), (10, 100), (20, 100), (10, 100), (20, 100)),
        (),
    ],
    ids=["too few weeks", "too few cases", "no certain slope", "nothing"],
)
def test_no_trend_is_drawn_on_without_enough_data(trend):
    assert forecasts(some_metrics(trend=trend)) == ()


def test_a_forecast_never_leaves_the_range_of_shares():
    line = line_through([(place, share_among(min(95, 12 * place), 100)) for place in range(9)])

    assert all(0 <= end <= 1 for place in range(40) for end in line.at(place))


def test_a_line_is_the_one_that_weighted_least_squares_finds():
    numpy = pytest.importorskip("numpy")
    shares = [share_among(count, of) for count, of in ((3, 40), (9, 60), (12, 50), (20, 70), (19, 45), (30, 60))]
    smoothed = numpy.array([(each.count + 0.5) / (each.of + 1) for each in shares])
    weights = numpy.array([each.of for each in shares]) / (smoothed * (1 - smoothed))

    slope, level = numpy.polyfit(range(6), [each.share for each in shares], 1, w=numpy.sqrt(weights))

    line = line_through(list(enumerate(shares)))
    assert line.slope == pytest.approx(slope)
    assert line.at(0)[0] == pytest.approx(level)


def test_a_period_is_compared_with_the_one_before_it():
    span = span_of("2026-11-01", "2026-11-10", NOW)

    found = comparison(span, None, NOW)

    assert span == Span(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))
    assert found.before == Span(datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    assert found.sentence == "2026-11-01 to 2026-11-10, compared with 2026-10-22 to 2026-10-31"


def test_without_a_period_the_last_week_with_decisions_is_compared():
    last = datetime(2026, 3, 20, 9, tzinfo=UTC)

    found = comparison(Span(), last, NOW)

    assert found.after.since <= last - timedelta(days=6)
    assert last < found.after.until
    assert found.before.until == found.after.since
    assert "the 7 days up to the last decision, 2026-03-13 to 2026-03-20" in found.sentence


@pytest.mark.parametrize(
    ("text", "hours"), [("12h", 12), ("30d", 720), ("4w", 672), (" 1d ", 24), ("2026-11-28T12:00:00+00:00", 24)]
)
def test_a_beginning_is_a_time_or_a_length_before_now(text, hours):
    assert span_of(text, None, NOW).since == NOW - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        ("yesterday", None, "write a day such as"),
        ("2026-13-01", None, "write a day such as"),
        ("99999w", None, "no record is of the year 110"),
        ("9999-12-31", None, "no record is of the year 9999"),
        ("2026-11-02", "2026-11-01", "it must begin before it ends"),
        ("2030-01-01", None, "lies in the future"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(since, until, why):
    with pytest.raises(InvalidInput, match=why):
        span_of(since, until, NOW)
