"""The measure of confidence scorers, by hand and by its limits."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.subjects.selective import selective


def test_the_most_confident_outputs_come_first():
    found = selective([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, False])

    assert found.accuracies == pytest.approx((1, 1, 2 / 3, 3 / 4, 3 / 5))
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert (found.chance, found.best) == (pytest.approx(0.4), pytest.approx((1 / 4 + 2 / 5) / 5))


def test_outputs_without_a_confidence_come_last():
    found = selective([None, 0.1], [True, False])

    assert (found.accuracies[0], found.known) == (0, 0.5)


@given(st.lists(st.tuples(st.sampled_from([None, 0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30))
def test_the_order_of_equal_confidences_has_no_effect_and_nothing_beats_the_best(outputs):
    found = selective(*zip(*outputs, strict=True))

    again = selective(*zip(*reversed(outputs), strict=True))
    assert (found.accuracies, found.aurc) == (pytest.approx(again.accuracies), pytest.approx(again.aurc))
    assert found.best <= found.aurc + 1e-9
    assert found.accuracies[-1] == pytest.approx(1 - found.chance)
    alike = selective([0.5] * len(outputs), [right for _, right in outputs])
    assert alike.aurc == pytest.approx(found.chance)
