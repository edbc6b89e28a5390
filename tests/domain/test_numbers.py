"""A number that people read never looks like the other side of a bound."""

from decimal import Decimal
from math import inf, nextafter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.shown.numbers import (
    bound_percent,
    confidence_text,
    cut_off,
    highest_percent,
    lowest_percent,
    percent,
    percent_interval,
    plain_number,
)

bounds = st.integers(0, 10_000).map(lambda number: number / 10_000)
shares = st.floats(0, 1) | bounds | bounds.map(lambda bound: nextafter(bound, 0)) | bounds.map(lambda b: b + 1e-9)


@given(shares, bounds)
@example(0.79996, 0.8)
@example(0.1 + 0.7, 0.8)
@example(0.999999, 1.0)
@example(nextafter(0.3, 0), 0.3)
def test_a_shown_confidence_is_on_the_same_side_of_a_bound(confidence, bound):
    shown = Decimal(confidence_text(confidence))

    assert (shown >= Decimal(str(bound))) is (confidence >= bound)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(0, 4))
@example(0.00001, 4)
@example(299 / 300, 0)
@example(1 / 3000, 0)
def test_only_all_is_shown_as_all_and_only_none_as_none(share, digits):
    assert 0 < Decimal(cut_off(share, digits)) < 1
    assert percent(share, digits) not in {f"{Decimal(whole).scaleb(0):.{digits}f} %" for whole in (0, 100)}


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [
        (0, 0, "0 %"),
        (1, 0, "100 %"),
        (0.29, 0, "29 %"),
        (113 / 300, 0, "38 %"),
        (0.005, 0, "1 %"),
        (2 / 3, 1, "66.7 %"),
        (1 / 3000, 0, "<1 %"),
        (1 / 3000, 1, "<0.1 %"),
        (299 / 300, 0, ">99 %"),
        (2999 / 3000, 1, ">99.9 %"),
        (1.0, 1, "100.0 %"),
    ],
)
def test_a_share_in_percent(share, digits, shown):
    assert percent(share, digits) == shown


@given(shares.filter(lambda share: share <= 1), bounds, st.integers(0, 2))
@example(0.0504, 0.05, 0)
@example(0.04996, 0.05, 1)
@example(1 / 3000, 0.0, 0)
@example(0.9999, 1.0, 0)
def test_a_share_that_is_compared_with_a_bound_is_shown_on_its_side(share, bound, digits):
    apart = round(share - bound, 10)
    limit = Decimal(bound_percent(bound).removesuffix(" %"))
    for shown in (percent, lowest_percent, highest_percent):
        written = Decimal(shown(share, digits, bound=bound).strip("<> %"))

        assert not apart or (written > limit) is (apart > 0)
        assert not apart or (written < limit) is (apart < 0)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
@example(0.42, 0.58, 0)
@example(0.999, 1.0, 0)
def test_an_interval_is_never_shown_narrower_than_it_is(lowest, highest, digits):
    low, high = (Decimal(end.removesuffix(" %")) for end in percent_interval(lowest, highest, digits)[1:-1].split(", "))

    assert low <= Decimal(round(100 * lowest, 8)) + Decimal("1e-7")
    assert high >= Decimal(round(100 * highest, 8)) - Decimal("1e-7")


@pytest.mark.parametrize(
    ("lowest", "highest", "shown"),
    [
        (0.4203, 0.7104, "[42 %, 72 %]"),
        (0.05, 0.05, "[5 %, 5 %]"),
        (0.58, 0.57999999999999996, "[58 %, 58 %]"),
        (0.0, 1.0, "[0 %, 100 %]"),
        (0.001, 0.999, "[0 %, 100 %]"),
    ],
)
def test_the_ends_of_an_interval_are_rounded_outwards(lowest, highest, shown):
    assert percent_interval(lowest, highest) == shown


@pytest.mark.parametrize(("bound", "shown"), [(0.05, "5 %"), (0.025, "2.5 %"), (1 - 0.8, "20 %"), (1.0, "100 %")])
def test_a_bound_has_all_of_its_digits(bound, shown):
    assert bound_percent(bound) == shown


@given(st.floats(-1e12, 1e12))
@example(0.8000001)
@example(1234567.0)
@example(1e-7)
@example(nextafter(1.0, inf))
def test_a_plain_number_has_all_its_digits_and_no_exponent(number):
    assert float(plain_number(number)) == number
    assert "e" not in plain_number(number)
