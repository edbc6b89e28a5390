"""Past cases as frames: from the audit records that `hitl audit export` writes, and from a ledger."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hitl_orchestrator.backtest.vectorized import polars
from hitl_orchestrator.domain.enums import POLICY_CHANGE, QualityCheckKind
from hitl_orchestrator.errors import InvalidInput, LedgerDamaged
from hitl_orchestrator.ledger.ports.ledger import Ledger

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_A_TIME = 100_000
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_MOST_OF_A_LINE = 160
_MARK, _LIST = b"\xef\xbb\xbf", b"["
_TEXTS = (
    "risk_level",
    "domain",
    "task_type",
    "routing_decision",
    "rule_id",
    "human_decision",
    "assigned_human_role",
    "quality_check",
    "signals",
    "metadata",
    "timestamp",
    "task_timestamp",
    "proposed_output",
)
_NUMBERS = ("confidence_score", "review_probability", "latency_seconds", "approvals_needed")
NEEDED = ("risk_level", "domain", "task_type", "routing_decision", "rule_id", "confidence_score", "review_probability")
FIELDS = (*_TEXTS, *_NUMBERS, "redacted")
"""What is read of each past case."""

NOTHING_LEFT_OUT, ERASED, NAMELESS = range(3)
"""Why a case is left out: what a policy asks about was erased, or the case has no domain or task type."""

_COLUMNS = (
    "risk_level",
    "domain",
    "task_type",
    "confidence_score",
    "signals",
    "has_proposal",
    "routing_decision",
    "rule_id",
    "review_probability",
    "assigned_human_role",
    "approvals_needed",
    "human_decision",
    "quality_check",
    "task_timestamp",
)
"""The columns of a ledger's outcomes that a backtest reads."""

_QUALITY_CHECKS = (QualityCheckKind.KNOWN_ANSWER.value, QualityCheckKind.SECOND_REVIEW.value)


def first_line(exc: Exception) -> str:
    """Return the beginning of what an error says; some quote all that they could not read."""
    line = (str(exc).splitlines() or [type(exc).__name__])[0]
    return line if len(line) <= _MOST_OF_A_LINE else f"{line[:_MOST_OF_A_LINE]}..."


def scan(path: str) -> "pl.LazyFrame":
    """Return the past cases of an exported file, Parquet or JSON Lines, which is read when it is needed.

    Raises:
        InvalidInput: it is neither, or lacks what every case has.
    """
    pl = polars()
    ending = Path(path).suffix
    if ending not in {".parquet", ".jsonl", ".ndjson"}:
        raise InvalidInput([f"--on {path}: past cases stand in a store, or in a file .parquet, .jsonl or .ndjson"])
    if not Path(path).is_file():
        raise InvalidInput([f"--on {path}: there is no such file"])
    if ending != ".parquet":
        _refuse_other_json(path)
    try:
        frame = pl.scan_parquet(path) if ending == ".parquet" else pl.scan_ndjson(path, schema=_schema(pl))
        columns = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise InvalidInput([f"--on {path}: cannot be read: {first_line(exc)}"]) from exc
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        told = ", ".join(missing)
        raise InvalidInput([f"--on {path}: it has no column {told}; export the audit records with 'hitl audit export'"])
    if isinstance(columns.get("metadata"), pl.Struct):
        text = pl.when(pl.col("metadata").is_not_null()).then(pl.col("metadata").struct.json_encode())
        frame, columns = frame.with_columns(metadata=text), {**columns, "metadata": pl.String()}
    if problems := _unfit(pl, path, columns):
        raise InvalidInput(problems)
    return frame  # type: ignore[no-any-return]


def _refuse_other_json(path: str) -> None:
    with Path(path).open("rb") as file:
        begins = file.read(4)
    if begins.startswith(_MARK):
        raise InvalidInput([f"--on {path}: it begins with a byte order mark; save it as UTF-8 without one"])
    if begins.lstrip().startswith(_LIST):
        raise InvalidInput(
            [f"--on {path}: it is one JSON array; write one object to a line, as 'hitl audit export' does"]
        )


def _unfit(pl: Any, path: str, columns: Mapping[str, Any]) -> list[str]:
    """Say which columns hold something else than what an export writes into them."""
    wanted = dict.fromkeys(_TEXTS, (pl.String, "text")) | dict.fromkeys(_NUMBERS, (None, "numbers"))
    wanted["redacted"] = (pl.Boolean, "true or false")
    found = []
    for name, (kind, told) in wanted.items():
        held = columns.get(name, pl.Null())
        fits = held.is_numeric() if kind is None else held == kind
        if not (fits or held == pl.Null or (name == "signals" and held == pl.List(pl.String))):
            found.append(
                f"--on {path}: {name}: the column holds {held}, and not {told}; export the audit records again"
            )
    return found


def frames(
    ledger: Ledger, *, tasks: bool, heard: Callable[[int], None] = lambda number: None
) -> "Iterator[pl.LazyFrame]":
    """Yield the cases of a ledger as frames, so many at a time; `heard` is told how many.

    With `tasks` come the metadata and timestamps of their tasks, which takes much longer.

    Raises:
        LedgerDamaged: an outcome cannot be read.
    """
    rows = ledger.outcomes(*_COLUMNS, metadata=tasks)
    batches = iter(lambda: list(islice(rows, ROWS_AT_A_TIME)), [])
    for frame in meanwhile(partial(_frame_of, polars()), batches):
        yield frame.lazy()
        heard(frame.height)


