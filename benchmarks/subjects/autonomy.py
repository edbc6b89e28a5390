"""How often certified bounds break their promise on real agents, and how much of the work they let through.

Read from the folder that the variable HITL_BENCH_DATA names; nothing is measured without it. The agents are those of
`llm_stated_confidence.csv.gz` (LifeEval, NoamMichael, 2025, MIT), whole and by task type, and of
`llm_token_confidence.csv.gz` (Plaut et al., 2024, MIT). Labels are drawn with replacement from all answers of an agent,
so that the true share of errors above each bound is known exactly. Pools of fewer than 900 answers are left out.
"""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from benchmarks.report import Row, at_least, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.subjects.data import data_folder
from hitl_orchestrator.learning.bounds import Promise, certified
from hitl_orchestrator.learning.labels import Flags, Floats, Labels

FEWEST_ANSWERS = 900
DELTA = 0.05
CELLS = [(alpha, labels) for alpha in (0.02, 0.05, 0.1) for labels in (250, 500, 1000, 2000)]
AIMS = {(0.05, 1000): 0.60, (0.05, 2000): 0.63, (0.02, 2000): 0.45}
WORTH_WHILE = 0.1
"""The largest possible coverage from which a pool counts for the mean coverage."""


class Pool(NamedTuple):
    """All answers of an agent to questions of a kind."""

    name: str
    confidence: Floats
    wrong: Flags

    def errors_above(self, bound: float) -> float:
        """Return the true share of errors at and above a bound."""
        return float(self.wrong[self.confidence >= bound].mean())

    def largest_coverage(self, alpha: float) -> float:
        """Return the largest coverage that keeps the promise."""
        order = np.argsort(-self.confidence, kind="stable")
        ranked, errors = self.confidence[order], self.wrong[order].cumsum()
        ends = np.append(ranked[1:] != ranked[:-1], True)
        kept = np.flatnonzero(ends & (errors <= alpha * np.arange(1, len(order) + 1)))
        return float((kept[-1] + 1) / len(order)) if len(kept) else 0.0


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Yield the worst share of broken promises, and the mean coverage, of each alpha and number of labels."""
    folder = data_folder()
    if folder is None:
        return
    draws = size.of(3, 100, 500)
    pools = list(_pools(folder))
    for alpha, labels in CELLS:
        found = [(pool, *_measured(pool, Promise(alpha, DELTA), labels, draws)) for pool in pools]
        worst, broken, _ = max(found, key=lambda each: each[1])
        # The worst of so many agents that keep their promise exactly, with a probability of 95 %.
        limit = float(binom.isf(DELTA / len(pools), draws, DELTA)) / draws
        note = f"worst of {len(pools)} agents: {worst.name}"
        yield Row(f"promise broken, alpha {alpha}, {labels} labels", broken / draws, "", aim=at_most(limit), note=note)
        able = [(each, pool.largest_coverage(alpha)) for pool, _, each in found]
        able = [pair for pair in able if pair[1] > WORTH_WHILE]
        if not able:
            continue
        mean, most = (float(np.mean(each)) for each in zip(*able, strict=True))
        aim = AIMS.get((alpha, labels))
        note = f"at most {most:.3f} possible, {len(able)} agents"
        coverage = f"coverage, alpha {alpha}, {labels} labels"
        yield Row(coverage, mean, "", aim=None if aim is None else at_least(aim), note=note)


def _measured(pool: Pool, promise: Promise, labels: int, draws: int) -> tuple[int, float]:
    """Return in how many draws the promise is broken, and the mean coverage."""
    dice, broken, covered = np.random.default_rng(labels), 0, 0.0
    for _ in range(draws):
        drawn = dice.integers(0, len(pool.confidence), labels)
        bound = certified(Labels.of(pool.confidence[drawn], pool.wrong[drawn]), pool.confidence, promise).bound
        if bound is not None:
            broken += pool.errors_above(bound.confidence) > promise.alpha
            covered += bound.coverage
    return broken, covered / draws


def _pools(folder: Path) -> Iterator[Pool]:
    stated = _rows(folder / "llm_stated_confidence.csv.gz")
    tokens = _rows(folder / "llm_token_confidence.csv.gz")
    for agent in sorted({row["agent"] for row in stated}):
        own = [row for row in stated if row["agent"] == agent]
        yield _pool(agent, own, "stated_confidence")
        yield from _by_type(agent, own, "stated_confidence")
    for agent in sorted({row["agent"] for row in tokens}):
        yield from _by_type(agent, [row for row in tokens if row["agent"] == agent], "confidence")


def _by_type(agent: str, rows: list[dict[str, str]], column: str) -> Iterator[Pool]:
    for kind in sorted({row["task_type"] for row in rows}):
        own = [row for row in rows if row["task_type"] == kind]
        if len(own) >= FEWEST_ANSWERS:
            yield _pool(f"{agent}, {kind}", own, column)


def _pool(name: str, rows: list[dict[str, str]], column: str) -> Pool:
    # The source rounds: a probability slightly above 1 is 1.
    confidence = np.minimum([float(row[column]) for row in rows], 1.0)
    return Pool(name, confidence, np.array([row["correct"].lower() != "true" for row in rows]))


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
