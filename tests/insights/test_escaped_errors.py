"""The error that would escape: in strata of equal review probability, and nothing where nothing is known."""

import random
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from hitl_orchestrator.insights.escaped_errors import escaped_errors
from hitl_orchestrator.insights.shares import share_among
from hitl_orchestrator.insights.strata import Stratum, due_by_chance, effective_looks, interval, merge, share

COUNTS = st.integers(1, 400).flatmap(
    lambda cases: st.integers(0, cases).flatmap(
        lambda looks: st.tuples(st.just(cases), st.integers(looks, cases), st.just(looks), st.integers(0, looks))
    )
)
STRATA = st.lists(st.tuples(st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0]), COUNTS), max_size=5).map(
    lambda drawn: merge(Stratum(chance, *counts) for chance, counts in drawn)
)


def a_stratum(cases, looks, wrong, chance=0.1, due=None):
    return Stratum(chance, cases, looks if due is None else due, looks, wrong)


def test_reviews_stand_for_the_cases_that_they_were_drawn_from():
    """By hand: 900 of 1000 cases with 5 % errors, and 100 with 20 %."""
    strata = [a_stratum(900, 100, 5), a_stratum(100, 100, 20, chance=1.0)]

    found = escaped_errors(strata)

    assert found.share == pytest.approx(0.065)
    assert found.lowest < 0.065 < found.highest
    assert found.effective_reviews < found.reviews == 200
    assert found.enough


def test_without_strata_the_limits_are_wilsons():
    for wrong in range(40):
        wilson = binomtest(wrong, 40).proportion_ci(method="wilson")
        found = interval([a_stratum(10**9, 40, wrong)])
        assert found == (pytest.approx(wilson.low, abs=1e-6), pytest.approx(wilson.high, abs=1e-6))
        assert interval([a_stratum(40, 40, wrong, chance=1.0)], finite=False) == (
            pytest.approx(wilson.low),
            pytest.approx(wilson.high),
        )


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_plain_share_has_the_interval_of_scipy(drawn):
    expected, found = binomtest(*drawn).proportion_ci(method="wilson"), share_among(*drawn)

    assert (found.lowest, found.highest) == (pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high))


def test_a_census_has_no_sampling_error():
    assert interval([a_stratum(40, 40, 4, chance=1.0)]) == (pytest.approx(0.1), pytest.approx(0.1))


def test_half_of_all_cases_leave_half_of_the_variance():
    """Exactly, by the hypergeometric distribution: the interval of 100 looks at 200 cases holds at its level."""
    limits = [interval([a_stratum(200, 100, wrong, chance=0.5)]) for wrong in range(101)]

    def covered(wrong):
        chances = hypergeom(200, wrong, 100).pmf(range(101))
        return sum(
            chance
            for chance, (low, high) in zip(chances, limits, strict=True)
            if low - 1e-12 <= wrong / 200 <= high + 1e-12
        )

    levels = [covered(wrong) for wrong in range(10, 191)]
    assert 0.94 <= sum(levels) / len(levels) <= 0.96
    assert min(levels) > 0.9


def test_strata_are_combined_by_the_distances_to_their_limits():
    """MOVER by hand: the weighted distances, squared, summed and rooted."""
    strata = [a_stratum(10**9, 200, 10), a_stratum(3 * 10**9, 100, 20)]
    parts = [share_among(10, 200), share_among(20, 100)]
    middle = 0.25 * 0.05 + 0.75 * 0.2
    below = sqrt(sum((w * (p.share - p.lowest)) ** 2 for w, p in zip((0.25, 0.75), parts, strict=True)))
    above = sqrt(sum((w * (p.highest - p.share)) ** 2 for w, p in zip((0.25, 0.75), parts, strict=True)))

    assert interval(strata) == (pytest.approx(middle - below, abs=1e-6), pytest.approx(middle + above, abs=1e-6))


