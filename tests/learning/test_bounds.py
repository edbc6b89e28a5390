"""A certified bound keeps its promise, whatever the agent is like, and says why where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from support.simulated_agents import AGENTS, Agent

from hitl_orchestrator.learning.bounds import Promise, certified, upper_limit
from hitl_orchestrator.learning.labels import Labels

DRAWS = 200
PROMISES = [Promise(0.02), Promise(0.05), Promise(0.1)]


def broken(agent: Agent, promise: Promise, labels: int, seed: int) -> int:
    """Return in how many draws the certified bound lets more errors through than promised."""
    dice = np.random.default_rng(seed)
    number = 0
    for _ in range(DRAWS):
        bound = certified(agent.labels(labels, dice), agent.confidences, promise).bound
        number += bound is not None and agent.errors_above(bound.confidence) > promise.alpha
    return number


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("name", AGENTS)
def test_a_promise_is_broken_no_more_often_than_it_says(name, promise):
    for number, labels in enumerate((250, 1000)):
        times = broken(AGENTS[name], promise, labels, number)

        assert binomtest(times, DRAWS, promise.delta, alternative="greater").pvalue > 0.001, (labels, times)


def test_an_agent_that_is_sure_and_right_is_let_through_nearly_whole():
    agent, dice = AGENTS["calibrated"], np.random.default_rng(1)
    found = [certified(agent.labels(2000, dice), agent.confidences, Promise(0.1)).bound for _ in range(50)]

    reachable = agent.coverage_at(0.1)
    assert np.mean([0.0 if bound is None else bound.coverage for bound in found]) > 0.8 * reachable


def test_an_agent_that_errs_too_often_at_every_bound_gets_no_autonomy():
    agent, dice = AGENTS["never good enough"], np.random.default_rng(2)
    granted = sum(certified(agent.labels(1000, dice), agent.confidences).bound is not None for _ in range(DRAWS))

    assert binomtest(granted, DRAWS, 0.05, alternative="greater").pvalue > 0.001


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.001, 0.5))
def test_the_upper_limit_is_the_share_at_which_so_few_errors_have_the_probability_of_the_level(errors, more, level):
    number = errors + more

    limit = upper_limit(errors, number, level)

    assert binom.cdf(errors, number, limit) == pytest.approx(level, rel=1e-6)
    assert upper_limit(number, number, level) == 1.0


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.9, 0.99]), st.booleans()), max_size=300),
    st.sampled_from(PROMISES),
)
def test_every_certified_bound_passed_its_own_exact_test(drawn, promise):
    labels = Labels.of([each for each, _ in drawn], [wrong for _, wrong in drawn])
    result = certified(labels, np.array([0.2, 0.5, 0.7, 0.9, 0.99]), promise)

    for bound in result.tested:
        above = [wrong for confidence, wrong in drawn if confidence >= bound.confidence]
        assert (bound.labels, bound.errors) == (len(above), sum(above))
        assert bound.level <= promise.delta
        chance = binom.cdf(bound.errors, bound.labels, promise.alpha) if above else 1.0
        assert bound.is_certified == (chance <= bound.level)
        assert bound.upper <= promise.alpha + 1e-9 or not bound.is_certified
    assert (result.bound is None) == (result.why_not is not None)


def test_too_few_labels_are_refused_with_the_number_that_is_needed():
    result = certified(Labels.of([0.9] * 40, [False] * 40), np.array([0.9]))

    assert result.why_not == "not enough data: 40 of about 68 labels needed"


def test_labels_of_unequal_probability_enter_no_promise_until_they_are_thinned():
    labels = Labels.of([0.9] * 4000, [False] * 4000, [0.1] * 1000 + [1.0] * 3000)

    with pytest.raises(ValueError, match="unequal probability"):
        certified(labels, labels.confidence)

    kept = labels.uniform(np.random.default_rng(6).random(4000))
    assert binomtest(len(kept) - 1000, 3000, 0.1).pvalue > 0.001
    assert certified(kept, labels.confidence).bound is not None


def test_thinning_removes_the_weight_of_what_was_looked_at_more_often():
    dice = np.random.default_rng(4)
    wrong = dice.random(40_000) < 0.2
    probability = np.where(wrong, 1.0, 0.25)
    seen = dice.random(40_000) < probability
    labels = Labels.of([0.5] * int(seen.sum()), wrong[seen], probability[seen])

    kept = labels.uniform(dice.random(len(labels)))

    assert binomtest(int(kept.wrong.sum()), len(kept), 0.2).pvalue > 0.001


@pytest.mark.parametrize(
    ("values", "why"),
    [(([0.5], []), "1 confidences"), (([1.5], [True]), "a confidence"), (([0.5], [True], [0.0]), "probability")],
)
def test_labels_that_cannot_be_are_refused(values, why):
    with pytest.raises(ValueError, match=why):
        Labels.of(*values)
