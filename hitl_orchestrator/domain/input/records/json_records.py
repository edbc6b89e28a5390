"""Records of a JSON array, of JSON Lines or of one JSON object, from blocks of text."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from hitl_orchestrator.domain.input.json_text import FlawedJson, loads_strictly, syntax_error
from hitl_orchestrator.domain.input.parsing import has_lines, read_json
from hitl_orchestrator.domain.input.record_size import TOO_DEEP, check_size
from hitl_orchestrator.domain.input.records.record import Record
from hitl_orchestrator.domain.value import MAX_SIZE, check_shape
from hitl_orchestrator.errors import InvalidInput

MOST_AT_ONCE = 4 * MAX_SIZE
"""The characters of one record that are kept in memory."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_TOO_LARGE = f"a record has at most {MAX_SIZE} bytes; store large content elsewhere, and send a reference to it"
# Finds the end of a value; its text is then read strictly. A number may have more digits than Python reads.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def json_records(blocks: Iterator[str], where: str) -> Iterator[Record]:
    """Yield the records of a text: the members of its array, its lines, or the one value that it has.

    A line that is not JSON is a record with problems.

    Raises:
        InvalidInput: it is empty, or no array that can be read to its end.
    """
    head = ""
    for block in blocks:
        head += block
        if head.strip():
            break
    begin = head.lstrip()
    if not begin:
        raise InvalidInput([f"{where}: it is empty; give a JSON array or one JSON object a line"])
    if begin.startswith("["):
        return _Array(head, blocks, where).records()
    for block in blocks:
        head += block
        if len(head) > MOST_AT_ONCE:
            break
    return _lines(head, blocks, where) if has_lines(head) else iter([_only_record(head, where)])


def _only_record(text: str, where: str) -> Record:
    return Record(where, 0, read_json(text, where), len(text))


def _lines(head: str, blocks: Iterator[str], where: str) -> Iterator[Record]:
    number, index, rest = 0, 0, ""
    for block in chain([head], blocks, ["\n"]):
        # Only a line feed ends a line: other separators, such as U+2028, are valid inside JSON text.
        *lines, rest = (rest + block).split("\n")
        for line in lines:
            number += 1
            if line.strip():
                yield _line(line, number, index, where)
                index += 1
        if len(rest) > MOST_AT_ONCE:
            raise InvalidInput([f"{where}: line {number + 1}: {_TOO_LARGE}"])


def _line(text: str, number: int, index: int, where: str) -> Record:
    part = f"line {number}"
    try:
        return Record(where, index, read_json(text, where, number), len(text), part)
    except InvalidInput as exc:
        place = f"{where}: {part}"
        named = (each if each.startswith(place) else each.replace(where, place, 1) for each in exc.problems)
        return Record(where, index, part=part, problems=tuple(named))


class _Array:
    """The members of an array, of which one block at a time is in memory."""

    def __init__(self, text: str, blocks: Iterator[str], where: str) -> None:
        self._text, self._blocks, self._where = text, blocks, where
        self._at, self._line, self._column = len(text) - len(text.lstrip()) + 1, 1, 1

    def records(self) -> Iterator[Record]:
        """Yield the members."""
        index, next_sign = 0, self._sign()
        while next_sign != "]":
            value = self._value()
            yield self._record(value, index)
            index, next_sign = index + 1, self._sign()
            if next_sign == ",":
                self._at += 1
                if self._sign() == "]":
                    raise self._error("Expecting value", self._at)
            elif next_sign != "]":
                raise self._error("Expecting ',' delimiter", self._at)
        self._at += 1
        if self._sign():
            raise self._error("Extra data", self._at)

    def _sign(self) -> str:
        """Return the next character that is not blank; an empty text at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr] # it matches everywhere
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def _value(self) -> str:
        """Return the text of the next value."""
        while True:
            try:
                _, end = _SCANNER.raw_decode(self._text, self._at)
                if end < len(self._text) or not self._read_on():
                    break
            except RecursionError as exc:
                raise InvalidInput([f"{self._where}: {TOO_DEEP}"]) from exc
            except json.JSONDecodeError as exc:
                if len(self._text) - self._at > MOST_AT_ONCE or not self._read_on():
                    raise self._error(exc.msg, exc.pos) from exc
        text, self._at = self._text[self._at : end], end
        return text

    def _read_on(self) -> bool:
        """Drop the text that was read, and add the next block; False if there is none."""
        block = next(self._blocks, None)
        if block is None:
            return False
        read = self._text[: self._at]
        self._line, self._column = self._place(read)
        self._text, self._at = self._text[self._at :] + block, 0
        return True

    def _place(self, read: str) -> tuple[int, int]:
        feeds = read.count("\n")
        column = len(read) - read.rfind("\n") if feeds else self._column + len(read)
        return self._line + feeds, column

    def _error(self, message: str, at: int) -> InvalidInput:
        if len(self._text) - self._at > MOST_AT_ONCE:
            return InvalidInput([f"{self._where}: {_TOO_LARGE}"])
        line, column = self._place(self._text[:at])
        return InvalidInput([f"{self._where}: line {line} column {column}: not JSON: {syntax_error(message)}"])

    def _record(self, text: str, index: int) -> Record:
        try:
            value = _strictly(text)
        except FlawedJson as exc:
            flaws = (f"{self._where}: {flaw.replace('[0]', f'[{index}]', 1)}" for flaw in exc.problems)
            return Record(self._where, index, problems=tuple(flaws))
        except RecursionError:
            return Record(self._where, index, problems=(f"{self._where}: [{index}]: {TOO_DEEP}",))
        except ValueError as exc:
            return Record(self._where, index, problems=(f"{self._where}: [{index}]: {exc}",))
        return Record(self._where, index, value, len(text))


def _strictly(text: str) -> Any:
    """Return the value of one member. Raises as `loads_strictly`, and `ValueError` for a limit that it exceeds."""
    (value,) = loads_strictly(f"[{text}]")
    check_shape(value)
    if len(text) > MAX_SIZE // 4:
        check_size(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return value
