"""Progress bars on stderr, only on a terminal and only for long work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MIN_ENTRIES = 20_000


@contextmanager
def counted(total: int | None, label: str, worth: int = _MIN_ENTRIES) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with numbers of processed entries, and show progress, the rate and the time left.

    Without a `total` the time left is not known.
    """
    if (total is not None and total < worth) or not sys.stderr.isatty():
        yield lambda number: None
        return
    with _progress() as progress:
        task = progress.add_task(label, total=total)
        yield lambda number: progress.advance(task, number)


def _progress() -> Any:
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415

    class Rate(ProgressColumn):
        """Entries a second."""

        def render(self, task: Task) -> Text:
            """Return the rate; empty before it is known."""
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
