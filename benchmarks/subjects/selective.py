"""Selective accuracy: how right the outputs are that need no review, as more of them are let through."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

COVERAGES = (0.2, 0.4, 0.6, 0.8, 1.0)


class Selective(NamedTuple):
    """Accuracy at each coverage, the area under the risk-coverage curve (AURC), and its limits.

    The AURC is the mean error rate of the most confident k outputs, over all k: less is better. `chance` is that of a
    confidence without information, `best` that of one which has every right output before every wrong one. `known` is
    the share of the outputs whose confidence is known; the others come last.
    """

    accuracies: tuple[float, ...]
    aurc: float
    chance: float
    best: float
    known: float


def selective(confidences: Sequence[float | None], correct: Sequence[bool]) -> Selective:
    """Measure confidences against what was right. Outputs of equal confidence are let through in random order."""
    total = len(correct)
    ranked = sorted(zip(confidences, correct, strict=True), key=lambda each: -1.0 if each[0] is None else each[0])
    risks = _risks([(each[0], each[1]) for each in reversed(ranked)])
    right = sum(correct)
    best = [max(0, k - right) / k for k in range(1, total + 1)]
    return Selective(
        accuracies=tuple(1 - risks[max(1, round(share * total)) - 1] for share in COVERAGES),
        aurc=sum(risks) / total,
        chance=1 - right / total,
        best=sum(best) / total,
        known=sum(each is not None for each in confidences) / total,
    )


def _risks(ranked: Sequence[tuple[float | None, bool]]) -> list[float]:
    """Return the expected error rate of the first k, for each k. Ties spread their errors evenly."""
    risks, passed, wrong = [], 0, 0.0
    for _, tied in groupby(ranked, key=lambda each: each[0]):
        block = [right for _, right in tied]
        rate = block.count(False) / len(block)
        for _ in block:
            passed += 1
            wrong += rate
            risks.append(wrong / passed)
    return risks
