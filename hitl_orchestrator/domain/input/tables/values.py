"""The values of cells: confidences in a stated unit, words for decisions and risks, times, ids and numbers."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hitl_orchestrator.domain.enums import HumanDecision, RiskLevel
from hitl_orchestrator.domain.shown.people import plain_id
from hitl_orchestrator.errors import InvalidInput, shortened

AUTOMATIC = "automatic"
"""The word for a row that went ahead without a person."""

DECISIONS = (*HumanDecision, AUTOMATIC)
_DECISION_WORDS = {
    **{word.value: word.value for word in HumanDecision},
    **dict.fromkeys(("approved", "accept", "accepted", "agree", "agreed", "confirmed", "upheld"), "approve"),
    **dict.fromkeys(("rejected", "declined", "decline", "denied", "deny", "refused", "disagree"), "reject"),
    **dict.fromkeys(("modified", "edited", "corrected", "changed", "modified_and_approved"), "modify"),
    **dict.fromkeys(("overridden", "overruled", "override_approved"), "override"),
    **dict.fromkeys(("escalated", "passed_up"), "escalate"),
    **dict.fromkeys((AUTOMATIC, "auto", "auto_approve", "auto_approved"), AUTOMATIC),
}
_RISK_WORDS = {
    **dict.fromkeys(("low", "minor", "green"), RiskLevel.LOW),
    **dict.fromkeys(("medium", "moderate", "yellow", "amber"), RiskLevel.MEDIUM),
    **dict.fromkeys(("high", "severe", "critical", "red"), RiskLevel.HIGH),
}
_TRUE, _FALSE = {"true", "1", "yes", "correct", "right", "t", "y"}, {"false", "0", "no", "incorrect", "wrong", "f", "n"}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?(?:e-?\d{1,2})?", re.IGNORECASE)
_CONFIDENCE = re.compile(r"(\d{1,9}(?:[.,]\d{1,17})?(?:e-?\d{1,2})?)\s*(%?)", re.IGNORECASE)
_LONGEST_ID, _SMALLEST_PERCENT = 200, 10.0
_LIKE_NUMBER = re.compile(r"[^\w\s]?\s?-?(?:[A-Z]{3}\s?)?\d[\d.,'\s]*(?:[A-Z]{3}|[^\w\s])?")
_MISSING = {"n/a", "na", "n.a.", "nan", "null", "none", "nil", "missing", "-", "--", "?", "#n/a", "k.a."}
_SECONDS, _MILLISECONDS = re.compile(r"1\d{9}(?:\.\d+)?"), re.compile(r"1\d{12}")
_PERCENT, _FRACTION = "percent", "fraction"


class Scale(NamedTuple):
    """The number that stands for certainty, and a sentence for the caller."""

    top: float
    sentence: str

    def confidence(self, value: Any) -> float | None:
        """Return a confidence in [0, 1]; None for an empty cell. Raises `ValueError`."""
        if value is None:
            return None
        number, percent = _stated_number(value)
        share = number / (100 if percent else self.top)
        if not 0 <= share <= 1:
            raise ValueError(f"confidence: {shortened(str(value))!r} lies outside 0 to {self.top:g}")
        return share


def scale_of(values: Iterable[Any], stated: str | None, column: str) -> Scale:
    """Return the unit of a column of confidences: the stated one, or that which its numbers leave no doubt about.

    Raises:
        InvalidInput: the statement is no unit, or there is none and the numbers have two readings.
    """
    if stated is not None:
        return _stated_scale(stated)
    numbers = [number for value in values if value is not None for number in _number_if_any(value)]
    if not numbers:
        return Scale(1.0, f"confidence: each number of {column!r} has a percent sign, or it has none that can be read")
    largest, between = max(numbers), any(0 < number < 1 for number in numbers)
    whole = not between and all(number.is_integer() for number in numbers)
    if largest <= 1 and between:
        return Scale(1.0, f"confidence: {column!r} has fractions, at most {largest:g}")
    if largest > _SMALLEST_PERCENT and not between:
        return Scale(100.0, f"confidence: {column!r} has percent: {largest:g} is read as {min(largest, 100) / 100:g}")
    why = (
        "has only the numbers 0 and 1"
        if largest <= 1
        else f"has fractions and numbers up to {largest:g}"
        if between
        else f"has {'whole ' if whole else ''}numbers up to {largest:g}, as a scale of points has"
    )
    remedy = "state the unit with --confidence-unit: fraction, percent, or the number that means certain, such as 5"
    raise InvalidInput([f"confidence: column {shortened(column)!r} {why}; {remedy}"])


def _stated_scale(stated: str) -> Scale:
    word = stated.strip().lower()
    tops = {_FRACTION: 1.0, _PERCENT: 100.0}
    if word not in tops and not (_NUMBER.fullmatch(word) and float(word) > 0):
        raise InvalidInput([f"--confidence-unit: {shortened(stated)!r} is not fraction, percent or a positive number"])
    top = tops.get(word) or float(word)
    return Scale(top, f"confidence: read with {top:g} as certain, as stated")


def _number_if_any(value: Any) -> list[float]:
    """Return the number of a confidence without a percent sign; a text that is none is a problem of its row."""
    try:
        number, percent = _stated_number(value)
    except ValueError:
        return []
    return [] if percent else [number]


def _stated_number(value: Any) -> tuple[float, bool]:
    """Return a number, and whether a percent sign follows it. Raises `ValueError`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), False
    match = _CONFIDENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"confidence: {shortened(str(value))!r} is not a number")
    return float(match[1].replace(",", ".")), bool(match[2])


