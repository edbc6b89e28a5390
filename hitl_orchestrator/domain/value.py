"""What every noun is made of: frozen values, and the few types that carry their own limits."""

import json
import math
import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_DEPTH = 32
# Beyond 2**53 a JSON number is no longer the same number to every reader (RFC 8785, I-JSON).
MAX_INTEGER = 2**53 - 1
_A_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def _only_text(given: object) -> object:
    """Refuse what pydantic would guess a time from: numbers, bare dates, digits in a string."""
    if isinstance(given, datetime) or (isinstance(given, str) and _A_TIME.match(given)):
        return given
    raise ValueError("give a time with its zone, such as 2025-01-10T09:15:00Z")


def _to_utc(given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time does not exist in UTC") from None


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a NUL character cannot be stored; remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text must be valid Unicode: it has a lone surrogate") from None
    return text


def _check_scalar(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        raise ValueError(f"whole numbers must lie within ±{MAX_INTEGER}; send larger ones as text")
    if isinstance(value, str):
        _storable(value)
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise ValueError(f"{type(value).__name__} is not JSON")


def check_json(value: Any) -> Any:
    """Return `value` if it is JSON that every store keeps unchanged; raise `ValueError` saying why not."""
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    raise ValueError("object keys must be text")
                _check_scalar(key)
            pending.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend((child, depth + 1) for child in item)
        else:
            _check_scalar(item)
    return value


def canonical_json(value: Any) -> str:
    """Return the one text of a JSON value: sorted keys, no spaces, so that equal values have equal digests."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal."""
    return sha256(canonical_json(value).encode()).hexdigest()


Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$")]
"""An id that is safe in a URL, a file name and a log line."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S"), AfterValidator(_storable)]
"""A short name such as a domain, a task type or a role."""

Text = Annotated[str, AfterValidator(_storable)]
"""Free text."""

Confidence = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
"""A probability in [0, 1]. Numbers only: neither "0.9" nor true is a confidence."""

Instant = Annotated[AwareDatetime, BeforeValidator(_only_text), AfterValidator(_to_utc)]
"""A moment in UTC. A time without a zone is refused, for it could be any of them."""

FreeJson = Annotated[dict[str, Any], AfterValidator(check_json)]
"""Free JSON, checked for what a store could not keep: NUL, lone surrogates, NaN, huge integers, deep nesting."""
