"""The finished cases of a store as frames, read by a few threads at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from hitl_orchestrator.errors import InvalidInput, LedgerDamaged
from hitl_orchestrator.insights.frame import FRAME, Separators, from_text, polars
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.records import NO_NUMBER, ROW_END, VALUE_END

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_A_TIME = 50_000
"""The number of cases of a frame, about: entries of other kinds lie between them unevenly."""

_READERS = 2
# A database bounds the size of a text, and a case has up to a few kilobytes.
_ROWS_OF_A_TEXT = 10_000
_SEPARATORS = Separators(VALUE_END, ROW_END, NO_NUMBER)
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def stored_frame(
    ledger: Ledger, columns: Sequence[str] = tuple(FRAME), on_read: Callable[[int], None] = lambda number: None
) -> "pl.DataFrame":
    """Return all outcomes of a ledger in one frame with these columns. See `stored_frames`."""
    pl, parts = polars(), list(stored_frames(ledger, columns, on_read))
    if not parts:
        return from_text("", columns, _SEPARATORS)
    # One column after the other, so that no second copy of the whole frame exists.
    joined = {name: pl.concat([part.drop_in_place(name) for part in parts], rechunk=True) for name in columns}
    return pl.DataFrame(joined)  # type: ignore[no-any-return]


def stored_frames(
    ledger: Ledger, columns: Sequence[str] = tuple(FRAME), on_read: Callable[[int], None] = lambda number: None
) -> "Iterator[pl.DataFrame]":
    """Yield the outcomes of a ledger in frames, in the order in which the cases finished.

    A frame has `finished_seq` and these columns. `on_read` receives the number of cases of each. The database builds
    their text, so that threads share the work.

    Raises:
        LedgerDamaged: an outcome cannot be read.
    """
    polars()
    wanted = tuple(name for name in columns if name != "finished_seq")
    span = ledger.outcome_span()
    width = max(1, (span.last - span.first + 1) * ROWS_AT_A_TIME // max(1, span.rows))
    parts = ((seq, min(seq + width, span.last)) for seq in range(span.first - 1, span.last, width))
    for frame in in_background(partial(_part, ledger, wanted), parts, _READERS):
        yield frame
        on_read(frame.height)


def in_background(work: Callable[[_In], _Out], items: Iterable[_In], workers: int = 1) -> Iterator[_Out]:
    """Yield the result for each item, in order; threads compute the next ones in the meantime."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        running: deque[Future[_Out]] = deque()
        for item in items:
            if len(running) == workers:
                yield running.popleft().result()
            running.append(pool.submit(work, item))
        while running:
            yield running.popleft().result()


def _part(ledger: Ledger, columns: tuple[str, ...], part: tuple[int, int]) -> "pl.DataFrame":
    """Return the outcomes that finished after an entry, up to another one."""
    names, (after, up_to) = ("finished_seq", *columns), part
    frames: list[pl.DataFrame] = []
    while after < up_to:
        rows, after, text = ledger.outcome_text(columns, after, up_to, _ROWS_OF_A_TEXT)
        if rows:
            frames.append(_frame(text, names, rows))
    if not frames:
        return from_text("", names, _SEPARATORS)
    return polars().concat(frames, rechunk=True)  # type: ignore[no-any-return]


def _frame(text: str, names: tuple[str, ...], rows: int) -> "pl.DataFrame":
    try:
        frame = from_text(text, names, _SEPARATORS)
    except InvalidInput as exc:
        raise LedgerDamaged(str(exc)) from exc
    if frame.height != rows:
        raise LedgerDamaged(f"the rows of outcomes cannot be read: {rows} rows have {frame.height} lines")
    return frame
