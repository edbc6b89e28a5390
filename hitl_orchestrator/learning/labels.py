"""Labels of the cases of one group: whether people found the agent wrong, and the probability that they looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The reviewed cases of one group, one element for each.

    `confidence` is that of the agent, `wrong` whether a person found its output wrong, and `probability` the one in
    (0, 1] with which the case was reviewed, as routing recorded it.
    """

    confidence: Floats
    wrong: Flags
    probability: Floats

    @classmethod
    def of(
        cls,
        confidence: Sequence[float] | Floats,
        wrong: Sequence[bool] | Flags,
        probability: Sequence[float] | Floats | None = None,
    ) -> "Labels":
        """Return labels of these values; without probabilities every case was reviewed.

        Raises:
            ValueError: the lengths differ, a confidence is outside [0, 1], or a probability outside (0, 1].
        """
        values = np.asarray(confidence, float), np.asarray(wrong, bool)
        chances = np.ones(len(values[0])) if probability is None else np.asarray(probability, float)
        if not len(values[0]) == len(values[1]) == len(chances):
            raise ValueError(
                f"{len(values[0])} confidences, {len(values[1])} verdicts and {len(chances)} probabilities"
            )
        if not np.all((values[0] >= 0) & (values[0] <= 1)):
            raise ValueError("a confidence is a number in [0, 1]")
        if not np.all((chances > 0) & (chances <= 1)):
            raise ValueError("the probability of a review is a number in (0, 1]")
        return cls(*values, chances)

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.confidence)

    def uniform(self, draws: Floats) -> "Labels":
        """Return labels in which every case of the group had the same probability to be.

        A case that was reviewed with the probability p is kept with the probability q / p, where q is the smallest of
        all (thinning). `draws` are independent numbers, uniform in [0, 1), one for each label. What is kept may enter a
        promise; labels of unequal probability may enter only estimates.
        """
        if not len(self):
            return self
        least = self.probability.min()
        kept = draws * self.probability < least
        return Labels(self.confidence[kept], self.wrong[kept], np.full(int(kept.sum()), least))
