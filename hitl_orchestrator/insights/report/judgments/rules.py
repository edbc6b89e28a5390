"""How rules become one word: the most severe rule that settles something settles the word."""

from collections.abc import Sequence
from typing import NamedTuple

from hitl_orchestrator.insights.report.model import Criterion, Judgment, Severity
from hitl_orchestrator.insights.shares import Share

ORDER: tuple[Severity, ...] = ("bad", "watch", "unknown", "good")
"""The severities, the one that wins first."""


class Settled(NamedTuple):
    """What a rule settles: a severity, its word, and the sentence that says why."""

    severity: Severity
    word: str
    because: str


class Rule(NamedTuple):
    """A criterion, and what it settles where it does not hold, and where that is unknown; None: nothing."""

    criterion: Criterion
    broken: Settled
    unknown: Settled | None = None

    @property
    def settles(self) -> Settled | None:
        """What the rule settles as the criterion is."""
        if self.criterion.holds is None:
            return self.unknown
        return None if self.criterion.holds else self.broken

    def without_proof(self) -> "Rule":
        """Return the rule of records that prove nothing: what held is unknown."""
        if not self.criterion.holds:
            return self
        return self._replace(criterion=self.criterion.model_copy(update={"holds": None}))


def judged(rules: Sequence[Rule], good: Settled) -> Judgment:
    """Return the judgment of all rules; `good` is that of rules none of which settles anything."""
    found = [settled for rule in rules if (settled := rule.settles) is not None]
    first = min(found, key=lambda settled: ORDER.index(settled.severity), default=good)
    return Judgment(
        word=first.word,
        severity=first.severity,
        because=first.because,
        criteria=tuple(rule.criterion for rule in rules),
    )


def at_most(share: Share, bound: float, enough: int) -> bool | None:
    """Return whether a share is at most a bound; None where its interval holds the bound, or there are too few cases.

    `enough` is the number of cases that an answer needs.
    """
    if share.of < enough or share.why_not is not None or share.lowest is None or share.highest is None:
        return None
    if share.lowest > bound:
        return False
    return True if share.highest <= bound else None
