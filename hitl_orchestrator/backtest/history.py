"""Past cases as data frames, from exported audit records or from a ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.open_cases import open_cases, row_of
from hitl_orchestrator.backtest.stored import in_background
from hitl_orchestrator.backtest.vectorized import polars
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, DecisionSource, QualityCheckKind
from hitl_orchestrator.errors import InvalidInput, LedgerDamaged
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.engine.axes.fields.column import read_fields

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_A_TIME = 100_000
_LOOKED_AT = 1_000
"""The cases of a frame whose fields are listed."""

_LONGEST_LINE = 160
_MARK, _LIST = b"\xef\xbb\xbf", b"["
_NAMED = ("agent_id", "model", "model_version")
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
    "history",
    "timestamp",
    "task_timestamp",
    "proposed_output",
    "case_id",
    "decision_source",
    "predicted_label",
    *_NAMED,
    "received_at",
)
_FLAGS = ("redacted", "drawn", "replayed", "label_changed", "is_open")
_NUMBERS = ("confidence_score", "review_probability", "latency_seconds", "approvals_needed")
NEEDED = ("risk_level", "domain", "task_type", "routing_decision", "rule_id", "confidence_score", "review_probability")
INCLUDED, ERASED, NAMELESS, UNROUTED = range(4)
"""Why a case is left out: an erased fact that a policy reads, no domain or task type, or no routing yet."""

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
    "drawn",
    "received_at",
    "replayed",
    "assigned_human_role",
    "approvals_needed",
    "human_decision",
    "quality_check",
    "task_timestamp",
    "case_id",
    "decision_source",
    "predicted_label",
    "label_changed",
    *_NAMED,
)
"""The columns of a ledger's outcomes that a backtest reads."""

FROM_TEXTS, FROM_ROUTING = frozenset({"metadata", "agent"}), frozenset({"proposal", "history"})
"""The facts for which the texts of a case, or those and the entry of its routing, must be read."""

_QUALITY_CHECKS = (QualityCheckKind.KNOWN_ANSWER.value, QualityCheckKind.SECOND_REVIEW.value)


def first_line(exc: Exception) -> str:
    """Return the beginning of an error message; some messages quote the whole input."""
    line = (str(exc).splitlines() or [type(exc).__name__])[0]
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def scan(path: str) -> "pl.LazyFrame":
    """Return the past cases of an exported file, Parquet or JSON Lines, as a lazy frame.

    Raises:
        InvalidInput: the file is neither, or lacks a required column.
    """
    pl = polars()
    ending = Path(path).suffix
    if ending not in {".parquet", ".jsonl", ".ndjson"}:
        raise InvalidInput(
            [f"--on {path}: past cases come from a file .parquet, .jsonl or .ndjson; --store names a store"]
        )
    if not Path(path).is_file():
        raise InvalidInput([f"--on {path}: the file does not exist"])
    if ending != ".parquet":
        _refuse_other_json(path)
    try:
        frame = pl.scan_parquet(path) if ending == ".parquet" else pl.scan_ndjson(path, schema=_schema(pl))
        columns = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise InvalidInput([f"--on {path}: cannot be read: {first_line(exc)}"]) from exc
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        columns_missing = ", ".join(missing)
        raise InvalidInput(
            [f"--on {path}: it has no column {columns_missing}; export the audit records with 'hitl audit export'"]
        )
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
    """Return the columns whose type differs from that of an export."""
    wanted = dict.fromkeys(_TEXTS, (pl.String, "text")) | dict.fromkeys(_NUMBERS, (None, "numbers"))
    wanted |= dict.fromkeys(_FLAGS, (pl.Boolean, "true or false"))
    problems = []
    for name, (kind, expected) in wanted.items():
        actual = columns.get(name, pl.Null())
        fits = actual.is_numeric() if kind is None else actual == kind
        if not (fits or actual == pl.Null or (name == "signals" and actual == pl.List(pl.String))):
            problem = f"{name}: the column holds {actual}, and not {expected}; export the audit records again"
            problems.append(f"--on {path}: {problem}")
    return problems


def frames(
    ledger: Ledger, *, needs: frozenset[str], on_read: Callable[[int], None] = lambda number: None
) -> "Iterator[pl.LazyFrame]":
    """Yield the cases of a ledger in frames of `ROWS_AT_A_TIME`, the open ones first.

    `on_read` receives the number of finished cases of each. `needs` are the facts that policies read: those that the
    rows of outcomes do not hold (`FROM_TEXTS`, `FROM_ROUTING`) take longer to read.

    Raises:
        LedgerDamaged: an outcome cannot be read.
    """
    pl, routing = polars(), bool(needs & FROM_ROUTING)
    texts = routing or bool(needs & FROM_TEXTS)
    names = (*_COLUMNS, *(("metadata", "redacted") if texts else ()), *(("proposal", "history") if routing else ()))
    waiting = _frame_of(pl, names, [row_of(case, names) for case in open_cases(ledger)])
    if waiting.height:
        yield waiting.with_columns(is_open=pl.lit(value=True)).lazy()
    rows = ledger.outcomes(*_COLUMNS, metadata=texts, routing=routing)
    batches = iter(lambda: list(islice(rows, ROWS_AT_A_TIME)), [])
    for frame in in_background(partial(_frame_of, pl, names), batches):
        # A case that finished in the meantime stays open here, so that each counts once.
        yield frame.join(waiting, on="case_id", how="anti").lazy() if waiting.height else frame.lazy()
        on_read(frame.height)


