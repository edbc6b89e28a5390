"""How much may come in as one record: its size, how deep it nests, how many values it holds.

A text is measured before it is parsed, by a pass over its brackets and commas that keeps nothing, so that no parser
meets a bomb. A value that was made in Python is measured as the text that it would be. One measure, so one verdict.
"""

import re

from pydantic import BaseModel

from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_SIZE, MAX_VALUES
from hitl_orchestrator.errors import InvalidInput

# A text that never ends takes the rest with it: no part of it is looked at twice.
_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)


def check_text(text: str, outer: int = 0) -> None:
    """Refuse a JSON text with a record that is too much. `outer` levels of brackets stand around its records.

    Raises:
        ValueError: saying which record it is, and why.
    """
    if outer == 0:
        check_size(text)
        if text.count("[") + text.count("{") <= MAX_DEPTH and text.count(",") + MAX_DEPTH <= MAX_VALUES:
            return
    _check_marks(text, outer)


def check_size(text: str) -> None:
    """Refuse a text that is too large for one record, blanks around it not counted. Raises `ValueError`."""
    size = len(text)
    if size > MAX_SIZE // 4:
        size = len(text.strip().encode(errors="surrogatepass"))
    if size > MAX_SIZE:
        raise ValueError(
            f"a record has at most {MAX_SIZE} bytes and this one has {size}; "
            "keep what is large elsewhere, and send where it is"
        )


def check_record(record: BaseModel, where: str) -> None:
    """Refuse a value that was made in Python, and would be too much as a text.

    Raises:
        InvalidInput: naming `where`.
    """
    try:
        check_text(record.model_dump_json(warnings=False))
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc


def _check_marks(text: str, outer: int) -> None:
    """Measure record by record. Only whole containers open a level; a comma or the end of the list ends a record."""
    depth = values = begun = number = 0
    for mark in _MARKS.finditer(text):
        sign = mark[0]
        if sign in "[{":
            depth += 1
            values += depth > outer
            begun = mark.end() if depth <= outer else begun
            if depth > outer + MAX_DEPTH:
                raise ValueError(f"{_place(number, outer)}nested deeper than {MAX_DEPTH} levels")
        elif sign in "]}":
            depth -= 1
        elif sign == ",":
            values += depth > outer
        if values > MAX_VALUES:
            raise ValueError(f"{_place(number, outer)}it holds more than {MAX_VALUES} values")
        if outer and depth <= outer and sign in ",]}" and (depth < outer or sign == ","):
            _check_span(text, begun, mark.start(), _place(number, outer))
            begun, values, number = mark.end(), 0, number + 1
    if outer:
        _check_span(text, begun, len(text), _place(number, outer))


def _check_span(text: str, begun: int, end: int, place: str) -> None:
    if end - begun > MAX_SIZE // 4:
        try:
            check_size(text[begun:end])
        except ValueError as exc:
            raise ValueError(f"{place}{exc}") from None


def _place(number: int, outer: int) -> str:
    return f"[{number}]: " if outer == 1 else ""
