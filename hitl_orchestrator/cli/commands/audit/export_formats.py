"""Exports of the ledger as JSON Lines, CSV and Parquet."""

import csv
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import IO, Any, NamedTuple

from hitl_orchestrator.cli.output.data import new_file, new_text_file, standard_output
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.shown.invisible_characters import escape_in_json, escape_invisible
from hitl_orchestrator.errors import HitlError, InvalidInput, install_hint
from hitl_orchestrator.orchestrator import TASK_COLUMNS, LedgerAudit

FORMATS, DELIMITERS = ("jsonl", "csv", "parquet"), (",", ";")
# The characters that OWASP names (CSV injection), with their full-width forms; spreadsheets skip blanks before them.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_LINE_STARTS = ("\t", "\r", "\n")
_BATCH = 10_000
_BOOLEANS = ("human_involved", "replayed", "label_changed", "redacted", "drawn")
_WHOLE_NUMBERS = ("seq", "escalations", "approvals_needed", "shown_length")
_NUMBERS = ("confidence_score", "latency_seconds", "review_probability", "review_seconds", "seconds_looked_at")
Row = dict[str, Any]


class Target(NamedTuple):
    """The form and the file of an export; None is standard output. `bom` and `delimiter` are those of CSV."""

    form: str
    out: str | None = None
    force: bool = False
    bom: bool = False
    delimiter: str = ","

    def check(self) -> None:
        """Raise `InvalidInput` for an unknown format or delimiter, and for Parquet on standard output."""
        if self.form not in FORMATS:
            hint = did_you_mean(self.form, FORMATS)
            raise InvalidInput([f"--format: {self.form!r} is not one of {', '.join(FORMATS)}{hint}"])
        if self.form == "parquet" and self.out is None:
            raise InvalidInput(["--format parquet: a Parquet file is not text; name a file with --out"])
        if self.delimiter not in DELIMITERS:
            raise InvalidInput([f"--delimiter: {self.delimiter!r} is neither ',' nor ';'"])
        if self.form != "csv" and (self.bom or self.delimiter != ","):
            raise InvalidInput([f"--bom and --delimiter are options of --format csv, not of {self.form}"])


def write(audit: LedgerAudit, target: Target, on_unreadable: Callable[[HitlError], None], *, events: bool) -> int:
    """Write the audit records, or every ledger entry, to a file or to standard output; return the number of rows.

    `on_unreadable` is called with the error of each row that is left out.
    """
    columns = tuple(Event.model_fields) if events else (*AuditRecord.model_fields, *TASK_COLUMNS)
    entries = (event.model_dump(mode="json") for event in audit.events(on_unreadable))
    rows = entries if events else audit.rows(on_unreadable)
    return (_to_parquet if target.form == "parquet" else _to_text)(rows, columns, target)


def _to_text(rows: Iterator[Row], columns: tuple[str, ...], target: Target) -> int:
    number, is_csv = 0, target.form == "csv"
    with standard_output() if target.out is None else new_text_file(target.out, force=target.force) as file:
        if target.bom:
            file.write("\ufeff")
        writer = csv.writer(file, delimiter=target.delimiter)
        if is_csv:
            writer.writerow(columns)
        for row in rows:
            number += 1
            if is_csv:
                writer.writerow([_seen(file, defused(row[column])) for column in columns])
            else:
                line = json.dumps(row, ensure_ascii=False)
                file.write((escape_in_json(line) if file.isatty() else line) + "\n")
    return number


def _seen(file: IO[str], value: Any) -> Any:
    """Return a value; on a terminal, the characters of a text that act on it or hide are escaped."""
    return escape_invisible(value) if isinstance(value, str) and file.isatty() else value


def defused(value: Any) -> Any:
    """Return the content of a CSV cell: numbers unchanged, other values as text that is never run as a formula."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    is_formula = text.startswith(_LINE_STARTS) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _to_parquet(rows: Iterator[Row], columns: tuple[str, ...], target: Target) -> int:
    """Write text, number and Boolean columns. Nested values become JSON text: every file has the same schema."""
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        problem = f"--format parquet needs pyarrow, which is missing; {install_hint('parquet')}"
        raise InvalidInput([problem]) from None

    schema = pa.schema([(column, _parquet_type(column, pa)) for column in columns])
    number = 0
    with new_file(str(target.out), force=target.force) as file, parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            flat = [{column: _flat(row[column]) for column in columns} for row in batch]
            writer.write_table(pa.Table.from_pylist(flat, schema=schema))
            number += len(batch)
    return number


def _parquet_type(column: str, pa: Any) -> Any:
    if column in _WHOLE_NUMBERS:
        return pa.int64()
    if column in _NUMBERS:
        return pa.float64()
    return pa.bool_() if column in _BOOLEANS else pa.string()


def _flat(value: Any) -> Any:
    plain = value is None or isinstance(value, (bool, int, float, str))
    return value if plain else json.dumps(value, ensure_ascii=False)
