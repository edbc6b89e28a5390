"""A bar for long files: on a terminal only, on stderr, gone when it is full."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
_WORTH_A_BAR = 50


def followed(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yield the items, and show how far it has come."""
    if len(items) < _WORTH_A_BAR or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import track  # noqa: PLC0415

    yield from track(items, description=what, console=Console(stderr=True), transient=True)
