"""How often the intervals hold the truth, in simulated ledgers whose truth is known.

An agent of each kind decides cases by itself, and spot checks are drawn from them with the recorded probability.
"""

from typing import NamedTuple

import pytest
from support.sizes import sized

from hitl_orchestrator.insights.escaped_errors import escaped_errors
from hitl_orchestrator.insights.metrics.autonomy import Above, judged
from hitl_orchestrator.insights.strata import Stratum

np = pytest.importorskip("numpy")

CASES = 1500
COMPLETE = [
    "calibrated",
    "sure and wrong",
    "wrong only where no check is drawn",
    "two shares",
    "few errors",
    "required reviews too",
]
PARTLY = ["non-response by difficulty", "open cases by difficulty"]


class Ledger(NamedTuple):
    """Automatic cases: what was drawn, which checks would be answered, and which proposals are wrong."""

    chance: "np.ndarray"
    wrong: "np.ndarray"
    drawn: "np.ndarray"
    answers: "np.ndarray"

    def strata(self):
        for chance in np.unique(self.chance):
            among = self.chance == chance
            drawn = among & self.drawn
            looked = drawn & self.answers
            yield Stratum(
                float(chance), int(among.sum()), int(drawn.sum()), int(looked.sum()), int((looked & self.wrong).sum())
            )


def a_ledger(dice, kind):
    confidence = dice.beta(6, 1.5, CASES)
    error, chance, answered = 0.02 + 0.5 * (1 - confidence), np.full(CASES, 0.1), np.ones(CASES)
    wrong_share = {
        "calibrated": 1 - confidence,
        "sure and wrong": np.where(confidence > 0.9, 0.3, 0.05),
        "wrong only where no check is drawn": np.where(confidence > 0.97, 0.4, 0.02),
        "few errors": np.full(CASES, 0.01),
    }
    wrong = dice.random(CASES) < wrong_share.get(kind, error)
    if kind == "two shares":
        chance = np.where(confidence < 0.8, 0.3, 0.05)
    if kind == "required reviews too":  # the past cases of a backtest: all doubtful ones were reviewed
        chance = np.where(confidence < 0.75, 1.0, 0.1)
    if kind.startswith("wrong only"):
        chance = np.where(confidence > 0.97, 0.0, 0.1)
    if kind == "non-response by difficulty":
        answered = np.where(wrong, 0.7, 0.97)
    if kind == "open cases by difficulty":
        is_recent = np.arange(CASES) > 0.9 * CASES
        answered = np.where(is_recent, np.where(wrong, 0.2, 0.7), 1.0)
    return Ledger(chance, wrong, dice.random(CASES) < chance, dice.random(CASES) < answered)


def estimates(kind, ledgers):
    dice = np.random.default_rng(15)
    for _ in range(ledgers):
        ledger = a_ledger(dice, kind)
        found = escaped_errors(ledger.strata())
        if found.share is not None:
            yield ledger, found


@pytest.mark.parametrize("kind", COMPLETE)
@sized("ledgers", ci=800, soak=20_000)
def test_the_interval_of_automatic_errors_holds_the_truth_at_its_level(kind, ledgers, record_property):
    held, held_all, number = 0, 0, 0
    for ledger, found in estimates(kind, ledgers):
        number += 1
        seen = ledger.wrong[ledger.chance > 0].mean()
        held += found.lowest - 1e-12 <= seen <= found.highest + 1e-12
        held_all += found.lowest_of_all - 1e-12 <= ledger.wrong.mean() <= found.highest_of_all + 1e-12

    record_property("coverage", float(held / number))
    assert number > 0.9 * ledgers
    assert 0.93 <= held / number <= 0.97, held / number
    assert held_all / number >= 0.93


@pytest.mark.parametrize("kind", PARTLY)
@sized("ledgers", ci=800, soak=20_000)
def test_with_unanswered_checks_the_range_has_its_level_and_holds_the_truth(kind, ledgers, record_property):
    """The ends of the range, all unanswered checks right or all wrong, are held at the level; the truth more often."""
    ends, truth, number = 0, 0, 0
    for ledger, found in estimates(kind, ledgers):
        number += 1
        right, wrong = (ledger.wrong & ledger.answers).mean(), (ledger.wrong | ~ledger.answers).mean()
        ends += found.lowest - 1e-12 <= right and wrong <= found.highest + 1e-12
        truth += found.lowest - 1e-12 <= ledger.wrong.mean() <= found.highest + 1e-12

    record_property("coverage", float(truth / number))
    record_property("coverage of the range", float(ends / number))
    assert 0.93 <= ends / number <= 0.97, ends / number
    assert truth / number >= 0.97


@sized("ledgers", ci=400, soak=10_000)
def test_a_certified_bound_is_wrong_at_most_at_its_level(ledgers, record_property):
    """An agent whose errors are just 5 %, at every bound: each is a chance to certify wrongly that they are less."""
    dice, certified = np.random.default_rng(15), 0
    bounds = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0)
    for _ in range(ledgers):
        wrong = dice.binomial(200, 0.05, len(bounds)).cumsum()
        steps = [
            Above(
                bound,
                escaped_errors([Stratum(1.0, cases, cases, cases, int(count))], finite=False),
                int(count),
            )
            for bound, count, cases in zip(bounds, wrong, range(200, 1500, 200), strict=True)
        ]
        certified += judged(steps, 0.05)[0] == "above_bound"

    record_property("certified", float(certified / ledgers))
    assert certified / ledgers <= 0.025
