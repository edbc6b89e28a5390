"""Agents of known quality: a pool of confidences, and the probability that an output of each is wrong."""

from typing import NamedTuple

import numpy as np

from hitl_orchestrator.learning.labels import Floats, Labels


class Agent(NamedTuple):
    """Confidences of its cases, and for each the probability that it is wrong."""

    confidences: Floats
    chances: Floats

    def labels(self, number: int, dice: np.random.Generator) -> Labels:
        """Return labels of cases that were drawn with replacement."""
        drawn = dice.integers(0, len(self.confidences), number)
        return Labels.of(self.confidences[drawn], dice.random(number) < self.chances[drawn])

    def errors_above(self, bound: float) -> float:
        """Return the true share of errors at or above a bound."""
        return float(self.chances[self.confidences >= bound].mean())

    def coverage_at(self, alpha: float) -> float:
        """Return the largest coverage that keeps a promise, known only to who knows the agent."""
        shares = [
            np.mean(self.confidences >= bound)
            for bound in np.unique(self.confidences)
            if self.errors_above(bound) <= alpha
        ]
        return float(max(shares, default=0.0))


def _pool() -> Floats:
    return np.round(np.random.default_rng(0).beta(4, 1.2, 2000), 3)


def _agents() -> dict[str, Agent]:
    pool = _pool()
    coarse = np.round(pool, 1)
    return {
        "calibrated": Agent(pool, 1 - pool),
        "sure and wrong": Agent(pool, np.where(pool > 0.97, 0.3, (1 - pool) / 4)),
        "at the promise": Agent(pool, np.full(len(pool), 0.0501)),
        "never good enough": Agent(pool, np.full(len(pool), 0.12)),
        "few confidences": Agent(coarse, np.clip(0.9 - coarse, 0.01, 1)),
        "one confidence": Agent(np.full(2000, 0.9), np.full(2000, 0.051)),
        "bad in the middle": Agent(pool, np.where((pool > 0.8) & (pool < 0.9), 0.4, 0.02)),
    }


AGENTS = _agents()
