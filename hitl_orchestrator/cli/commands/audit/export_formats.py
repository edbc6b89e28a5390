"""Exports of the ledger as JSON Lines, CSV and Parquet."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import IO, Any

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.invisible_characters import escape_in_json, escape_invisible
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.orchestrator import TASK_COLUMNS, LedgerAudit

FORMATS = ("jsonl", "csv", "parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 10_000
_BOOLEANS = ("human_involved", "replayed", "redacted")
_WHOLE_NUMBERS = ("seq", "escalations", "approvals_needed")
_NUMBERS = ("confidence_score", "latency_seconds", "review_probability", "review_seconds", "seconds_looked_at")
Row = dict[str, Any]


def check_format(form: str, out: str | None) -> None:
    """Raise `InvalidInput` for an unknown format, and for Parquet on standard output."""
    if form not in FORMATS:
        raise InvalidInput([f"--format: {form!r} is not one of {', '.join(FORMATS)}{did_you_mean(form, FORMATS)}"])
    if form == "parquet" and out is None:
        raise InvalidInput(["--format parquet: a Parquet file is not text; name a file with --out"])


def write(audit: LedgerAudit, form: str, out: str | None, *, events: bool) -> int:
    """Write the audit records, or every ledger entry, to a file or to standard output; return the number of rows."""
    columns = tuple(Event.model_fields) if events else (*AuditRecord.model_fields, *TASK_COLUMNS)
    rows = (event.model_dump(mode="json") for event in audit.events()) if events else audit.rows()
    return _to_parquet(rows, columns, str(out)) if form == "parquet" else _to_text(rows, columns, form, out)


def _to_text(rows: Iterator[Row], columns: tuple[str, ...], form: str, out: str | None) -> int:
    number = 0
    with _opened(out) as file:
        if form == "csv":
            writer = csv.writer(file)
            writer.writerow(columns)
        for row in rows:
            number += 1
            if form == "csv":
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
    return f"'{text}" if text.startswith(_FORMULA) else text


def _to_parquet(rows: Iterator[Row], columns: tuple[str, ...], out: str) -> int:
    """Write text, number and Boolean columns. Nested values become JSON text: every file has the same schema."""
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        problem = f"--format parquet needs pyarrow, which is missing; {install_hint('parquet')}"
        raise InvalidInput([problem]) from None

    schema = pa.schema([(column, _parquet_type(column, pa)) for column in columns])
    number = 0
    try:
        with parquet.ParquetWriter(out, schema) as writer:
            while batch := list(islice(rows, _BATCH)):
                flat = [{column: _flat(row[column]) for column in columns} for row in batch]
                writer.write_table(pa.Table.from_pylist(flat, schema=schema))
                number += len(batch)
    except OSError as exc:
        raise InvalidInput([f"{out}: cannot be written: {exc.strerror or exc}"]) from exc
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


@contextmanager
def _opened(out: str | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    try:
        with open(out, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - the name as typed
            yield file
    except OSError as exc:
        raise InvalidInput([f"{out}: cannot be written: {exc.strerror}"]) from exc
