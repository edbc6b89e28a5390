"""How often the escape interval of a backtest holds the truth, in simulated ledgers whose errors are known.

An agent of each kind decides past cases. Below a confidence of 0.8 a person decided all of them, from there on spot
checks were drawn. The new policy approves from 0.6 on. Each ledger is a frame of past cases that `run_backtest` reads.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.report import Row, at_least
from benchmarks.size import Size
from benchmarks.stores import Stores
from hitl_orchestrator.backtest import run_backtest
from hitl_orchestrator.policies import Policy

CASES = 2000
NEW = Policy.model_validate(
    {
        "policy_id": "new",
        "rules": [
            {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.6}, "action": "auto_approve"},
            {"rule_id": "rest", "priority": 2, "conditions": {}, "action": "human_review"},
        ],
    }
)
KINDS = {
    "calibrated": "calibrated",
    "sure and wrong": "sure and wrong: 30 % errors above 0.9, 5 % below",
    "wrong where nothing is looked at": "wrong only above 0.98, where no spot check is drawn",
    "two shares": "two shares of spot checks, 30 % below 0.9 and 5 % above",
    "few errors": "few errors: 1 %",
    "non-response by difficulty": "reviews of wrong proposals are answered less often",
    "open by difficulty": "the latest tenth is open more often where the proposal is wrong",
}
PARTLY = ("non-response by difficulty", "open by difficulty")
"""The kinds with unanswered reviews."""


class Ledger(NamedTuple):
    """Past cases: their confidence, review probability, whether the proposal is wrong, and the reviews.

    `looked` are cases whose review was due, `answered` those of them with an answer.
    """

    confidence: np.ndarray
    chance: np.ndarray
    wrong: np.ndarray
    looked: np.ndarray
    answered: np.ndarray

    @property
    def ahead(self) -> np.ndarray:
        """Whether the new policy approves each case."""
        return self.confidence >= 0.6

    def share(self, wrong: np.ndarray) -> float:
        """Return the share of these wrong cases among those that would be approved and are not of an unseen kind."""
        return float(wrong[self.ahead & (self.chance > 0)].mean())


def a_ledger(dice: np.random.Generator, kind: str) -> Ledger:
    """Draw a ledger: a person decided below 0.8, and spot checks are drawn from the others."""
    confidence = np.round(dice.beta(5, 1.5, CASES), 4)
    errors = {
        "calibrated": 1 - confidence,
        "sure and wrong": np.where(confidence > 0.9, 0.3, 0.05),
        "wrong where nothing is looked at": np.where(confidence > 0.98, 0.4, 0.05),
        "few errors": np.full(CASES, 0.01),
    }
    wrong = dice.random(CASES) < errors.get(kind, 0.02 + 0.5 * (1 - confidence))
    share = np.full(CASES, 0.1)
    if kind == "two shares":
        share = np.where(confidence < 0.9, 0.3, 0.05)
    if kind.startswith("wrong where"):
        share = np.where(confidence > 0.98, 0.0, 0.1)
    chance = np.where(confidence < 0.8, 1.0, share)
    replies = np.ones(CASES)
    if kind.startswith("non-response"):
        replies = np.where(wrong, 0.7, 0.97)
    if kind.startswith("open"):
        replies = np.where(np.arange(CASES) < 0.9 * CASES, 1.0, np.where(wrong, 0.2, 0.7))
    return Ledger(confidence, chance, wrong, dice.random(CASES) < chance, dice.random(CASES) < replies)


def past_cases(ledger: Ledger, kind: str) -> pl.DataFrame:
    """Return the cases and the spot checks of a ledger as an exported file has them, the open ones as a store has."""
    automatic, answer = ledger.confidence >= 0.8, np.where(ledger.wrong, "reject", "approve")
    decided = ~automatic & ledger.answered
    cases = pl.DataFrame(
        {
            "confidence_score": ledger.confidence,
            "review_probability": ledger.chance,
            "routing_decision": np.where(automatic, "auto_approve", "human_review"),
            "rule_id": np.where(automatic, "r1", "r2"),
            "decision_source": np.where(automatic, "agent", np.where(ledger.answered, "human", "timeout")),
            "drawn": automatic & ledger.looked,
            "human_decision": np.where(decided, answer, ""),
            "is_open": ~automatic & ~ledger.answered & kind.startswith("open"),
            "quality_check": "",
        }
    )
    checked = cases.filter(pl.Series(automatic & ledger.looked & ledger.answered))
    verdicts = pl.Series(answer[automatic & ledger.looked & ledger.answered])
    checks = checked.with_columns(
        human_decision=verdicts, quality_check=pl.lit("spot_check"), decision_source=pl.lit("human")
    )
    empty = [pl.when(pl.col(name) != "").then(name).alias(name) for name in ("human_decision", "quality_check")]
    constant = {"risk_level": "low", "domain": "claims", "task_type": "claim"}
    return pl.concat([cases, checks]).with_columns(*empty, **{name: pl.lit(text) for name, text in constant.items()})


class Coverage(NamedTuple):
    """In how many of `ledgers` the limits held what is true.

    `truth` is the share of wrong cases among those that reviews cover, `ends` both ends of the range, with all
    unanswered reviews right and all wrong, `everything` the share among all cases that would be approved. `unknown`
    more ledgers had too few reviews for limits. Of `ledgers`, `unsure` have not enough data about all cases.
    """

    ledgers: int
    unknown: int
    unsure: int
    truth: int
    ends: int
    everything: int


def coverage(kind: str, ledgers: int, seed: int = 17) -> Coverage:
    """Simulate ledgers, backtest the policy on each, and count how often its limits hold what is true."""
    dice = np.random.default_rng(seed)
    unknown = unsure = truth = ends = everything = 0
    for _ in range(ledgers):
        ledger = a_ledger(dice, kind)
        found = run_backtest(NEW, [past_cases(ledger, kind).lazy()]).escaped_errors
        if found.lowest is None:
            unknown += 1
            continue
        unsure += not found.enough
        low, high = found.lowest - 1e-12, found.highest + 1e-12
        least, most = ledger.wrong & ledger.answered, ledger.wrong | ~ledger.answered
        truth += low <= ledger.share(ledger.wrong) <= high
        ends += low <= ledger.share(least) and ledger.share(most) <= high
        whole = ledger.wrong[ledger.ahead].mean()
        everything += found.lowest_of_all - 1e-12 <= whole <= found.highest_of_all + 1e-12
    return Coverage(ledgers - unknown, unknown, unsure, int(truth), int(ends), int(everything))


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Simulate, and yield the shares of ledgers whose limits hold the truth."""
    ledgers = size.of(5, 100, 2000)
    for kind, words in KINDS.items():
        found = coverage(kind, ledgers)
        of = max(1, found.ledgers)
        note = f"{found.ledgers:,} ledgers; not enough data in {found.unknown + found.unsure:,}"
        partly = kind in PARTLY
        held = found.ends if partly else found.truth
        what = "both ends of the range held" if partly else "the true share held"
        yield Row(f"{words}: {what}", 100 * held / of, "%", None, at_least(93, 400), found.ledgers, note)
        if partly:
            yield Row(f"{words}: the true share held", 100 * found.truth / of, "%", note=note)
        if found.everything != found.truth:
            yield Row(f"{words}: the limits of all cases held", 100 * found.everything / of, "%", note=note)
