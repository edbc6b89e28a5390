"""The free fields of an agent's output that scoring reads, in the shapes that agents give them.

A field is absent if it is missing, null, false, or an empty list or object. Every other value is read or is
unreadable: `Unreadable` is raised, so that an unreadable warning is never mistaken for no warning.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from hitl_orchestrator.domain.task import Proposal

UNUSUAL, AMBIGUOUS, ALTERNATIVES, SAMPLES = "unusual", "ambiguous", "alternatives", "samples"
TOKEN_LOGPROBS, VERBALISED_CONFIDENCE = "token_logprobs", "verbalised_confidence"
JUDGE_CONFIDENCE, SAMPLES_PLANNED = "judge_confidence", "samples_planned"
_WARNINGS = (UNUSUAL, AMBIGUOUS, ALTERNATIVES, SAMPLES)
_NAME = re.compile(
    "(?:is|has)?(?:(?P<unusual>unusual)|(?P<ambiguous>ambiguous)|(?P<alternatives>alternatives?)|(?P<samples>samples?))"
    "(?:flag)?|(?P<token_logprobs>tokenlogprobs)|(?P<verbalised_confidence>verbali[sz]edconfidence)"
    "|(?P<judge_confidence>judgeconfidence)|(?P<samples_planned>samplesplanned)"
)
"""The letters of a name; the group is the field."""

_WITHIN = frozenset({"metadata", "meta", "extra", "extras", "details", "flags", "signals", "warnings"})
"""Members of an output in which agents put the same fields, or name them."""

_LEAD = r"(?:(?:(?:my|the|overall) )?(?:confidence|certainty|probability)(?: (?:score|level))?(?: ?[:=]| is| of)? ?)?"
_PER_HUNDRED = r"(?P<hundredths>[0-9]{1,3}(?:\.[0-9]{1,18})?) ?(?:%|percent|per cent|/ ?100|out of 100)"
_STATED = re.compile(rf"{_LEAD}(?:{_PER_HUNDRED}|(?P<share>[01]?\.[0-9]{{1,18}}))\.?", re.IGNORECASE)
_LONGEST_STATED = 100
_LABELS = ("label", "predicted_label", "name", "class", "category", "answer")
_SHARES = ("confidence", "confidence_score", "score", "probability", "prob", "p")
_LOGPROBS = ("logprob", "log_prob", "logprobs")
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_PAIR = 2


class Unreadable(Exception):
    """A field is present, and its value has no meaning that scoring knows."""


def fields_of(proposal: Proposal) -> dict[str, Any]:
    """Return the present fields that scoring reads, by name. Of two spellings of a name the field is unreadable.

    Only the letters of a name count, without regard to case and to Unicode's compatible forms. Within `metadata` and
    the like, fields are read one level down; one that a list, a text or a deeper level mentions is unreadable.
    """
    fields: dict[str, Any] = {}
    for name, value in _found(proposal.model_extra or {}):
        if not _is_absent(value):
            fields[name] = _Unread() if name in fields else value
    return fields


def is_marked(value: Any) -> bool:
    """Return whether `unusual` or `ambiguous` states a warning: true, yes, 1, or a text, which is the reason."""
    if value is None:
        return False
    if isinstance(value, str) and value.strip():
        return value.strip().lower() not in _NO
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise Unreadable


def shares_of(value: Any, predicted: str) -> tuple[list[float], list[float]]:
    """Return the confidences of the `alternatives`: those of the predicted label, and those of the other labels.

    They are an object of labels with numbers, or a list of pairs or of objects.
    """
    shares = list(_alternatives(value))
    return [share for label, share in shares if label == predicted], [
        share for label, share in shares if label != predicted
    ]


def labels_of(value: Any) -> list[str]:
    """Return the labels of `samples`: a list of texts, or of objects with a label."""
    return [_label(sample) for sample in _items(value)]


def planned_of(value: Any, drawn: int) -> int:
    """Return the number of samples that were planned: at least those drawn."""
    if value is None:
        return drawn
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unreadable
    return max(value, drawn)


def logprobs_of(value: Any) -> list[float]:
    """Return `token_logprobs`: a list of numbers of at most 0, or of objects with such a number."""
    numbers = [_member(each, _LOGPROBS) if isinstance(each, Mapping) else each for each in _items(value)]
    if not numbers or not all(_is_number(number) and number <= 0 for number in numbers):
        raise Unreadable
    return numbers


def stated(value: Any) -> float:
    """Return a share of 1 in words, such as `85%`, `0.85`, `85/100` or `Confidence: 85%`.

    It must be the whole text: of a sentence, such as `not 85%` or `80-90%`, the meaning is not known.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_STATED:
        raise Unreadable
    match = _STATED.fullmatch(" ".join(value.split()))
    if match is None:
        raise Unreadable
    share = float(match["share"]) if match["hundredths"] is None else float(match["hundredths"]) / 100
    if share > 1:
        raise Unreadable
    return share


class _Unread:
    """The value of a field that an output has twice, or only mentions: no reader accepts it."""


def _found(members: Mapping[str, Any], level: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the fields among the members of an object, and those within `metadata` and the like."""
    for name, value in members.items():
        letters = _letters(name)
        field = _NAME.fullmatch(letters)
        if field is not None and field.lastgroup is not None:
            yield field.lastgroup, value if level <= 1 or _is_absent(value) else _Unread()
        elif letters in _WITHIN or (level and not isinstance(value, str)):
            yield from _mentioned(value, level + 1)


def _mentioned(value: Any, level: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from _found(value, level)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _mentioned(each, level + 1)
    elif isinstance(value, str):
        letters = _letters(value)
        yield from ((name, _Unread()) for name in _WARNINGS if name in letters)


def _letters(text: str) -> str:
    """Return the letters of a text in one case; a name has many spellings, some with invisible characters."""
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text).casefold()))


def _is_absent(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, (list, tuple, Mapping)) and not value)


def _alternatives(value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        yield from ((label, _share(share)) for label, share in value.items())
        return
    for item in _items(value):
        if isinstance(item, Mapping):
            yield _label(item), _share(item)
        elif isinstance(item, (list, tuple)) and len(item) == _PAIR:
            yield _label(item[0]), _share(item[1])
        else:
            raise Unreadable


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise Unreadable
    return value


def _label(value: Any) -> str:
    label = _member(value, _LABELS) if isinstance(value, Mapping) else value
    if not isinstance(label, str):
        raise Unreadable
    return label


def _share(value: Any) -> float:
    share = _member(value, _SHARES) if isinstance(value, Mapping) else value
    if isinstance(share, str):
        return stated(share)
    if not _is_number(share) or not 0 <= share <= 1:
        raise Unreadable
    return float(share)


def _member(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the member with one of these names. Two of them could contradict each other."""
    members = [value[name] for name in names if name in value]
    if len(members) != 1:
        raise Unreadable
    return members[0]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
