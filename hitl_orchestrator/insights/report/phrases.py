"""Figures and names in the sentences of a report. None looks like the other side of a bound."""

import re

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.shown.numbers import cut_off, percent, percent_interval
from hitl_orchestrator.insights.shares import Share

_PLAIN = re.compile(r"[\w.@:/+-]{1,40}")

DIGITS_OF_ERRORS = 1
"""The decimals of a share of errors among automatic cases, in percent: it is small, and so is what is tolerated."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))


def share_text(share: Share, digits: int = 0, *, bound: float | None = None) -> str:
    """Return a share with its count and interval: `58 % of 40 [42 %, 72 %]`; without cases `no cases`."""
    if share.share is None or share.lowest is None or share.highest is None:
        return "no cases"
    ends = percent_interval(share.lowest, share.highest, digits, bound=bound)
    return f"{percent(share.share, digits, bound=bound)} of {share.of:,} {ends}"


def number(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 case`, `2,000 cases`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def length_of_time(seconds: float) -> str:
    """Return a length of time, cut off in the largest unit that fits: `45 s`, `12 min`, `3.4 h`, `2 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{cut_off(seconds / size, 0 if seconds >= 10 * size or size == 1 else 1).removesuffix('.0')} {unit}"
    return "0 s" if seconds <= 0 else f"{cut_off(seconds, 1)} s"


def lacking(why_not: str) -> str:
    """Return why a figure is missing, from a reason that may begin with these words: `not enough data: 12 of 30`."""
    return f"not enough data: {why_not.removeprefix('not enough data: ')}"


def name(text: str | None, otherwise: str = "cases without one") -> str:
    """Return a name of others within a sentence: a plain one as it is, any other in quotation marks."""
    if text is None:
        return otherwise
    if _PLAIN.fullmatch(text):
        return text
    escaped = escape_invisible(text).replace('"', "<U+0022>")
    return f'"{escaped}"'


def listed(names: list[str], most: int = 3) -> str:
    """Return names in a sentence, the first of them by name: `a, b, c and 4 more`."""
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more} more" if more > 0 else ", ".join(names)
