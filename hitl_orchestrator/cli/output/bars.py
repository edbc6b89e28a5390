"""Bars and sparklines of characters, in plain ASCII where the encoding of the screen lacks their glyphs."""

import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Glyphs(NamedTuple):
    """The characters of bars and sparklines. `parts` fill a cell by eighths, from the smallest."""

    full: str
    parts: str
    rest: str
    levels: str
    gap: str
    dot: str


BLOCKS = Glyphs("█", "▏▎▍▌▋▊▉", "·", "▁▂▃▄▅▆▇█", " ", "·")
ASCII = Glyphs("#", "", ".", "_.-:=+*#", " ", "-")


def glyphs(encoding: str | None = None) -> Glyphs:
    """Return the characters that an encoding has, by default that of the screen."""
    name = encoding or getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "".join(BLOCKS).encode(name)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def screen_width() -> int:
    """Return the number of columns of the screen, 80 if it has none."""
    return shutil.get_terminal_size((80, 24)).columns


def bar(share: float, width: int, drawn: Glyphs) -> tuple[str, str]:
    """Return the filled and the empty part of a bar. A share above 0 shows, and one below 1 is not full."""
    eighths = min(max(round(share * width * 8), 0), width * 8)
    if 0 < share < 1:
        eighths = min(max(eighths, 1), width * 8 - 1)
    whole, part = divmod(eighths, 8)
    if not drawn.parts:
        whole, part = min(whole + (part >= 4 or (share > 0 and not whole)), width - (share < 1)), 0  # noqa: PLR2004
    filled = drawn.full * whole + (drawn.parts[part - 1] if part else "")
    return filled, drawn.rest * (width - len(filled))


def sparkline(values: Sequence[float | None], drawn: Glyphs, top: float | None = None) -> str:
    """Return a character for each value, from 0 to `top`, by default the largest one; a missing value is a gap."""
    known = [value for value in values if value is not None]
    highest = (max(known, default=0.0) if top is None else top) or 1.0
    last = len(drawn.levels) - 1
    return "".join(
        drawn.gap if value is None else drawn.levels[min(last, max(0, int(value / highest * last + 0.5)))]
        for value in values
    )


def thinned(values: Sequence[float | None], most: int) -> list[float | None]:
    """Return at most so many values: the means of neighbors, without missing ones."""
    if len(values) <= most:
        return list(values)
    means: list[float | None] = []
    for index in range(most):
        part = values[index * len(values) // most : (index + 1) * len(values) // most]
        known = [value for value in part if value is not None]
        means.append(sum(known) / len(known) if known else None)
    return means
