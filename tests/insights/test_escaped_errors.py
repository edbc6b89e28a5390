"""The error that would escape: weighted by who could be looked at, and nothing where nothing is known."""

import random

import pytest

from hitl_orchestrator.insights.escaped_errors import SUMS, escaped_errors


def sums(reviews, unseen=0):
    """Return the sums over cases given as (chance, looked at, wrong)."""
    seen = [(1 / chance, wrong) for chance, looked, wrong in reviews if looked]
    report = (
        len(reviews) + unseen,
        unseen,
        len(seen),
        sum(weight for weight, _ in seen),
        sum(weight**2 for weight, _ in seen),
        sum(weight for weight, wrong in seen if wrong),
        sum((1 - chance) / chance for chance, _, _ in reviews),
    )
    return dict(zip(SUMS, report, strict=True))


def past(dice, cases=4000):
    """Return cases: half are wrong four times as often and always looked at, and of the others a tenth are."""
    for number in range(cases):
        chance, errors = (1.0, 0.2) if number % 2 else (0.1, 0.05)
        yield chance, dice.random() < chance, dice.random() < errors


def test_reviews_stand_for_the_cases_that_they_were_drawn_from():
    found = escaped_errors(sums(list(past(random.Random(1)))))
    reviews = [wrong for _, looked, wrong in past(random.Random(1)) if looked]

    assert found.share == pytest.approx(0.125, abs=0.02)
    assert sum(reviews) / len(reviews) > 0.17  # what they would say unweighted
    assert found.effective_reviews < found.reviews
    assert found.enough


def test_the_interval_of_the_estimate_covers_the_true_share_at_its_level():
    within = [escaped_errors(sums(list(past(random.Random(seed), 1000)))) for seed in range(200)]

    assert sum(one.lowest <= 0.125 <= one.highest for one in within) >= 184


def test_few_reviews_say_nothing():
    found = escaped_errors(sums([(1.0, True, False)] * 29))

    assert (found.share, found.enough) == (None, False)
    assert found.why_not == "the effective number of reviews is 29, and at least 30 are needed"
    assert escaped_errors(sums([(1.0, True, False)] * 30)).enough


def test_kinds_of_cases_that_were_never_reviewed_limit_the_estimate():
    found = escaped_errors(sums([(1.0, True, False)] * 100, unseen=100))

    assert not found.enough
    assert "50% of the cases that would be approved are of a kind that was never reviewed" in found.why_not
    assert (found.share, found.lowest_of_all) == (0, 0)
    assert found.highest_of_all == pytest.approx(found.highest / 2 + 0.5)


def test_where_nothing_goes_ahead_nothing_escapes():
    assert escaped_errors(dict.fromkeys(SUMS, 0)).why_not == "no case would be approved automatically"


@pytest.mark.parametrize("chance", [1.0, 0.1])
def test_unanswered_reviews_limit_the_estimate(chance):
    found = escaped_errors(sums([(chance, False, False)] * 1000 + [(1.0, True, False)] * 40))

    assert (found.cases, found.unanswered, found.reviews, found.enough) == (1040, 1000, 40, False)
    assert "for about 96% of the cases that would be approved, the required review was never answered" in found.why_not
    assert found.highest_of_all > 0.96


def test_sampling_variance_is_not_counted_as_unanswered_reviews():
    for seed in range(200):
        assert escaped_errors(sums(list(past(random.Random(seed), 1000)))).unanswered == 0


def test_the_answers_of_one_kind_do_not_stand_in_for_those_of_another():
    drawn, silent = [(0.5, True, False)] * 700, [(1.0, False, False)] * 300
    found = escaped_errors(sums(drawn + silent), [sums(drawn), sums(silent)])

    assert escaped_errors(sums(drawn + silent)).unanswered == 0
    assert (found.unanswered, found.enough) == (300, False)
