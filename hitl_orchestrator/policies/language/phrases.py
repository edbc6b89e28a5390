"""Lists and values as they are written in a sentence."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

MOST_NAMED = 12
"""The longest list of words that is written out in full."""

_NAMED_OF_MANY = 3


def join(words: Iterable[str], last: str) -> str:
    """Return the words as a list in a sentence: `a, b or c`."""
    *first, end = [str(word) for word in words]
    return f"{', '.join(first)} {last} {end}" if first else end


def join_some(words: Iterable[str], last: str) -> str:
    """Return the words as `join` does; of a list longer than `MOST_NAMED` the first three, and how many follow."""
    named = [*words]
    if len(named) > MOST_NAMED:
        named[_NAMED_OF_MANY:] = [f"{len(named) - _NAMED_OF_MANY:,} more"]
    return join(named, last)


def format_value(value: Any) -> str:
    """Return a value as a policy file writes it, without a trailing `.0`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return "something else" if value == {} else str(value)


def runs_of(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each run of consecutive numbers."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        consecutive = [number for _, number in run]
        yield consecutive[0], consecutive[-1]


def in_words(duration: timedelta) -> str:
    """Return a duration in words, such as `2 days and 4 hours`."""
    seconds = duration.total_seconds()
    counts = (("day", 86_400), ("hour", 3_600), ("minute", 60))
    parts = []
    for unit, length in counts:
        number, seconds = divmod(seconds, length)
        parts += [f"{number:.0f} {unit}{'s' * (number > 1)}"] if number else []
    parts += [f"{format_value(seconds)} second{'s' * (seconds != 1)}"] if seconds or not parts else []
    return join(parts, "and")
