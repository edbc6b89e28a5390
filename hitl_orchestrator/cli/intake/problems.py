"""Problems of files, collected before any is reported."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import TypeVar

from hitl_orchestrator.errors import InvalidInput, shortened

T = TypeVar("T")
_MOST_KEPT = 1000


class Problems:
    """Problems of files: the first ones, and the number of the others."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self._more = 0

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return bool(self.sentences)

    def __iter__(self) -> Iterator[str]:
        """Yield the problems; those that were not kept are empty."""
        return chain(self.sentences, repeat("", self._more))

    def add(self, *problems: str) -> None:
        """Add problems."""
        kept = problems[: max(_MOST_KEPT - len(self.sentences), 0)]
        self.sentences += kept
        self._more += len(problems) - len(kept)

    def read(self, read: Callable[[], T]) -> T | None:
        """Return the result of `read`, or None if it raised `InvalidInput`, whose problems are collected."""
        try:
            return read()
        except InvalidInput as exc:
            self.add(*exc.problems)
            return None

    def listed(self) -> list[str]:
        """Return the problems; the last sentence counts those that were not kept."""
        return [*self.sentences, *([f"... and {self._more} more"] if self._more else [])]


def twice(name: str, value: str, first: str) -> str:
    """Return the sentence about an id that occurs twice in a file, with the place where it was first."""
    return f'"{shortened(value)}" occurs twice, first at {first}; every {name} must be unique in a file'
