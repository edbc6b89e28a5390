"""Rows of a table with their line numbers, from CSV with any delimiter, JSON Lines and Parquet."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from io import BytesIO, StringIO
from math import isnan
from typing import Any, NamedTuple

from hitl_orchestrator.domain.input.json_text import FlawedJson, loads_strictly, syntax_error
from hitl_orchestrator.domain.value import MAX_SIZE, check_json
from hitl_orchestrator.errors import InvalidInput, install_hint, shortened

_DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_JSON_ENDINGS, _PARQUET, _TABS = (".jsonl", ".ndjson", ".json"), ".parquet", (".tsv", ".tab")
_MOST_COLUMNS = 2000
MOST_ROWS = 5_000_000
"""The rows of a file that is read as a whole: short ones take many times their size in memory."""

_STATED = "sep="


class Row(NamedTuple):
    """One row: its line in the file, its cells by column, and why it cannot be read, if so.

    The cells of CSV are texts; those of JSON Lines and Parquet may be any JSON value. An empty cell is None.
    """

    line: int
    cells: Mapping[str, Any]
    problem: str = ""


class Table(NamedTuple):
    """The columns of a file, and a function that yields its rows; `kind` names the format and the delimiter."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]


class Form(NamedTuple):
    """What the caller states about a file: its encoding, its delimiter, and whether its first row has the names."""

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True


def read_table(content: bytes, name: str, form: Form | None = None) -> Table:
    """Return the table of a file. Its format follows from the ending of its name; without a known one it is CSV.

    Raises:
        InvalidInput: it is empty, in another encoding, without columns, or broken beyond single rows.
    """
    form, ending = form or Form(), name.lower()
    if not content.strip():
        raise InvalidInput([f"{name}: it is empty; give a table with a row of column names"])
    if ending.endswith(_PARQUET):
        return _parquet(content, name)
    text = _decoded(content, name, form.encoding)
    if text.count("\n") > MOST_ROWS:
        raise InvalidInput([f"{name}: it has more than {MOST_ROWS:,} rows; split it into several files"])
    if ending.endswith(_JSON_ENDINGS):
        return _json_lines(text, name)
    return _separated(text, name, form, "\t" if ending.endswith(_TABS) else None)


def _decoded(content: bytes, name: str, encoding: str | None) -> str:
    marked = next((codec for mark, codec in _MARKS if content.startswith(mark)), None)
    codec = encoding or marked or "utf-8"
    try:
        text = content.decode(codec)
    except LookupError:
        raise InvalidInput([f"--encoding: {shortened(codec)!r} is no encoding; name one such as cp1252"]) from None
    except UnicodeDecodeError as exc:
        remedy = "state the right one with --encoding, such as cp1252 or latin-1"
        raise InvalidInput([f"{name}: not {codec} text (byte {exc.start}); {remedy}"]) from exc
    except (UnicodeError, ValueError) as exc:
        raise InvalidInput([f"{name}: not {codec} text: {exc}"]) from exc
    if not isinstance(text, str):
        raise InvalidInput([f"--encoding: {shortened(codec)!r} is no encoding of text; name one such as cp1252"])
    return text.removeprefix("\ufeff")