@given(STRATA, st.booleans())
def test_the_limits_hold_the_share_and_all_that_unanswered_looks_may_find(strata, finite):
    limits = interval(strata, finite=finite)
    seen = [each for each in strata if each.is_seen]
    if not seen:
        assert limits is None
        return
    cases = sum(each.cases for each in seen)
    right = sum(Fraction(each.cases * each.wrong, each.due) for each in seen) / cases
    wrong = sum(Fraction(each.cases * (each.wrong + each.due - each.looks), each.due) for each in seen) / cases
    assert 0 <= limits[0] <= float(right) + 1e-9
    assert float(wrong) - 1e-9 <= limits[1] <= 1
    if (estimate := share(strata)) is not None and all(each.looks for each in seen):
        assert limits[0] - 1e-9 <= estimate <= limits[1] + 1e-9
    if finite:  # what was looked at is known
        assert limits[0] * cases >= 0
        assert interval(strata, finite=False)[0] <= limits[0] + 1e-9


@given(STRATA)
def test_the_numbers_of_an_estimate_add_up(strata):
    found = escaped_errors(strata)

    assert found.cases == sum(each.cases for each in strata)
    assert 0 <= found.unseen + found.unanswered <= found.cases + 1
    assert found.effective_reviews <= found.reviews + 1e-6
    assert (found.share is None) == (found.lowest is None) == (found.highest_of_all is None)
    assert (found.why_not is None) == found.enough
    if found.lowest_of_all is not None:
        assert 0 <= found.lowest_of_all <= found.lowest
        assert found.highest <= found.highest_of_all + 1e-9 <= 1 + 2e-9


def test_few_reviews_say_nothing():
    found = escaped_errors([a_stratum(29, 29, 0, chance=1.0)])

    assert (found.share, found.enough) == (None, False)
    assert found.why_not == "not enough data: 29 of about 30 labels needed"
    assert escaped_errors([a_stratum(30, 30, 0, chance=1.0)]).enough
    assert all(effective_looks([a_stratum(10 * looks, looks, 0)]) == looks for looks in range(1, 500))


def test_kinds_of_cases_that_were_never_reviewed_limit_the_estimate():
    found = escaped_errors([a_stratum(100, 100, 0, chance=1.0), a_stratum(100, 0, 0, chance=0.0)])

    assert not found.enough
    assert "50 % of the cases that would be approved are of a kind that was never reviewed" in found.why_not
    assert (found.share, found.lowest_of_all) == (0, 0)
    assert found.highest_of_all == pytest.approx(found.highest / 2 + 0.5)


def test_where_nothing_goes_ahead_nothing_escapes():
    assert escaped_errors([]).why_not == "there are no cases that would be approved"


@pytest.mark.parametrize("chance", [1.0, 0.1])
def test_unanswered_reviews_limit_the_estimate(chance):
    silent = a_stratum(1000, 0, 0, chance=chance, due=round(1000 * chance))
    found = escaped_errors([silent, a_stratum(40, 40, 0, chance=0.99, due=40)])

    assert (found.cases, found.unanswered, found.reviews, found.enough) == (1040, 1000, 40, False)
    assert (
        "for about 96 % of the cases that would be approved, the review that was due is not answered" in found.why_not
    )
    assert found.highest > 0.96


def test_a_few_unanswered_reviews_widen_the_interval_on_both_sides():
    answered, partly = escaped_errors([a_stratum(1000, 100, 10)]), escaped_errors([a_stratum(1000, 90, 10, due=100)])

    assert partly.enough
    assert partly.lowest == pytest.approx(answered.lowest)
    assert partly.highest > answered.highest + 0.09


def test_what_chance_explains_is_not_taken_for_unanswered_reviews():
    dice = random.Random(1)
    for _ in range(200):
        looks = sum(dice.random() < 0.1 for _ in range(1000))
        assert due_by_chance(0.1, 1000, looks) == looks
    assert due_by_chance(0.1, 1000, 50) == 100
    assert due_by_chance(1.0, 1000, 999) == 1000
