"""Figures and names in the sentences of a report. None looks like the other side of a bound."""

import re
from collections.abc import Iterable

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.shown.numbers import bound_percent, percent, percent_interval
from hitl_orchestrator.insights.metrics.model import Autonomy, Metrics
from hitl_orchestrator.insights.shares import Share

_PLAIN = re.compile(r"[\w.@:/+-]{1,40}")

DIGITS_OF_ERRORS = 1
"""The decimals of a share of errors among automatic cases, in percent: it is small, and so is what is tolerated."""


def share_text(share: Share, digits: int = 0, *, bound: float | None = None) -> str:
    """Return a share with its count and interval: `58 % of 40 [42 %, 72 %]`; without cases `no cases`."""
    if share.share is None or share.lowest is None or share.highest is None:
        return "no cases"
    ends = percent_interval(share.lowest, share.highest, digits, bound=bound)
    return f"{percent(share.share, digits, bound=bound)} of {share.of:,} {ends}"


def number(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 case`, `2,000 cases`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def open_text(metrics: Metrics) -> str:
    """Return that many open cases are in no share, and the share of automatic ones with them; empty if few are open.

    Open cases are of now, so that for a period there is no share with them.
    """
    cases, share = metrics.cases.many_undecided, metrics.automated_of_all
    if not cases:
        return ""
    left_out = f"{number(cases, 'open case')} {'is' if cases == 1 else 'are'} not counted"
    return left_out if share is None else f"{left_out}; counted as reviewed, {percent(share)} are automated"


_SAFETY = {
    "above_bound": "safe above a bound",
    "never": "never, where enough was looked at",
    "unclear": "unclear",
    "not_enough_data": "not enough data",
}
"""The verdicts on autonomy in words, in the order of the line that answers where automation is safe."""

_MOST_TYPES = 5


def where_safe(verdicts: Iterable[Autonomy], tolerated: float) -> str:
    """Return the task types by whether they could go ahead: `safe above a bound: loan from 0.9; unclear: refund`."""
    kept: dict[str, list[str]] = {}
    for each in verdicts:
        bound = "" if each.bound is None else f" from {each.bound:g}" if each.bound else " at any confidence"
        kept.setdefault(each.verdict, []).append(f"{name(each.task_type, 'cases without a task type')}{bound}")
    if not kept:
        return "not enough data: there is no decision yet"
    parts = [f"{words}: {listed(kept[verdict], _MOST_TYPES)}" for verdict, words in _SAFETY.items() if verdict in kept]
    if "above_bound" not in kept:
        parts = [f"{_SAFETY['above_bound']}: no task type", *parts]
    return f"{'; '.join(parts)} (at most {bound_percent(tolerated)} wrong cases are tolerated)"


def derived_text(derived: int, own: int, noun: str = "decision") -> str:
    """Return how many decisions were derived again: `372 decisions (329 of agents' cases, 43 checks and changes)`."""
    apart = f" ({derived - own:,} on agents' cases, {own:,} on quality checks and changes)" if own else ""
    return f"{number(derived, noun)}{apart}"


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