def meanwhile(work: Callable[[_In], _Out], given: Iterable[_In]) -> Iterator[_Out]:
    """Yield what becomes of each thing, in order; it is worked on while the next one is read."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        before = None
        for one in given:
            if before is not None:
                yield before.result()
            before = worker.submit(work, one)
        if before is not None:
            yield before.result()


def _frame_of(pl: Any, rows: list[tuple[Any, ...]]) -> "pl.DataFrame":
    """Return outcomes as a frame; with two more values per row than columns, these are metadata and redaction."""
    names = (*_COLUMNS, "metadata", "redacted")[: len(rows[0])]
    try:
        frame = pl.DataFrame(
            [
                pl.Series(name, values, _types(pl).get(name, pl.String))
                for name, values in zip(names, zip(*rows, strict=True), strict=True)
            ]
        )
    except (ValueError, TypeError, pl.exceptions.PolarsError) as exc:
        raise LedgerDamaged(f"the rows of outcomes cannot be read: {first_line(exc)}") from exc
    signals = pl.col("signals")
    return frame.with_columns(  # type: ignore[no-any-return]
        signals=pl.when(signals == "").then(pl.lit([], pl.List(pl.String))).otherwise(signals.str.split(" ")),
        proposed_output=pl.when(pl.col("has_proposal") == 1).then(pl.lit("{}")),
    ).drop("has_proposal")


def _types(pl: Any) -> dict[str, Any]:
    return dict.fromkeys(_NUMBERS, pl.Float64) | {"has_proposal": pl.Int64, "redacted": pl.Boolean}


def prepared(frame: "pl.LazyFrame", needs: frozenset[str]) -> "pl.LazyFrame":
    """Return past cases as policies look at them, without quality checks of reviewers and changes of the policy.

    A look afterwards at what had gone ahead by itself is no case again (`again`), and a review like any other. Where a
    case is to be left out, `left_out` says why.

    Raises:
        InvalidInput: they lack what a policy asks for.
    """
    pl = polars()
    columns = frame.collect_schema()
    asked = {"signals": "signals", "metadata": "metadata", "moment": "task_timestamp"}
    missing = [column for need, column in asked.items() if need in needs and column not in columns]
    if missing:
        told = " and ".join(missing)
        raise InvalidInput(
            [f"past cases: the policy asks about {told}, and the cases have no such column; export them again"]
        )
    day = pl.col("task_timestamp").str.slice(0, 10) if "task_timestamp" in columns else _day_before(pl, columns)
    proposed = pl.col("confidence_score").is_not_null()
    if "proposed_output" in columns:
        proposed |= pl.col("proposed_output").is_not_null()
    quality_check = pl.col("quality_check").fill_null("") if "quality_check" in columns else pl.lit("")
    changes = (pl.col("task_type") == POLICY_CHANGE).fill_null(value=False)
    found = frame.filter(~quality_check.is_in(_QUALITY_CHECKS) & ~changes).with_columns(
        pl.col("confidence_score").cast(pl.Float64),
        again=quality_check == QualityCheckKind.SPOT_CHECK.value,
        has_proposal=proposed,
        day=day,
        answer=pl.col("human_decision") if "human_decision" in columns else pl.lit(None, pl.String),
        old_role=pl.col("assigned_human_role") if "assigned_human_role" in columns else pl.lit(None, pl.String),
        old_answers=_approvals(pl, columns),
        left_out=_left_out(pl, columns, needs),
    )
    if "moment" in needs:
        moment = pl.col("task_timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC")
        found = found.with_columns(moment=moment)
    if "signals" in needs and columns["signals"] != pl.String:
        joined = pl.lit('["') + pl.col("signals").list.join('","') + pl.lit('"]')
        found = found.with_columns(signals=joined)
    return found


def _approvals(pl: Any, columns: Any) -> "pl.Expr":
    """Return how many answers were asked for. Records of old do not say so: then it was one."""
    if "approvals_needed" not in columns:
        return pl.lit(1, pl.Int64)  # type: ignore[no-any-return]
    return pl.col("approvals_needed").cast(pl.Int64, strict=False).fill_null(1)  # type: ignore[no-any-return]


def _left_out(pl: Any, columns: Any, needs: frozenset[str]) -> "pl.Expr":
    """Return why a case is left out. What was erased is not what was missing: a policy must not be tried on it."""
    nameless = pl.col("domain").is_null() | pl.col("task_type").is_null()
    why = pl.when(nameless).then(NAMELESS)
    if "metadata" in needs:
        redacted = pl.col("redacted").fill_null(value=False) if "redacted" in columns else pl.lit(value=False)
        why = why.when(redacted | pl.col("metadata").is_null()).then(ERASED)
    return why.otherwise(NOTHING_LEFT_OUT).cast(pl.UInt8)  # type: ignore[no-any-return]


def _day_before(pl: Any, columns: Any) -> "pl.Expr":
    """Return the day on which a task was made, from the moment of its decision."""
    if "timestamp" not in columns or "latency_seconds" not in columns:
        return pl.lit(None, pl.String)  # type: ignore[no-any-return]
    decided = pl.col("timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC")
    made = decided - pl.duration(microseconds=(pl.col("latency_seconds") * 1e6).round())
    return made.dt.strftime("%Y-%m-%d")  # type: ignore[no-any-return]


def _schema(pl: Any) -> dict[str, Any]:
    texts = dict.fromkeys(_TEXTS, pl.String)
    return texts | dict.fromkeys(_NUMBERS, pl.Float64) | {"signals": pl.List(pl.String), "redacted": pl.Boolean}
