"""Figures as the cells of a table. A missing figure is a dash, never a zero."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import (
    amount_text,
    confidence_text,
    cut_off,
    highest_percent,
    lowest_percent,
    percent,
    plain_number,
)
from hitl_orchestrator.insights.escaped_errors import ENOUGH_REVIEWS, MOST_UNSEEN, EscapedErrors
from hitl_orchestrator.insights.report.phrases import DIGITS_OF_ERRORS, lacking
from hitl_orchestrator.insights.report.rendering.blocks import Cell, Interval
from hitl_orchestrator.insights.shares import Share

DASH, TO = "\u2013", "\u2013"
NONE_STATED, NOT_ENOUGH = "not stated", "not enough data"
FEW_LOOKS = "too few looks at automatic cases"
_OF = re.compile(r"^\d+ of (\d+)$")
MOST_NAMES = 20


def share_cell(share: Share | None) -> Cell:
    """Return a share in percent, with the count it was taken from and its 95 % interval."""
    if share is None or (share.share is None and share.why_not is None):
        return Cell(DASH, "number")
    counted = f"{whole(share.count)} of {whole(share.of)}"
    if share.why_not is not None:
        third = share.why_not.removeprefix(f"{NOT_ENOUGH}: ")
        return Cell(counted, "number", second=NOT_ENOUGH, third=third, lack=_OF.sub(r"fewer than \1 cases", third))
    return _with_interval(share.share, share.lowest, share.highest, counted)


def errors_cell(errors: EscapedErrors | None) -> Cell:
    """Return the estimated share of errors among automatic cases, or why there is none."""
    if errors is None or not errors.cases:
        return Cell(DASH, "number")
    looked_at = f"{whole(errors.reviews)} of {whole(errors.cases)} seen"
    if not errors.enough or errors.share is None:
        return Cell(looked_at, "number", second=NOT_ENOUGH, third=_lack(errors), lack=FEW_LOOKS)
    return _with_interval(errors.share, errors.lowest, errors.highest, looked_at, DIGITS_OF_ERRORS)


def _lack(errors: EscapedErrors) -> str:
    """Return in few words what is missing; `why_not` is the whole sentence, for one place per report."""
    if errors.unseen > MOST_UNSEEN * errors.cases:
        if errors.unseen == errors.cases:
            return "none could be drawn"
        return f"{percent(errors.unseen / errors.cases, bound=MOST_UNSEEN)} could not be drawn"
    if errors.unseen + errors.unanswered > MOST_UNSEEN * errors.cases:
        return f"{whole(errors.unanswered)} unanswered"
    return f"{cut_off(errors.effective_reviews, 0)} of {ENOUGH_REVIEWS} looks"


def _with_interval(
    share: float | None, lowest: float | None, highest: float | None, counted: str, digits: int = 0
) -> Cell:
    if share is None:
        return Cell(DASH, "number", counted)
    if lowest is None or highest is None:
        return Cell(percent(share, digits), "number", counted)
    ends = span(lowest, highest, digits)
    return Cell(percent(share, digits), "number", counted, ends, Interval(lowest, share, highest))


def span(lowest: float, highest: float, digits: int = 0) -> str:
    """Return an interval in percent, never narrower than it is: 33 to 47 %, with a dash."""
    return f"{lowest_percent(lowest, digits).removesuffix(' %')}{TO}{highest_percent(highest, digits)}"


def share_text(share: Share) -> str:
    """Return a share in one line: `58 % (47 of 81, 95 % interval 47 to 69 %)`."""
    if share.why_not is not None:
        return f"{whole(share.count)} of {whole(share.of)} ({lacking(share.why_not)})"
    if share.share is None or share.lowest is None or share.highest is None:
        return "none yet"
    counted = f"{whole(share.count)} of {whole(share.of)}"
    ends = span(share.lowest, share.highest).replace(TO, " to ")
    return f"{percent(share.share)} ({counted}, 95 % interval {ends})"


def sentence(text: str) -> str:
    """Return a text with a capital letter at its start, and one stop at its end; a dash is none."""
    if not text.strip(" -"):
        return ""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def number(value: float | None) -> Cell:
    """Return a count, or a number as it is."""
    if value is None:
        return Cell(DASH, "number")
    return Cell(whole(value) if isinstance(value, int) else plain_number(value), "number")


def amount(value: float | None) -> Cell:
    """Return an amount."""
    return Cell(DASH if value is None else amount_text(value), "number")


def fraction(value: float | None) -> Cell:
    """Return a figure between 0 and 1 with four decimals at most."""
    return Cell(DASH if value is None else cut_off(value, 4), "number")


def confidence(value: float | None, among: Iterable[float | None] = ()) -> Cell:
    """Return a confidence in the form of those `among` which it is listed."""
    return Cell(DASH if value is None else confidence_text(value, among), "number")


def mean_confidence(value: float | None) -> Cell:
    """Return a mean confidence, cut off after three decimals."""
    return Cell(DASH if value is None else cut_off(value, 3), "number")


def quoted(text: str | None, missing: str = NONE_STATED) -> Cell:
    """Return a text that stems from a task, an agent or a person."""
    return Cell(missing) if text is None else Cell(text, "quoted")


def person_cell(person: str, names: Mapping[str, str]) -> Cell:
    """Return the name of a person, with the id below where it differs."""
    name = names.get(person, person)
    return Cell(name, "quoted", "" if name == person else person)


def code(text: str | None) -> Cell:
    """Return an id."""
    return Cell(DASH) if text is None else Cell(text, "code")


def duration(seconds: float | None) -> Cell:
    """Return a length of time."""
    return Cell(DASH if seconds is None else duration_text(seconds), "number")


def when(at: datetime | None) -> Cell:
    """Return a time."""
    return Cell(DASH if at is None else moment(at), "number")


def moment(at: datetime) -> str:
    """Return a time in UTC: `2026-11-29 14:05`. The report says once that times are in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def day(at: datetime) -> str:
    """Return a day: `29 November 2026`, in words that do not depend on the locale."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def whole(value: float) -> str:
    """Return a count with commas for thousands."""
    return f"{int(value):,}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return `1 case`, `12 cases`."""
    return f"{whole(count)} {noun if count == 1 else many or f'{noun}s'}"


def some(names: Iterable[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    listed = list(names)
    more = f", and {whole(len(listed) - MOST_NAMES)} more" if len(listed) > MOST_NAMES else ""
    return f"{', '.join(listed[:MOST_NAMES])}{more}"


def words(name: str) -> str:
    """Return the words of an enumerated name: `auto_approve` is `auto approve`."""
    return name.replace("_", " ")


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
