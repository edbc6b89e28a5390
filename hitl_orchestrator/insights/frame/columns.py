"""The columns of the frame, its types, and rows of the ledger's table `outcomes` as a frame."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.errors import InvalidInput, install_hint, shortened

if TYPE_CHECKING:
    import polars as pl

FRAME: Mapping[str, str] = {
    "finished_seq": "whole",
    "case_id": "text",
    "task_id": "text",
    "task_type": "text",
    "domain": "text",
    "risk_level": "text",
    "confidence_score": "number",
    "confidence_source": "text",
    "signals": "text",
    "has_proposal": "flag",
    "routing_decision": "text",
    "rule_id": "text",
    "policy_id": "text",
    "policy_hash": "text",
    "review_probability": "number",
    "drawn": "flag",
    "assigned_human_role": "text",
    "approvals_needed": "whole",
    "escalations": "whole",
    "final_decision": "text",
    "decision_source": "text",
    "human_decision": "text",
    "reviewer_id": "text",
    "human_role": "text",
    "votes": "text",
    "confidence_assessment": "text",
    "reason_code": "text",
    "quality_check": "text",
    "quality_check_expected": "text",
    "quality_check_of": "text",
    "replayed": "flag",
    "submitted_by": "text",
    "predicted_label": "text",
    "label_changed": "flag",
    "shown_length": "whole",
    "classifier_failed": "flag",
    "unreadable": "flag",
    "redacted": "flag",
    "agent_id": "text",
    "model": "text",
    "model_version": "text",
    "prompt_version": "text",
    "task_timestamp": "time",
    "received_at": "time",
    "review_opened_at": "time",
    "due_at": "time",
    "timestamp": "time",
    "latency_seconds": "number",
    "review_seconds": "number",
    "seconds_looked_at": "number",
}
"""The columns and their kinds: `whole` is Int64, `number` Float64, `flag` Boolean, `text` String, and `time` Datetime
in microseconds and UTC. Columns that a file does not have are null."""

BANDS = ("none", "<0.50", "0.50-0.60", "0.60-0.70", "0.70-0.80", "0.80-0.90", "0.90-0.95", "0.95-1.00")
"""The confidence bands. A band includes its lower end, the last one both ends; `none` is no confidence."""

DERIVED: Mapping[str, str] = {
    "kind": "text",
    "is_decided": "flag",
    "by_person": "flag",
    "overturned": "flag",
    "confidence_band": "text",
    "is_drawn": "flag",
    "check_overturned": "flag",
    "looked_at": "flag",
    "look_overturned": "flag",
    "look_weight": "number",
}
"""The columns that `prepared` adds."""

_STORED_TIME, _ANY_TIME = "%Y-%m-%dT%H:%M:%S.%6fZ", "%+"
"""The form that the ledger writes, which is read several times as fast, and every form of the standard."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def polars(what: str = "this") -> Any:
    """Return the module polars; `what` begins the sentence of the error.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        return import_module("polars")
    except ImportError:
        raise InvalidInput([f"{what} needs polars, which is missing; {install_hint('lab')}"]) from None


def schema(columns: Iterable[str] = FRAME) -> dict[str, Any]:
    """Return the polars types of these columns of the frame, and of the derived ones."""
    pl = polars()
    types = {
        "whole": pl.Int64,
        "number": pl.Float64,
        "flag": pl.Boolean,
        "text": pl.String,
        "time": pl.Datetime("us", "UTC"),
    }
    kinds = {**FRAME, **DERIVED}
    return {name: types[kinds[name]] for name in columns}


def empty() -> "pl.DataFrame":
    """Return a frame without cases."""
    return polars().DataFrame(schema=schema())  # type: ignore[no-any-return]


class Separators(NamedTuple):
    """How a text separates values and rows, and how it writes a missing number beside an empty text."""

    value: str
    row: str
    no_number: str


def from_text(text: str, columns: Sequence[str], separators: Separators) -> "pl.DataFrame":
    """Return rows of the table `outcomes`, written as one text, as a frame. An empty text is null, but for `signals`.

    Raises:
        InvalidInput: a value does not fit its column.
    """
    pl = polars()
    if not text:
        return pl.DataFrame(schema=schema(columns))  # type: ignore[no-any-return]
    numbers = [name for name in columns if FRAME[name] == "number"]
    try:
        raw = pl.read_csv(
            text.encode(),
            has_header=False,
            separator=separators.value,
            eol_char=separators.row,
            quote_char=None,
            schema=_stored_types(columns),
            null_values=dict.fromkeys(numbers, separators.no_number),
        )
        return _as_frame(raw, columns)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as exc:
        raise _unreadable(exc) from exc


def from_rows(rows: Iterable[Sequence[Any]], columns: Sequence[str] = tuple(FRAME)) -> "pl.DataFrame":
    """Return rows of the table `outcomes`, with their columns in this order, as a frame.

    Raises:
        InvalidInput: a value does not fit its column.
    """
    pl = polars()
    try:
        raw = pl.DataFrame(list(rows), schema=_stored_types(columns), orient="row")
        return _as_frame(raw, columns)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as exc:
        raise _unreadable(exc) from exc


def rows_of(frame: "pl.DataFrame") -> Iterator[dict[str, Any]]:
    """Yield the rows of a frame by the names of their columns. Times need no time zone database, as polars' own do."""
    times = [name for name, kind in frame.schema.items() if kind == polars().Datetime("us", "UTC")]
    for row in frame.with_columns(polars().col(times).dt.epoch("us")).iter_rows(named=True):
        for name in times:
            row[name] = None if row[name] is None else _EPOCH + timedelta(microseconds=row[name])
        yield row


def _unreadable(exc: Exception) -> InvalidInput:
    line = (str(exc).splitlines() or [type(exc).__name__])[0]
    return InvalidInput([f"the rows of outcomes cannot be read: {shortened(line)}"])


def _stored_types(columns: Iterable[str]) -> dict[str, Any]:
    """Return the polars types of columns as the table holds them: times as texts, flags as 0 and 1."""
    pl = polars()
    as_stored = {"time": pl.String, "flag": pl.Int64}
    return {name: as_stored.get(FRAME[name], kind) for name, kind in schema(columns).items()}


def _as_frame(raw: "pl.DataFrame", columns: Sequence[str]) -> "pl.DataFrame":
    """Return stored columns as those of the frame. Only altered rows have times in another form than the stored one."""
    try:
        return raw.with_columns(_read_stored(columns, _STORED_TIME))
    except polars().exceptions.PolarsError:
        return raw.with_columns(_read_stored(columns, _ANY_TIME))


def _read_stored(columns: Iterable[str], times: str) -> "list[pl.Expr]":
    """Return the conversions of stored columns to those of the frame."""
    pl = polars()
    readers = {
        "time": lambda column: column.str.to_datetime(times, time_unit="us", time_zone="UTC"),
        "flag": lambda column: column.cast(pl.Boolean),
    }
    read = [readers[FRAME[name]](pl.col(name)) for name in columns if FRAME[name] in readers]
    return [*read, pl.col("signals").fill_null("")] if "signals" in columns else read
