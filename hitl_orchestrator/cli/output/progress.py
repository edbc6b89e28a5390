"""Progress bars on stderr, only on a terminal and only for long work."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
_MIN_ITEMS, _MIN_ENTRIES = 50, 20_000


def followed(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items and show progress."""
    if len(items) < _MIN_ITEMS or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import track  # noqa: PLC0415

    yield from track(items, description=label, console=Console(stderr=True), transient=True)


@contextmanager
def counted(total: int, label: str, worth: int = _MIN_ENTRIES) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with numbers of processed entries, and show progress."""
    if total < worth or not sys.stderr.isatty():
        yield lambda number: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda number: progress.advance(task, number)
