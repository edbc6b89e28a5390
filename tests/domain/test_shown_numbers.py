"""Durations, amounts and confidences are written in one form everywhere."""

import pytest

from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import amount_text, confidence_text


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0307, "31 ms"),
        (45.4, "45 s"),
        (720.0, "12 min"),
        (12_240.0, "3.4 h"),
        (172_799.0, "48 h"),
        (181_440.0, "2.1 days"),
        (1_045_440.0, "12.1 days"),
        (6e7, "1.9 years"),
        (-3, "0 ms"),
    ],
)
def test_a_duration_is_written_in_the_unit_that_suits_it(seconds, written):
    assert duration_text(seconds) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [(930_931.7, "930,931.70"), (4755.459999, "4,755.46"), (0, "0.00"), (-2.5, "-2.50"), (0.0004, "0.0004")],
)
def test_an_amount_has_two_decimals_and_is_never_nothing(amount, written):
    assert amount_text(amount) == written


def test_confidences_in_one_list_have_one_form():
    assert [confidence_text(each, (0.82, 0.8859, None)) for each in (0.82, 0.8859)] == ["0.8200", "0.8859"]
    assert confidence_text(0.82, (0.5, None)) == "0.82"
