"""The base class of all values, the constrained field types, and canonical JSON."""

import json
import math
import re
import unicodedata
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from numbers import Real
from typing import Annotated, Any, TypeVar

import orjson
import rfc8785
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible, hidden_in
from hitl_orchestrator.errors import shortened

MAX_SIZE = 2**20
"""The maximum bytes of one record as UTF-8 text."""

MAX_DEPTH = 32
"""The maximum nesting of a record, counting the record itself."""

MAX_VALUES = 100_000
"""The maximum number of values in a record: the members of its lists and objects. An empty one counts as one."""

FIRST_YEAR, LAST_YEAR = 2000, 9998
"""The years of a time. The last one leaves room for the stored form of no time, which is the end of the year 9999."""

# Beyond 2**53 a JSON number is no longer the same number to every reader (RFC 8785, I-JSON).
MAX_INTEGER = 2**53 - 1
_ODD_EXPONENT = re.compile("[0-9]e(?:-0|[+])")
_OUTSIDE_THE_BASIC_PLANE = re.compile("[\U00010000-\U0010ffff]")
# Joiners are part of Indic and Persian spelling: removing one gives another word.
_JOINERS = {"\u200c", "\u200d"}
_LONGEST_STEP = 60
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")


PublicClass = TypeVar("PublicClass", bound=type)


def public(exported: PublicClass) -> PublicClass:
    """Show a class under the name that users import it by, in errors, documentation and pickles."""
    exported.__module__ = __name__.partition(".")[0]
    return exported


