"""Rows of CSV files as spreadsheets write them, each with its line."""

import csv
import io
import re
from typing import Any, NamedTuple

from hitl_orchestrator.domain.input.record_size import check_size
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.declarations import FieldType

TRUTH = {"true": True, "false": False}
_NUMBER = re.compile(r"[-+]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][-+]?[0-9]{1,3})?")
_SEPARATOR = re.compile(r"\"?sep=(?P<sign>[^\r\n\"])\"?[,;]*\r?\n", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')


class Row(NamedTuple):
    """The cells of a row, and its first line."""

    line: int
    cells: list[str]


def rows_of_csv(text: str, where: str, *, semicolons: bool = False) -> list[Row]:
    """Return the rows of a CSV text without empty rows and without the empty columns of spreadsheets.

    A first line such as `sep=,`, by which some programs name the separator, is left out. With `semicolons` these may
    separate the columns too.

    Raises:
        InvalidInput: with the line of the first error.
    """
    text = text.removeprefix("\ufeff")
    skipped, named = _separator_line(text)
    separator = _separator_of(text[skipped:], named, where, semicolons=semicolons)
    reader = csv.reader(io.StringIO(text[skipped:], newline=""), strict=True, delimiter=separator)
    rows, lines_before = [], int(skipped > 0)
    begins = lines_before + 1
    try:
        check_size(text)
        for row in reader:
            rows.append(Row(begins, row))
            begins = lines_before + reader.line_num + 1
    except csv.Error as exc:
        raise InvalidInput([f"{where}: line {begins}: {exc}"]) from exc
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc
    rows = [row for row in rows if any(row.cells)]
    wide = len(rows[0].cells) if rows else 0
    while wide and not rows[0].cells[wide - 1]:
        wide -= 1
    return [Row(line, cells[:wide] if not any(cells[wide:]) else cells) for line, cells in rows]


def _separator_line(text: str) -> tuple[int, str | None]:
    """Return the length of a first line that names the separator, and the separator; 0 and None without one."""
    named = _SEPARATOR.match(text)
    return (named.end(), named["sign"]) if named else (0, None)


def _separator_of(text: str, named: str | None, where: str, *, semicolons: bool) -> str:
    """Return the separator of the columns. Raises `InvalidInput` for one that is not read here."""
    if named not in (None, ",", ";"):
        raise InvalidInput([f"{where}: line 1: columns are separated by {named!r}; save the file with commas"])
    start = len(text) - len(text.lstrip())
    header = _QUOTED.sub("", text[start:].partition("\n")[0])
    found = ";" if named == ";" or (named is None and ";" in header and "," not in header) else ","
    if found == ";" and not semicolons:
        line = 1 + (named == ";") + text.count("\n", 0, start)
        raise InvalidInput([f"{where}: line {line}: columns are separated by semicolons; save the file with commas"])
    return found


def typed_cell(cell: str, kind: FieldType | None) -> Any:
    """Return a cell as a value of its declared type; a cell that cannot be read so stays text."""
    if kind is FieldType.LIST:
        return [member.strip() for member in cell.split(";") if member.strip()]
    if kind is FieldType.BOOLEAN:
        return TRUTH.get(cell.lower(), cell)
    if kind is FieldType.NUMBER and _NUMBER.fullmatch(cell.strip()):
        return float(cell) if set(cell) & set(".eE") else int(cell)
    return cell
