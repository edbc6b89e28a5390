"""The size of a regular expression with its repetitions written out: the time of a match grows with it."""

import re

MOST_POSITIONS = 500
"""The most adverse pattern of this size takes some seconds on a text of the maximum size of a record."""

_REPETITION = re.compile(r"\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}")
_GROUP = re.compile(r"\(\?(?:P?<[^>]*>|[\w-]*[:)])")
_ESCAPE = re.compile(r"\\(?:[pPxuU]\{[^}]*\}|.)", re.DOTALL)
_EXTENDED = re.compile(r"\(\?[a-wy-z]*x", re.IGNORECASE)


def is_too_large(pattern: str) -> bool:
    """Return whether a valid pattern has too many positions. One with comments (the flag `x`) is not counted."""
    return _EXTENDED.search(pattern) is not None or positions(pattern) > MOST_POSITIONS


def positions(pattern: str) -> int:
    """Return the number of characters and classes of a valid pattern; `a{3}` and `a{1,3}` have three."""
    totals, last, place = [0], 0, 0
    while place < len(pattern):
        repetition = _REPETITION.match(pattern, place)
        group = _GROUP.match(pattern, place)
        if repetition is not None:
            most = max(int(bound or 1) for bound in repetition.groups(default="1"))
            totals[-1] += last * (most - 1)
            last, place = last * most, repetition.end()
        elif group is not None and group[0].endswith(")"):
            place = group.end()
        elif pattern[place] == "(":
            totals.append(0)
            place = place + 1 if group is None else group.end()
        elif pattern[place] == ")" and len(totals) > 1:
            last = totals.pop()
            totals[-1] += last
            place += 1
        elif pattern[place] in "*+?|^$":
            place += 1
        else:
            last, place = 1, _end_of_class(pattern, place)
            totals[-1] += 1
    return sum(totals)


def _end_of_class(pattern: str, place: int) -> int:
    """Return the place after the character, the escape or the class that begins at a place."""
    depth = 0
    while place < len(pattern):
        escape = _ESCAPE.match(pattern, place)
        character = pattern[place]
        place = place + 1 if escape is None else escape.end()
        if escape is None and character == "[":
            depth += 1
            place += pattern.startswith("^", place)
            place += pattern.startswith("]", place)
        elif escape is None and character == "]" and depth:
            depth -= 1
        if not depth:
            break
    return place