def _frame_of(pl: Any, names: Sequence[str], rows: list[tuple[Any, ...]]) -> "pl.DataFrame":
    """Return rows with these columns of outcomes as a frame."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    try:
        frame = pl.DataFrame(
            [
                pl.Series(name, values, _types(pl).get(name, pl.String))
                for name, values in zip(names, columns, strict=True)
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
    return dict.fromkeys(_NUMBERS, pl.Float64) | {
        **dict.fromkeys(("has_proposal", "label_changed", "drawn", "replayed"), pl.Int64),
        "redacted": pl.Boolean,
    }


def names_in(frame: "pl.LazyFrame") -> frozenset[str]:
    """Return the names of fields in the metadata of some cases; nested ones by their path, such as `customer.tier`."""
    pl = polars()
    texts = frame.filter(pl.col("metadata").is_not_null()).select("metadata").head(_LOOKED_AT).collect()["metadata"]
    found: set[str] = set()
    for text in texts:
        found.update(_paths(read_fields(text, "metadata")))
    return frozenset(found)


def _paths(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in fields.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")


def prepared(frame: "pl.LazyFrame", needs: frozenset[str]) -> "pl.LazyFrame":
    """Return past cases as policies look at them, without quality checks of reviewers and changes of the policy.

    A spot check counts as a review, but not as another case (`again`). `left_out` is the reason why a case is left out.
    `due` is whether a review of the case was due: by a policy, or as a spot check for which it was drawn; null where
    the cases do not say which were drawn.

    Raises:
        InvalidInput: the cases lack a fact that a policy reads.
    """
    pl = polars()
    frame = _with_facts(pl, frame, needs)
    columns = frame.collect_schema()
    _check_has(columns, needs)
    day = pl.col("task_timestamp").str.slice(0, 10) if "task_timestamp" in columns else _day_before(pl, columns)
    proposed = pl.col("confidence_score").is_not_null()
    if "proposed_output" in columns:
        proposed |= pl.col("proposed_output").is_not_null()
    quality_check = pl.col("quality_check").fill_null("") if "quality_check" in columns else pl.lit("")
    changes = pl.col("task_type").is_in(OWN_QUESTIONS).fill_null(value=False)
    cases = frame.filter(~quality_check.is_in(_QUALITY_CHECKS) & ~changes).with_columns(
        pl.col("confidence_score").cast(pl.Float64),
        again=quality_check == QualityCheckKind.SPOT_CHECK.value,
        has_proposal=proposed,
        day=day,
        is_open=pl.col("is_open").fill_null(value=False) if "is_open" in columns else pl.lit(value=False),
        stated_label=_label(pl, columns),
        stated_agent=_agent(pl, columns),
        label_changed=pl.col("label_changed").cast(pl.Boolean) if "label_changed" in columns else pl.lit(value=None),
        answer=pl.col("human_decision") if "human_decision" in columns else pl.lit(None, pl.String),
        old_role=pl.col("assigned_human_role") if "assigned_human_role" in columns else pl.lit(None, pl.String),
        old_answers=_approvals(pl, columns),
        due=_due(pl, columns, quality_check == QualityCheckKind.SPOT_CHECK.value),
        left_out=_left_out(pl, columns, needs),
    )
    if "moment" in needs:
        moment = pl.col("task_timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC")
        cases = cases.with_columns(moment=moment)
    if "received" in needs:
        cases = cases.with_columns(received=_received(pl, columns))
    if "signals" in needs and columns["signals"] != pl.String:
        joined = pl.lit('["') + pl.col("signals").list.join('","') + pl.lit('"]')
        cases = cases.with_columns(signals=joined)
    return cases


def _check_has(columns: Any, needs: frozenset[str]) -> None:
    asked = {name: name for name in ("signals", "metadata", "proposal", "agent", "history")}
    asked |= {"moment": "task_timestamp", "received": "received_at"}
    missing = " and ".join(column for need, column in asked.items() if need in needs and column not in columns)
    if missing:
        raise InvalidInput(
            [f"past cases: the policy reads {missing}, and the cases have no such column; export them again"]
        )


def _with_facts(pl: Any, frame: "pl.LazyFrame", needs: frozenset[str]) -> "pl.LazyFrame":
    """Add the proposal and the statements about the agent as JSON texts, where a policy reads them."""
    added: dict[str, Any] = {}
    columns = frame.collect_schema()
    if "proposal" in needs and "proposal" not in columns and columns.get("proposed_output") == pl.String:
        added["proposal"] = pl.col("proposed_output")
    if "agent" in needs and any(columns.get(name) == pl.String for name in _NAMED):
        stated = {
            name: pl.col(column) if columns.get(column) == pl.String else pl.lit(None, pl.String)
            for name, column in zip(("id", "model", "version"), _NAMED, strict=True)
        }
        added["agent"] = pl.struct(**stated).struct.json_encode()
    return frame.with_columns(**added)


def _label(pl: Any, columns: Any) -> "pl.Expr":
    """Return the label of the proposal, in a file of exported records that of their output."""
    stated = [pl.col("predicted_label")] if columns.get("predicted_label") == pl.String else []
    if columns.get("proposed_output") == pl.String:
        stated.append(pl.col("proposed_output").str.json_path_match("$.predicted_label"))
    return pl.coalesce(stated) if stated else pl.lit(None, pl.String)  # type: ignore[no-any-return]


def _agent(pl: Any, columns: Any) -> "pl.Expr":
    """Return the agent, or else its model, and the version as one name; null where the output states none of them."""
    named, model, version = (pl.col(name) if columns.get(name) == pl.String else None for name in _NAMED)
    agent = [each for each in (named, model) if each is not None]
    stated = [pl.coalesce(agent)] if agent else []
    if not (stated := stated + ([] if version is None else [version])):
        return pl.lit(None, pl.String)  # type: ignore[no-any-return]
    together = pl.concat_str(stated, separator=" ", ignore_nulls=True)
    return pl.when(together != "").then(together)  # type: ignore[no-any-return]


def _received(pl: Any, columns: Any) -> "pl.Expr":
    """Return when the store received each case; for a record of the past, which it was given later, its own time."""
    received = pl.col("received_at")
    if "replayed" in columns and "task_timestamp" in columns:
        received = pl.when(pl.col("replayed").cast(pl.Boolean)).then("task_timestamp").otherwise(received)
    return received.str.to_datetime("%+", time_unit="us", time_zone="UTC")  # type: ignore[no-any-return]


def _approvals(pl: Any, columns: Any) -> "pl.Expr":
    """Return the number of required approvals; one for older records, which do not have it."""
    if "approvals_needed" not in columns:
        return pl.lit(1, pl.Int64)  # type: ignore[no-any-return]
    return pl.col("approvals_needed").cast(pl.Int64, strict=False).fill_null(1)  # type: ignore[no-any-return]


def _due(pl: Any, columns: Any, again: "pl.Expr") -> "pl.Expr":
    """Return whether a review of each case was due; `drawn` tells it of an automatic one."""
    chance = pl.col("review_probability")
    due = pl.when(again | ~(chance > 0)).then(pl.lit(value=False)).when(chance >= 1).then(pl.lit(value=True))
    if "decision_source" not in columns:
        return due.otherwise(None)  # type: ignore[no-any-return]
    automatic = pl.col("decision_source") == DecisionSource.AGENT.value
    drawn = pl.col("drawn").cast(pl.Boolean) if "drawn" in columns else pl.lit(None, pl.Boolean)
    return due.when(automatic).then(drawn).otherwise(pl.lit(value=True))  # type: ignore[no-any-return]


def _left_out(pl: Any, columns: Any, needs: frozenset[str]) -> "pl.Expr":
    """Return why a case is left out. An erased fact is not a missing one, so a policy must not be tried on it."""
    nameless = pl.col("domain").is_null() | pl.col("task_type").is_null()
    why = pl.when(nameless).then(NAMELESS)
    if "is_open" in columns:
        why = pl.when("is_open", pl.col("routing_decision").is_null()).then(UNROUTED).when(nameless).then(NAMELESS)
    if needs & (FROM_TEXTS | FROM_ROUTING):
        redacted = pl.col("redacted").fill_null(value=False) if "redacted" in columns else pl.lit(value=False)
        lacks = pl.col("metadata").is_null() if "metadata" in needs else pl.lit(value=False)
        why = why.when(redacted | lacks).then(ERASED)
    if "signals" in needs:
        why = why.when(pl.col("signals").is_null()).then(ERASED)
    return why.otherwise(INCLUDED).cast(pl.UInt8)  # type: ignore[no-any-return]


def _day_before(pl: Any, columns: Any) -> "pl.Expr":
    """Return the day on which a task was created, computed from the time of its decision."""
    if "timestamp" not in columns or "latency_seconds" not in columns:
        return pl.lit(None, pl.String)  # type: ignore[no-any-return]
    decided = pl.col("timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC")
    made = decided - pl.duration(microseconds=(pl.col("latency_seconds") * 1e6).round())
    return made.dt.strftime("%Y-%m-%d")  # type: ignore[no-any-return]


def _schema(pl: Any) -> dict[str, Any]:
    texts = dict.fromkeys(_TEXTS, pl.String)
    return (
        texts
        | dict.fromkeys(_NUMBERS, pl.Float64)
        | {
            "signals": pl.List(pl.String),
            **dict.fromkeys(_FLAGS, pl.Boolean),
        }
    )
