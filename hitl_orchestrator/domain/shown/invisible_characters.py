"""Escape characters that reviewers cannot see, or that change how the surrounding text is displayed.

Control characters, line and paragraph separators, bidirectional marks and overrides, zero-width and other format
characters, tags, fillers, variation selectors, private and unassigned code points all become `<U+200B>` and the like.
A line without such characters is unchanged. Letters that merely resemble other letters are not escaped.
"""

import json
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import Any

_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
# Letters, marks and symbols by category that are displayed as nothing: Unicode's "default ignorable" ones
# in addition to the format characters, and the empty Braille pattern.
_EMPTY = _SELECTORS | frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)))
_EMPTY |= frozenset(map(chr, (0x180B, 0x180C, 0x180D, 0x180F)))
_EMOJI_STYLE = "\ufe0e\ufe0f"
_WHITE = "\n\t"
_MOST_NAMED = 5


def escape_invisible(text: str) -> str:
    """Return a text with every invisible or reordering character escaped."""
    if text.isprintable() and _EMPTY.isdisjoint(text):
        return text
    return "".join(_written_out(char) if _hides(char, before) else char for before, char in _pairs(text))


def escape_in_json(text: str) -> str:
    """Return a JSON text with the same value in which such characters are escaped as in JSON; line breaks remain."""
    if text.isprintable() and _EMPTY.isdisjoint(text):
        return text
    return "".join(
        json.dumps(char)[1:-1] if char not in _WHITE and _hides(char, before) else char for before, char in _pairs(text)
    )


def hidden_in(value: Any) -> list[str]:
    """Return every such character in the texts of a JSON value, keys too. Line breaks and tabs are none."""
    return [char for text in _texts(value) for char in _hidden_in_text(text)]


def warning(*values: Any) -> str | None:
    """Return `contains 3 invisible characters, shown as <U+200B>`; None where these values hold none."""
    found = hidden_in(values)
    if not found:
        return None
    kinds = list(dict.fromkeys(map(_written_out, found)))
    more = " and others" if len(kinds) > _MOST_NAMED else ""
    noun = "character" if len(found) == 1 else "characters"
    return f"contains {len(found)} invisible {noun}, shown as {' '.join(kinds[:_MOST_NAMED])}{more}"


def _hidden_in_text(text: str) -> list[str]:
    if text.isprintable() and _EMPTY.isdisjoint(text):
        return []
    pairs = _pairs(text.replace("\r\n", "\n"))
    return [char for before, char in pairs if char not in _WHITE and _hides(char, before)]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield every character with the one before it."""
    return zip(chain(" ", text), text, strict=False)


def _hides(char: str, before: str) -> bool:
    """Whether a character is not seen. One that only chooses between a sign and its emoji may follow a symbol."""
    if char in _EMOJI_STYLE:
        return not unicodedata.category(before).startswith("S")
    return char in _EMPTY or not (char.isprintable() or unicodedata.category(char) == "Zs")


def _written_out(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a JSON value, in document order."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(reversed(list(chain.from_iterable(item.items()))))
        elif isinstance(item, (list, tuple)):
            pending.extend(reversed(item))
