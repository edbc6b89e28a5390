"""Limits of one record: its size as JSON text, its nesting, and the number of its values."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from hitl_orchestrator.domain.input.json_text import FlawedJson
from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_SIZE, MAX_VALUES, check_shape
from hitl_orchestrator.errors import InvalidInput

# Each value takes a character, and each character at most four bytes.
_SMALL = min(MAX_VALUES, MAX_SIZE // 4)
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


MAX_FILE = 2**28
"""The maximum bytes of one file, and of standard input."""


def read_bounded(read: Callable[[int], bytes], where: str) -> bytes:
    """Return what `read` gives, which is called with a number of bytes, up to the maximum of a file.

    Raises:
        InvalidInput: there is more.
    """
    content = read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise InvalidInput([f"{where}: it has more than {MAX_FILE} bytes; split it into several files"])
    return content


def check_size(text: str) -> None:
    """Refuse a JSON text that is too large for one record, leading and trailing blanks aside. Raises `ValueError`."""
    size = len(text)
    if size > MAX_SIZE // 4:
        size = len(text.strip().encode(errors="surrogatepass"))
    if size > MAX_SIZE:
        raise ValueError(
            f"a record has at most {MAX_SIZE} bytes and this one has {size}; "
            "store large content elsewhere, and send a reference to it"
        )


def check_records(value: Any, size: int) -> None:
    """Check each record of a parsed file of `size` characters: the members of its list, or of the lists in its object.

    Raises:
        FlawedJson: with the index of each record that exceeds a limit, and the limit.
    """
    problems: list[str] = []
    for prefix, record in _records(value):
        try:
            check_shape(record)
            if size > MAX_SIZE // 4:
                check_size(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
        except ValueError as exc:
            problems.append(f"{prefix}{exc}")
    if problems:
        raise FlawedJson(problems)


def check_record(record: BaseModel, where: str) -> None:
    """Refuse a value made in Python that exceeds the limits as JSON text.

    Raises:
        InvalidInput: naming `where`.
    """
    try:
        text = record.model_dump_json(warnings=False)
        if _is_small(text):
            return
        check_size(text)
        check_shape(json.loads(text))
    except RecursionError as exc:
        raise InvalidInput([f"{where}: {TOO_DEEP}"]) from exc
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc


def _is_small(text: str) -> bool:
    """Return whether a JSON text is certainly within the limits, by its length and the number of opening brackets."""
    return len(text) <= _SMALL and text.count("[") + text.count("{") <= MAX_DEPTH


def _records(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield from ((f"[{index}]: ", record) for index, record in enumerate(value))
    elif isinstance(value, dict):
        for member in value.values():
            yield from (("", record) for record in (member if isinstance(member, list) else [member]))