class Value(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def _check_time(value: object) -> object:
    """Refuse input from which pydantic would guess a time: numbers, bare dates, strings of digits."""
    if isinstance(value, datetime) or (isinstance(value, str) and _TIME.match(value)):
        return value
    raise ValueError("give a time with its zone, such as 2025-01-10T09:15:00Z")


def _to_utc(value: datetime) -> datetime:
    """Return the time in UTC. Refuse a year that no clock of this software shows, such as an unset field of 0001."""
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time does not exist in UTC") from None
    if not FIRST_YEAR <= utc.year <= LAST_YEAR:
        raise ValueError(f"a time lies in the years {FIRST_YEAR} to {LAST_YEAR}; give the actual time")
    return utc


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a NUL character cannot be stored; remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text must be valid Unicode: it has a lone surrogate") from None
    return text


def _name(text: str) -> str:
    """Refuse a name that could be mistaken for another: two spellings of a domain would be two domains."""
    if text.isascii() and text.isprintable():
        return text
    _storable(text)
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("a name must be in Unicode's composed form, NFC; normalize it")
    if set(hidden_in(text)) - _JOINERS or "\n" in text or "\t" in text:
        raise ValueError(f"a name has no invisible characters and no line breaks; this one is {escape_invisible(text)}")
    return text


def _check_confidence(value: object) -> object:
    """Refuse what converts to a float but is none: truth values, those of numpy included, and inexact numbers."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b":
        raise ValueError("a number in [0, 1] is needed, and this is a truth value")
    if isinstance(value, (int, float, str, bytes, dict, list)) or value is None:
        return value
    if isinstance(value, Real) and float(value) == value:
        return float(value)
    raise ValueError(f"a number in [0, 1] is needed, and this is a {type(value).__name__}; give a float")


def _check_scalar(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        raise ValueError(f"whole numbers must lie within ±{MAX_INTEGER}; send larger ones as text")
    if isinstance(value, str):
        _storable(value)
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise ValueError(f"a value of the type {type(value).__name__} is not JSON; send it as text or as a number")


def check_shape(value: Any, depth: int = 1) -> list[Any]:
    """Return all keys and scalars of a JSON value, which is at this `depth` of a record.

    Raises:
        ValueError: it is nested too deeply, or has too many values.
    """
    pending, scalars, values = [(value, depth)], [], 0
    while pending:
        item, depth = pending.pop()
        if not isinstance(item, (dict, list, tuple)):
            scalars.append(item)
            continue
        values += max(len(item), 1)
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise ValueError(f"it holds more than {MAX_VALUES} values")
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                raise ValueError("object keys must be text")
            scalars.extend(item)
        pending.extend((child, depth + 1) for child in (item.values() if isinstance(item, dict) else item))
    return scalars


def check_json(value: Any, depth: int = 1) -> Any:
    """Return `value` if it is JSON that every store keeps unchanged, within the limits of a record.

    Raises:
        ValueError: with the reason, and the place of a value that cannot be stored.
    """
    if type(value) is dict and not value:
        return value
    letters = 0
    for scalar in check_shape(value, depth):
        try:
            _check_scalar(scalar)
        except ValueError as exc:
            raise ValueError(f"{_place_of(scalar, value)}{exc}") from None
        letters += len(scalar) if isinstance(scalar, str) else 0
        # The same text object may occur in many places in memory; as JSON it is written out each time.
        if letters > MAX_SIZE:
            raise ValueError(f"it holds more than {MAX_SIZE} bytes of text")
    return value


def _place_of(scalar: object, value: Any) -> str:
    """Return the path of a key or a scalar within a value, and a colon; empty for the value itself."""
    pending = [("", value)]
    while pending:
        path, item = pending.pop()
        if item is scalar:
            break
        children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list | tuple) else ()
        for key, child in children:
            name = f"[{key}]" if isinstance(key, int) else shortened(escape_invisible(str(key)))
            step = f".{name}" if path and isinstance(key, str) else name
            pending.append((f"{path}{step}", child))
            if key is scalar:
                return f"the key {name}: "
    else:
        return ""
    return f"{path}: " if path else ""


def canonical_json(value: Any) -> str:
    """Return the canonical text of a JSON value (RFC 8785): equal values have equal texts, and so equal digests.

    1 equals 1.0, and 0 equals -0.0. Read the text with `read_canonical`. An audit record takes 8 us, where the rfc8785
    package takes 148 us.
    """
    text = _fast_text(value)
    return _exact_text(value) if text is None else text


def _fast_text(value: Any) -> str | None:
    """Return the canonical text as orjson writes it; None where that might be another text, or the value is no JSON.

    orjson writes what is no JSON too, such as NaN, a UUID or a time: the value is compared with that of the text.
    """
    try:
        text = orjson.dumps(value, option=_OPTIONS)
        if orjson.loads(text) != value:
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    if text[:1] not in _BEGIN_OF_TEXTS_AND_CONTAINERS or _EXPONENT.search(text) or not _in_one_plane(text):
        return None
    whole = _without_fractions(text) if b".0" in text else text
    return None if whole is None else whole.decode()


_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_BEGIN_OF_TEXTS_AND_CONTAINERS = (b"{", b"[", b'"')
# The e is first in the pattern, since searching a letter is faster than searching a digit.
_EXPONENT = re.compile(rb"e(?<=[0-9]e)[-+]?[0-9]{1,3}[,}\]]")
_FRACTION = re.compile(rb"\.0[,}\]]")
# The colon after a key: a quotation mark that begins a text follows one of these other characters, or the backslash.
_WHOLE_MEMBER = re.compile(rb'[^\\:,\[{]":(?:0|-?[1-9][0-9]{0,14})\.0[,}\]]')


def _in_one_plane(text: bytes) -> bool:
    """Return whether all characters are of the Basic Multilingual Plane, in which UTF-8 sorts keys as UTF-16 does."""
    return text.isascii() or not any(first in text for first in _BEGIN_OF_FOUR_BYTES)


_BEGIN_OF_FOUR_BYTES = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")


def _without_fractions(text: bytes) -> bytes | None:
    """Return a text in which each member of an object such as 1.0 is written as 1; None if it may have others."""
    parts, done = [], 0
    for found in _FRACTION.finditer(text):
        at = found.start()
        # The character before the quotation mark is at least the one that begins the key.
        if not _WHOLE_MEMBER.fullmatch(text, text.rfind(b'":', 0, at) - 1, found.end()):
            return None
        parts.append(text[done:at])
        done = at + len(".0")
    return b"".join([*parts, text[done:]])


def _exact_text(value: Any) -> str:
    """Return the canonical text, written by Python, or by the rfc8785 package in the cases where Python differs."""
    text = _python_text(value)
    if _ends_in_whole_float(text):
        text = _python_text(_whole_floats_as_integers(value))
    # Python and RFC 8785 differ in a few numbers, and in the order of keys outside the Basic Multilingual Plane.
    if _ends_in_whole_float(text) or _has_odd_exponent(text) or not (text.isascii() or _only_basic(text)):
        return rfc8785.dumps(value).decode()
    return text


_python_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode


def _ends_in_whole_float(text: str) -> bool:
    """Return whether a number may be written as 1.0, where RFC 8785 writes 1. A false positive costs only time."""
    return ".0," in text or ".0}" in text or ".0]" in text or text.endswith(".0")


def _has_odd_exponent(text: str) -> bool:
    """Return whether a number may be written as 1e-07 or 1e+16, where RFC 8785 writes 1e-7 and 10000000000000000."""
    return ("e-0" in text or "e+" in text) and _ODD_EXPONENT.search(text) is not None


def _whole_floats_as_integers(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value
    if isinstance(value, dict):
        return {key: _whole_floats_as_integers(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole_floats_as_integers(child) for child in value]
    return value


def _only_basic(text: str) -> bool:
    return _OUTSIDE_THE_BASIC_PLANE.search(text) is None


def read_canonical(text: str) -> Any:
    """Return the value of a canonical text. A whole number beyond 2**53 was a float, and is read as one."""
    if type(text) is str:
        try:
            raw = text.encode()
            # No number that is so large has fewer digits.
            if _SIXTEEN_DIGITS not in raw.translate(_DIGITS_AS_ZEROS):
                return orjson.loads(raw)
        except ValueError:  # Python reads more than orjson, and its errors are those that callers know
            pass
    return _DECODER.decode(text)


_SIXTEEN_DIGITS = b"0" * len(str(MAX_INTEGER))
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


def _whole_number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= MAX_INTEGER else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole_number)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal."""
    return text_digest(canonical_json(value))


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$"
Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id that is safe in a URL, a file name and a log line."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S"), AfterValidator(_name)]
"""A short name such as a domain, a task type or a role: NFC, one line, all characters visible."""

_LABEL: TypeAdapter[str] = TypeAdapter(Label)


def short_name(value: Any) -> str | None:
    """Return a value as a `Label`; None for any other value."""
    try:
        return _LABEL.validate_python(value, strict=True) if isinstance(value, str) else None
    except ValidationError:
        return None


EmailAddress = Annotated[
    str, StringConstraints(min_length=3, max_length=200, pattern=r"^[^@\s]+@[^@\s]+$"), AfterValidator(_name)
]
"""A mail address: a mailbox and a domain, without a name."""

Text = Annotated[str, AfterValidator(_storable)]
"""Free text, stored unchanged: reviewers sign exactly the text that they saw."""

Confidence = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False), BeforeValidator(_check_confidence)]
"""A probability in [0, 1]. Numbers only: neither "0.9" nor true is a confidence."""

UtcDatetime = Annotated[AwareDatetime, BeforeValidator(_check_time), AfterValidator(_to_utc)]
"""A time in UTC, of the years 2000 to 9998. A time without a zone is refused as ambiguous."""

FreeJson = Annotated[dict[str, Any], AfterValidator(partial(check_json, depth=2))]
"""Free JSON without NUL, lone surrogates, NaN, huge integers or deep nesting, which stores cannot keep."""
