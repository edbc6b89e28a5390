"""`hitl audit export`: the ledger for other programs. In CSV nothing is a formula, whatever agents and people wrote."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import IO, Any

from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.ledger.ports.ledger import Ledger

FORMS = ("jsonl", "csv", "parquet")
OF_THE_TASK = ("metadata", "task_timestamp", "redacted")
"""The columns beside those of the record: the task's metadata as JSON text, its timestamp, and if it was erased."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_A_TIME = 10_000
_BOOLEANS = ("human_involved", "replayed", "redacted")
_WHOLE_NUMBERS = ("seq", "escalations", "approvals_needed")
_NUMBERS = ("confidence_score", "latency_seconds", "review_probability", "review_seconds", "seconds_looked_at")
Row = dict[str, Any]


def export(session: Session, form: str, out: str | None, *, events: bool) -> None:
    """Write the audit records, or every entry, into a file or to standard output."""
    if form not in FORMS:
        raise InvalidInput([f"--format: {form!r} is not one of {', '.join(FORMS)}{did_you_mean(form, FORMS)}"])
    if form == "parquet" and out is None:
        raise InvalidInput(["--format parquet: a Parquet file is no text; name a file with --out"])
    columns = tuple(Event.model_fields) if events else (*AuditRecord.model_fields, *OF_THE_TASK)
    with session.ledger() as ledger:
        rows = _rows(ledger, events=events)
        number = _to_parquet(rows, columns, str(out)) if form == "parquet" else _to_text(rows, columns, form, out)
    if out is not None:
        what = count(number, "entry", "entries") if events else count(number, "audit record")
        data = {"file": out, "format": form, "rows": number}
        answer(session.as_json, data, lambda: [Line(f"{what} written to {out}.")])


def _rows(ledger: Ledger, *, events: bool) -> Iterator[Row]:
    if events:
        return (one.model_dump(mode="json") for one in ledger.events())
    # What a policy may ask about and the record does not hold. Both come in the order in which the cases finished.
    return (
        record.model_dump(mode="json")
        | dict(zip(OF_THE_TASK, (past.metadata, past.made_at, past.redacted), strict=True))
        for record, past in zip(ledger.records(), ledger.past(), strict=False)
    )


def _to_text(rows: Iterator[Row], columns: tuple[str, ...], form: str, out: str | None) -> int:
    number = 0
    with _opened(out) as file:
        if form == "csv":
            writer = csv.writer(file)
            writer.writerow(columns)
        for row in rows:
            number += 1
            if form == "csv":
                writer.writerow([defused(row[column]) for column in columns])
            else:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return number


def defused(value: Any) -> Any:
    """Return what a cell holds: numbers as they are, all else as text that no spreadsheet takes for a formula."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _to_parquet(rows: Iterator[Row], columns: tuple[str, ...], out: str) -> int:
    """Write every column as text, numbers or truth; what is nested is JSON text, so that every file has one schema."""
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        problem = f"--format parquet needs pyarrow, which is missing; {install_hint('parquet')}"
        raise InvalidInput([problem]) from None

    schema = pa.schema([(column, _parquet_type(column, pa)) for column in columns])
    number = 0
    try:
        with parquet.ParquetWriter(out, schema) as writer:
            while batch := list(islice(rows, _ROWS_AT_A_TIME)):
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
        with open(out, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - the name as it was typed
            yield file
    except OSError as exc:
        raise InvalidInput([f"{out}: cannot be written: {exc.strerror}"]) from exc
