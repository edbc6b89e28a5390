"""The number of answers of a model that are drawn, and the label that they agree on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hitl_orchestrator.errors import InvalidInput

_ROUNDING = 1e-9
_MOST = 100


@dataclass(frozen=True)
class Sampling:
    """Draws up to `planned` answers; fewer if `stop_early`.

    `stop_early` is True, to stop as soon as the majority cannot change, or a bound of the confidence: the share of the
    label cannot pass to its other side either.
    """

    planned: int = 1
    stop_early: bool | float = False

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a number or a bound that is unusable."""
        if isinstance(self.planned, bool) or not isinstance(self.planned, int) or not 1 <= self.planned <= _MOST:
            raise InvalidInput([f"LLMClassifier: samples: {self.planned!r} is not in [1, {_MOST}]"])
        bound = self.stop_early
        if not isinstance(bound, bool) and not (isinstance(bound, int | float) and 0 < bound <= 1):
            raise InvalidInput([f"LLMClassifier: stop_early: {bound!r} is neither true or false nor a bound in (0, 1]"])

    def is_settled(self, labels: Sequence[str]) -> bool:
        """Return whether no more answers are needed. An unusable answer has the label "", and counts for none."""
        left = self.planned - len(labels)
        if left <= 0:
            return True
        if self.stop_early is False or not any(labels):
            return False
        counted = [*Counter(filter(None, labels)).most_common(2), ("", 0)]
        leading, second = counted[0][1], counted[1][1]
        if leading - second <= left:
            return False
        if self.stop_early is True:
            return True
        needed = self.stop_early * self.planned - _ROUNDING
        return leading >= needed or leading + left < needed


def majority(labels: Sequence[str]) -> str:
    """Return the most frequent label, of equals the one drawn first; "" if no answer was usable."""
    counted = Counter(filter(None, labels)).most_common(1)
    return counted[0][0] if counted else ""
