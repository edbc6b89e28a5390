"""Texts in pictures: measured, wrapped and shortened, with invisible characters written out.

Widths are those of the font Arial, estimated by the kind of letter. A picture is laid out before it is known which font
the reader has, and CJK letters are measured although the machine that draws may have no font for them.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible

NARROW_LETTERS, WIDE_LETTERS = frozenset("iljtfIr.,:;|!'()[]-/ "), frozenset("mwMWGOQ@%—")
_NARROW, _WIDE, _CAPITAL, _OTHER, _FULL, _BOLD = 0.3, 0.86, 0.69, 0.55, 1.0, 1.07
MINUTE, HOUR, DAY = 60, 3_600, 86_400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in pixels."""
    return sum(map(_letter_width, text)) * size * (_BOLD if bold else 1)


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    if letter in NARROW_LETTERS:
        return _NARROW
    if letter in WIDE_LETTERS:
        return _WIDE
    if unicodedata.east_asian_width(letter) in "WF":
        return _FULL
    return _CAPITAL if letter.isupper() else _OTHER if letter.isascii() else _CAPITAL


def wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Return a text as lines that are no wider than `width`; a word that is wider is broken."""
    lines, line = [], ""
    for word in escape_invisible(text).split(" "):
        joined = f"{line} {word}" if line else word
        if text_width(joined, size, bold=bold) <= width:
            line = joined
            continue
        lines += [line] if line else []
        line = word
        while text_width(line, size, bold=bold) > width:
            cut = _fitting(line, width, size, bold=bold)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


def _fitting(text: str, width: float, size: float, *, bold: bool = False) -> int:
    """Return how many letters of a text, at least one, fit into a width."""
    end = 1
    while end < len(text) and text_width(text[: end + 1], size, bold=bold) <= width:
        end += 1
    return end


def shortened(text: str, width: float, size: float) -> str:
    """Return a text that is no wider than `width`: the middle is left out, since ends tell similar names apart."""
    plain = escape_invisible(text)
    if text_width(plain, size) <= width:
        return plain
    for kept in range(len(plain) - 1, 1, -1):
        short = f"{plain[: kept - kept // 3]}…{plain[len(plain) - kept // 3 :]}"
        if text_width(short, size) <= width:
            return short
    return "…"


def short_labels(names: Sequence[str | None], width: float, size: float, *, unknown: str = "not stated") -> list[str]:
    """Return a label for each name, no wider than `width` and different from all others."""
    labels: list[str] = []
    for name in names:
        label, number = shortened(name or unknown, width, size), 1
        while label in labels:
            number += 1
            ending = f" ({number})"
            label = shortened(name or unknown, width - text_width(ending, size), size) + ending
        labels.append(label)
    return labels


def widest(labels: Iterable[str], size: float) -> int:
    """Return the width of the widest label, rounded up."""
    return int(max((text_width(label, size) for label in labels), default=0)) + 1


def quoted(name: str | None, most: int = 40) -> str:
    """Return the name of an agent's making within a sentence: `'refund'`."""
    plain = escape_invisible(name) if name is not None else None
    if plain is None:
        return "cases without a task type"
    return f"'{plain}'" if len(plain) <= most else f"'{plain[: most - 1]}…'"


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 case`, `1,204 cases`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def day_text(at: datetime, *, year: bool = True) -> str:
    """Return a day: `3 Mar 2025`."""
    return f"{at.day} {_MONTHS[at.month - 1]}{f' {at.year}' if year else ''}"


def period_text(first: datetime | None, last: datetime | None) -> str:
    """Return the days from first to last: `3 Jan to 28 Feb 2025`; empty without any."""
    if first is None or last is None:
        return ""
    if first.date() == last.date():
        return day_text(first)
    return f"{day_text(first, year=first.year != last.year)} to {day_text(last)}"
