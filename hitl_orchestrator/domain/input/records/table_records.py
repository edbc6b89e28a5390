"""Records of a Parquet file: a row has the fields of a record, a column such as `metadata.amount` one of them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from math import isnan
from typing import IO, Any

from hitl_orchestrator.domain.input.json_text import FlawedJson, loads_strictly
from hitl_orchestrator.domain.input.record_size import check_size
from hitl_orchestrator.domain.input.records.record import Record
from hitl_orchestrator.domain.value import MAX_SIZE, check_shape
from hitl_orchestrator.errors import InvalidInput, install_hint, shortened

MARK = b"PAR1"
"""The first bytes of a Parquet file."""

_ROWS = 1000
_OBJECTS = ("metadata", "agent_output", "modified_output")
"""The fields that have an object, also as JSON text."""


def parquet_records(file: IO[bytes], where: str, check: Callable[[Sequence[str]], None]) -> Iterator[Record]:
    """Yield the rows of a Parquet file, some at a time. `check` is called with the names of its columns before.

    Raises:
        InvalidInput: it cannot be read, or pyarrow is missing.
    """
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise InvalidInput([f"{where}: Parquet needs pyarrow, which is missing; {install_hint('parquet')}"]) from None
    index = 0
    table = _sound(lambda: parquet.ParquetFile(file, pre_buffer=False), where)
    check(_sound(lambda: table.schema_arrow.names, where))
    batches = _sound(lambda: table.iter_batches(batch_size=_ROWS), where)
    while (batch := _sound(lambda: next(batches, None), where)) is not None:
        is_large = batch.nbytes > MAX_SIZE // 4
        for row in _sound(batch.to_pylist, where):
            yield _record(row, index, where, is_large=is_large)
            index += 1
    if not index:
        raise InvalidInput([f"{where}: it is empty; give one record a row"])


def _record(row: Mapping[str, Any], index: int, where: str, *, is_large: bool) -> Record:
    part, size = f"row {index + 1}", 0
    try:
        raw = _nested(row)
        check_shape(raw)
        if is_large:
            text = json.dumps(raw, ensure_ascii=False)
            check_size(text)
            size = len(text)
    except FlawedJson as exc:
        return Record(where, index, part=part, problems=tuple(f"{where}: {part}: {flaw}" for flaw in exc.problems))
    except (ValueError, RecursionError, TypeError) as exc:
        return Record(where, index, part=part, problems=(f"{where}: {part}: {shortened(str(exc), 200)}",))
    return Record(where, index, raw, size, part)


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row: an empty cell is a field that is left out, a name with a dot one within another."""
    record: dict[str, Any] = {}
    for name, cell in row.items():
        value = _json(cell)
        if value is None:
            continue
        outer, dot, inner = name.partition(".")
        if outer in _OBJECTS and isinstance(value, str) and not dot:
            value = loads_strictly(value)
        if not dot:
            record[name] = {**record[name], **value} if isinstance(record.get(name), dict) else value
        else:
            record[outer] = {**record.get(outer, {}), inner: value}
    return record


def _json(value: Any) -> Any:
    """Return a JSON value without its empty fields."""
    if isinstance(value, dict):
        return {name: member for name, each in value.items() if (member := _json(each)) is not None}
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and isnan(value):  # stands for a missing number
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _sound(read: Any, where: str) -> Any:
    """Return what the Parquet reader gives. It raises many kinds of errors for a broken file."""
    try:
        return read()
    except Exception as exc:
        raise InvalidInput([f"{where}: not readable as Parquet: {shortened(str(exc).strip(), 200)}"]) from exc
