"""The log-probabilities of the tokens of a label, in the shapes in which LangChain's models return them."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["label_logprobs"]

_ROUNDING = 1e-6
"""The logarithm of a probability is at most 0; a model that computes in single precision may exceed it by this."""


class _Token(NamedTuple):
    text: str
    logprob: float


def label_logprobs(metadata: Any, field: str, label: str) -> list[float] | None:
    """Return the logarithms of the probabilities of the tokens that write a label, None if they are unknown.

    `metadata` is the `response_metadata` of a message. The answer is the label alone, or JSON with one `field` that has
    it: the tokens of an explanation, or of braces and names, say nothing about the label. One value that is no
    logarithm of a probability makes all of them unknown.
    """
    tokens = _tokens_of(metadata)
    span = _span_of("".join(token.text for token in tokens), field, label)
    if span is None:
        return None
    found, start = [], 0
    for token in tokens:
        end = start + len(token.text)
        if start < span[1] and end > span[0]:
            found.append(min(token.logprob, 0.0))
        start = end
    return found or None


def _tokens_of(metadata: Any) -> list[_Token]:
    """Return the tokens of OpenAI's `{"content": [...]}`, of a bare list of the same, or of two parallel lists."""
    metadata = metadata if isinstance(metadata, Mapping) else {}
    found = metadata.get("logprobs") or metadata.get("logprobs_result")
    if isinstance(found, Mapping) and isinstance(found.get("content"), list):
        found = found["content"]
    elif isinstance(found, Mapping):
        texts, logprobs = found.get("tokens"), found.get("token_logprobs")
        if not isinstance(texts, list) or not isinstance(logprobs, list) or len(texts) != len(logprobs):
            return []
        found = [{"token": text, "logprob": logprob} for text, logprob in zip(texts, logprobs, strict=True)]
    if not isinstance(found, list):
        return []
    tokens = [token for each in found if (token := _token(each)) is not None]
    return tokens if len(tokens) == len(found) else []


def _token(value: Any) -> _Token | None:
    if not isinstance(value, Mapping):
        return None
    text, logprob = value.get("token"), value.get("logprob")
    if not isinstance(text, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    is_known = math.isfinite(logprob) and logprob <= _ROUNDING
    return _Token(text, float(logprob)) if is_known else None


def _span_of(text: str, field: str, label: str) -> tuple[int, int] | None:
    """Return the place of a label in a text; None if it is in no place, or in several."""
    if text.strip() == label:
        start = text.index(label)
        return start, start + len(label)
    places = [
        match.span(1)
        for match in re.finditer(rf'{re.escape(json.dumps(field))}\s*:\s*"((?:[^"\\]|\\.)*)"', text)
        if _unquoted(match[1]) == label
    ]
    return places[0] if len(places) == 1 else None


def _unquoted(inner: str) -> str | None:
    try:
        text = json.loads(f'"{inner}"')
    except ValueError:
        return None
    return text if isinstance(text, str) else None
