"""A bar for long files: on a terminal only, on stderr, gone when it is full."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
_WORTH_A_BAR, _WORTH_A_BAR_OF_ENTRIES = 50, 20_000


def followed(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yield the items, and show how far it has come."""
    if len(items) < _WORTH_A_BAR or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import track  # noqa: PLC0415

    yield from track(items, description=what, console=Console(stderr=True), transient=True)


@contextmanager
def counted(total: int, what: str, worth: int = _WORTH_A_BAR_OF_ENTRIES) -> Iterator[Callable[[int], None]]:
    """Give out a function that hears of every few entries, and show how far they have come."""
    if total < worth or not sys.stderr.isatty():
        yield lambda number: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda number: progress.advance(task, number)
