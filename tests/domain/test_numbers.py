"""A number that people read never looks like the other side of a bound."""

from decimal import Decimal
from math import inf, nextafter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.shown.numbers import confidence_text, cut_off, percent, plain_number

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
    assert 0 < Decimal(percent(share, digits).rstrip("%")) < 100


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [(0, 0, "0%"), (1, 0, "100%"), (0.29, 0, "29%"), (2 / 3, 1, "66.6%"), (1 / 3000, 0, "0.03%"), (1.0, 1, "100.0%")],
)
def test_a_share_in_percent(share, digits, shown):
    assert percent(share, digits) == shown


@given(st.floats(-1e12, 1e12))
@example(0.8000001)
@example(1234567.0)
@example(1e-7)
@example(nextafter(1.0, inf))
def test_a_plain_number_has_all_its_digits_and_no_exponent(number):
    assert float(plain_number(number)) == number
    assert "e" not in plain_number(number)