def words_read(texts: Iterable[str]) -> dict[str, str]:
    """Return what `--decisions WORD=DECISION,...` states. Raises `InvalidInput`."""
    found: dict[str, str] = {}
    for part in (part.strip() for text in texts for part in text.split(",") if part.strip()):
        word, _, decision = (piece.strip() for piece in part.rpartition("="))
        if not word or decision not in DECISIONS:
            known = ", ".join(DECISIONS)
            raise InvalidInput([f"--decisions: {shortened(part)!r} is not WORD=DECISION; the decisions are {known}"])
        found[_plain(word)] = decision
    return found


def decision_of(value: Any, stated: Mapping[str, str]) -> str | None:
    """Return a decision or `automatic`; None for a cell without a value. Raises `ValueError` for an unknown word."""
    if value is None:
        return None
    plain = _plain(text_of(value))
    found = stated.get(plain) or _DECISION_WORDS.get(plain)
    if found is None and is_missing(value):
        return None
    if found is None:
        word = shortened(text_of(value))
        raise ValueError(f"decision: {word!r} is no known word; state its meaning, such as --decisions '{word}=reject'")
    return found


def _plain(word: str) -> str:
    return word.strip().casefold().replace(" ", "_").replace("-", "_")


def risks_read(texts: Iterable[str]) -> dict[str, RiskLevel]:
    """Return what `--risks WORD=LEVEL,...` states. Raises `InvalidInput`."""
    found: dict[str, RiskLevel] = {}
    for part in (part.strip() for text in texts for part in text.split(",") if part.strip()):
        word, _, level = (piece.strip() for piece in part.rpartition("="))
        if not word or level not in list(RiskLevel):
            levels = ", ".join(RiskLevel)
            raise InvalidInput([f"--risks: {shortened(part)!r} is not WORD=LEVEL; the levels are {levels}"])
        found[word.casefold()] = RiskLevel(level)
    return found


def risk_of_word(value: Any, stated: Mapping[str, RiskLevel]) -> RiskLevel | None:
    """Return a risk level; None for an empty cell. Raises `ValueError` for another word than those of levels."""
    if value is None:
        return None
    word = text_of(value).casefold()
    found = stated.get(word) or _RISK_WORDS.get(word)
    if found is None:
        shown = shortened(text_of(value))
        raise ValueError(
            f"risk: {shown!r} is not low, medium or high; state its meaning, such as --risks '{shown}=low'"
        )
    return found


def truth_of(value: Any) -> bool | None:
    """Return a truth value; None for an empty cell. Raises `ValueError`."""
    if value is None or isinstance(value, bool):
        return value
    word = text_of(value).casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"correct: {shortened(text_of(value))!r} is neither true nor false")
    return word in _TRUE


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return a time zone. Raises `InvalidInput`."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput([f"--timezone: {shortened(str(name))!r} is no time zone such as Europe/Vienna"]) from None


def time_of(value: Any, what: str, zone: ZoneInfo | None, form: str | None = None) -> datetime | None:
    """Return a time: in the stated form, ISO 8601, or seconds or milliseconds since 1970. Raises `ValueError`."""
    if value is None:
        return None
    text = text_of(value)
    if form is None and _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if form is None and _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    try:
        at = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
        if at.tzinfo is None and zone is not None:
            at = at.replace(tzinfo=zone)
        return at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        if form is not None:
            raise ValueError(f"{what}: {shortened(text)!r} has not the form {form!r} of --time-format") from None
        remedy = "state its form, such as --time-format '%d.%m.%Y %H:%M'"
        raise ValueError(f"{what}: {shortened(text)!r} is not a time such as 2025-01-10T09:15:00Z; {remedy}") from None


def id_of(value: Any, what: str) -> str:
    """Return a cell as a plain id. Raises `ValueError` for one that is empty or too long."""
    text = text_of(value)
    found = plain_id(text, what)
    if not found:
        raise ValueError(f"{what}: {shortened(text)!r} has no letter or digit")
    if len(found) > _LONGEST_ID:
        raise ValueError(f"{what}: it has {len(found)} characters; an id has {_LONGEST_ID} at most")
    return found


def is_missing(value: Any) -> bool:
    """Return whether a cell has a word that stands for no value, such as n/a."""
    return isinstance(value, str) and value.strip().casefold() in _MISSING


def is_like_number(value: Any) -> bool:
    """Return whether a text would be a number with separators or a unit, such as 1,234.56 or 99,90."""
    return isinstance(value, str) and not value.isdigit() and bool(_LIKE_NUMBER.fullmatch(value))


def number_or_text(value: Any) -> Any:
    """Return the number that a text writes plainly, such as 12.50; any other value as it is, such as 007."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return int(value) if value.lstrip("-").isdigit() else float(value)


def text_of(value: Any) -> str:
    """Return a cell as text; a truth value, a list or an object as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