def _separated(text: str, name: str, form: Form, delimiter: str | None) -> Table:
    delimiter = form.delimiter or delimiter or _delimiter_of(text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InvalidInput([f"--delimiter: {shortened(delimiter)!r} is not one character"])
    first = next(_records(text, name, delimiter), None)
    if first is None:
        raise InvalidInput([f"{name}: it has no row; give a table with a row of column names"])
    names = first[1] if form.header else [str(number) for number in range(1, len(first[1]) + 1)]
    columns = _column_names(names, name)

    def rows() -> Iterator[Row]:
        records = _records(text, name, delimiter)
        if form.header:
            next(records)
        for line, cells in records:
            if len(cells) != len(columns):
                yield Row(line, {}, f"it has {len(cells)} cells, and the table {len(columns)} columns")
            else:
                yield Row(line, {column: cell or None for column, cell in zip(columns, cells, strict=True)})

    shown = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(delimiter, repr(delimiter))
    return Table(name, f"separated by {shown}", columns, rows)


def _records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that has a cell, with the line on which it begins."""
    source = StringIO(text, newline="")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            remedy = "correct the quotation marks, or state the --delimiter"
            raise InvalidInput([f"{name}: line {line}: not readable as CSV: {exc}; {remedy}"]) from exc
        if cells is None:
            return
        if any(cell.strip() for cell in cells) and not (line == 1 and cells[0] == _STATED):
            yield line, [cell.strip() for cell in cells]


def _delimiter_of(text: str) -> str:
    """Return the delimiter that the first line states, as Excel writes it, or that occurs most in it, unquoted."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.startswith(_STATED) and len(first) == len(_STATED) + 1:
        return first[-1]
    outside = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _column_names(names: Sequence[str], where: str) -> tuple[str, ...]:
    named = [name.strip() or f"column {number}" for number, name in enumerate(names, start=1)]
    if len(named) > _MOST_COLUMNS:
        raise InvalidInput([f"{where}: it has {len(named)} columns; a table has {_MOST_COLUMNS} at most"])
    twice = [name for name, number in Counter(named).items() if number > 1]
    if twice:
        remedy = "rename one, or say --no-header if the first row has values"
        raise InvalidInput([f"{where}: the column {shortened(twice[0])!r} occurs twice; {remedy}"])
    return tuple(named)


def _json_lines(text: str, name: str) -> Table:
    stripped = text.lstrip()
    lines = _array(text, name) if stripped.startswith("[") else None
    numbered = (
        lines
        if lines is not None
        else [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    )
    columns: dict[str, None] = {}
    for _, line in numbered:
        record = line if isinstance(line, dict) else _object(line)[0]
        columns |= dict.fromkeys(record)

    def rows() -> Iterator[Row]:
        for number, line in numbered:
            record, problem = (line, "") if isinstance(line, dict) else _object(line)
            yield Row(number, {key: _cell(value) for key, value in record.items()}, problem)

    if not columns:
        raise InvalidInput([f"{name}: no line has a JSON object; give one object a line"])
    return Table(name, "JSON", _column_names(tuple(columns), name), rows)


def _array(text: str, name: str) -> list[tuple[int, Any]]:
    try:
        value = loads_strictly(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput([f"{name}: not JSON: {shortened(str(exc), 200)}"]) from exc
    return [(number, item if isinstance(item, dict) else "null") for number, item in enumerate(value, start=1)]


def _object(line: str) -> tuple[dict[str, Any], str]:
    """Return the object of a line, empty if it has none, and why."""
    try:
        value = loads_strictly(line)
        if not isinstance(value, dict):
            return {}, "it is no JSON object"
        check_json(value)
    except RecursionError:
        return {}, "it is nested too deeply"
    except FlawedJson as exc:
        return {}, exc.problems[0]
    except json.JSONDecodeError as exc:
        return {}, f"not JSON: {syntax_error(exc.msg)}"
    except ValueError as exc:
        return {}, str(exc)
    return value, "" if len(line) <= MAX_SIZE else f"it has more than {MAX_SIZE} characters"


def _parquet(content: bytes, name: str) -> Table:
    try:
        reader: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise InvalidInput([f"{name}: Parquet needs pyarrow, which is missing; {install_hint('parquet')}"]) from None
    table = _sound(lambda: reader.read_table(BytesIO(content)), name)
    names: list[str] = _sound(lambda: table.column_names, name)
    columns = _column_names(names, name)

    def rows() -> Iterator[Row]:
        number = 0
        for batch in _sound(table.to_batches, name):
            for values in _sound(batch.to_pylist, name):
                number += 1
                yield Row(number, {column: _cell(values[given]) for column, given in named})

    named = list(zip(columns, names, strict=True))
    return Table(name, "Parquet", columns, rows)


def _sound(read: Callable[[], Any], name: str) -> Any:
    """Return what the Parquet reader gives. It raises many kinds of errors for a broken file."""
    try:
        return read()
    except Exception as exc:
        raise InvalidInput([f"{name}: not readable as Parquet: {shortened(str(exc).strip(), 200)}"]) from exc


def _cell(value: Any) -> Any:
    """Return a JSON value; None for an empty text, and the ISO text of a time."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and isnan(value):  # stands for a missing number
        return None
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    return str(value)
