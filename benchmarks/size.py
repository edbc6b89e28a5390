"""How much is measured: the sizes of the aims, a quick form, and the smallest form, for tests."""

from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Size(Enum):
    """One of three sizes."""

    TINY = 0
    QUICK = 1
    FULL = 2

    def of(self, tiny: T, quick: T, full: T) -> T:
        """Return the one of three values that belongs to this size."""
        return (tiny, quick, full)[self.value]
