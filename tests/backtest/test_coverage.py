"""The interval of a backtest holds the true share of errors at its level, for seven kinds of simulated agents."""

import pytest
from scipy.stats import binom
from support.sizes import sized

pytest.importorskip("numpy")

from benchmarks.subjects.coverage import KINDS, PARTLY, coverage

LEVEL, CHANCE = 0.95, 1e-4


def held(found, kind):
    """Return what must be held at the level: with unanswered reviews both ends of the range, else the share."""
    return found.ends if kind in PARTLY else found.truth


@pytest.mark.parametrize("kind", KINDS)
@sized("ledgers", ci=80, soak=2000)
def test_the_escape_interval_of_a_backtest_holds_the_truth_at_its_level(kind, ledgers, record_property):
    found = coverage(kind, ledgers)

    number = held(found, kind)
    record_property("coverage", number / found.ledgers)
    assert found.unknown == 0
    least = binom.ppf(CHANCE, found.ledgers, LEVEL)
    assert least <= number, f"{number} of {found.ledgers}"
    if kind in PARTLY:
        assert found.truth >= binom.ppf(CHANCE, found.ledgers, 0.97)
    if found.ledgers >= 400:
        assert 0.93 <= number / found.ledgers <= 0.97
    assert found.everything >= least
